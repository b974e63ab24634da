"""Hosts that draw panes: watch, sampler, wtf, and wth in the form that it truly reads.

Sources: watch(1); sqshq/sampler, example.yml (a canvas of 80 by 40 units; the last line of a number's sample is one
float); wtfutil/wtf, modules/cmdrunner and cfg (no shell; without a grid, rows and columns share the screen);
mrusme/wth, wth.yaml, libwth/cfg and modules/command (rows of cells with ratios; the command is split by go-shellwords,
without a shell).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from inferdeck.faces.hosts.wanted import TITLES, File, Pane, Wanted, Written

_SAMPLER_WIDTH, _SAMPLER_HEIGHT = 80, 40
_COLUMNS = 12
_CHARTS = (("Requests per minute", "rate"), ("Latency p95, seconds", "latency.p95"), ("Errors, ratio", "errors.ratio"))
"""Figures of the metrics widget that sampler draws as a line."""


def watch(wanted: Wanted) -> Written:
    """Return a script that shows one widget with watch(1)."""
    script = (
        "#!/bin/sh\n"
        f"# {wanted.origin('watch')}\n"
        "# Draws a widget anew every few seconds: inferdeck-watch.sh [WIDGET] [SECONDS]\n"
        "# -x: without a shell between; watch tells its size in COLUMNS and LINES.\n"
        f'exec watch -c -t -x -n "${{2:-{wanted.seconds}}}" {wanted.shell("widget")} "${{1:-health}}" --host ansi\n'
    )
    return Written((File("inferdeck-watch.sh", script, program=True),), ("show one: {folder}/inferdeck-watch.sh",))


def sampler(wanted: Wanted) -> Written:
    """Return a configuration with the layout's widgets as boxes of text and three figures as charts."""
    lines = [f"# {wanted.origin('sampler')}", "textboxes:"]
    for pane, left, top, width, height in _placed(wanted, _SAMPLER_WIDTH, _SAMPLER_HEIGHT * 3 // 4):
        sample = wanted.widget(pane.widget, "sampler", "--width", str(max(20, width)))
        lines += [
            f"  - title: {TITLES[pane.widget]}",
            f"    position: [[{left}, {top}], [{width}, {height}]]",
            f"    rate-ms: {pane.seconds * 1000}",
            f"    sample: {_yaml(sample)}",
        ]
    lines.append("runcharts:")
    width, top = _SAMPLER_WIDTH // len(_CHARTS), _SAMPLER_HEIGHT * 3 // 4
    for number, (title, field) in enumerate(_CHARTS):
        sample = wanted.widget("metrics", "sampler", "--field", field)
        lines += [
            f"  - title: {_yaml(title)}",
            f"    position: [[{number * width}, {top}], [{width}, {_SAMPLER_HEIGHT - top}]]",
            f"    rate-ms: {wanted.seconds * 1000}",
            "    legend: {enabled: false, details: false}",
            "    scale: 3",
            "    items:",
            f"      - label: {field.replace('.', ' ')}",
            f"        sample: {_yaml(sample)}",
        ]
    file = "inferdeck-sampler.yml"
    return Written((File(file, "\n".join(lines) + "\n"),), (f"show it: sampler -c {{folder}}/{file}",))


def wtf(wanted: Wanted) -> Written:
    """Return a configuration of command runners."""
    rows = len(wanted.grid)
    lines = [
        f"# {wanted.origin('wtf')}",
        "wtf:",
        "  refreshInterval: 1",
        "  mods:",
    ]
    wanted.shell("widget")
    for pane, left, top, width, height in _placed(wanted, _COLUMNS, rows):
        # Its text is read as tview reads it: square brackets would be colours, as they are for sampler.
        program, *arguments = wanted.words("widget", pane.widget, "--host", "sampler")
        lines += [
            f"    inferdeck_{pane.widget}:",
            "      type: cmdrunner",
            "      enabled: true",
            f"      title: {TITLES[pane.widget]}",
            f"      cmd: {_yaml(program)}",
            f"      args: [{', '.join(_yaml(word) for word in arguments)}]",
            f"      position: {{top: {top}, left: {left}, height: {height}, width: {width}}}",
            f"      refreshInterval: {pane.seconds}s",
        ]
    file = "inferdeck-wtf.yml"
    return Written((File(file, "\n".join(lines) + "\n"),), (f"show it: wtfutil --config={{folder}}/{file}",))


def wth(wanted: Wanted) -> Written:
    """Return wth.yaml; its command module is a Go plug-in that users build with their wth."""
    plugin = Path.home() / ".local" / "lib" / "wth" / "command.so"
    lines = [
        f"# {wanted.origin('wth')}",
        "# wth reads wth.yaml in the current folder, ~, ~/.config and /etc. It shows commands through a Go plug-in,",
        "# which must be built with the same Go and the same libraries as wth itself; path is where that is.",
        "modules:",
    ]
    for row in wanted.grid:
        for pane in row:
            lines += [
                f"  - id: {pane.widget}",
                f"    name: {TITLES[pane.widget]}",
                f"    path: {_yaml(str(plugin))}",
                "    enabled: true",
                "    config:",
                f"      command: {_yaml(wanted.widget(pane.widget, 'wth'))}",
                f"    refreshInterval: {pane.seconds}s",
            ]
    lines += ["layout:", "  rows:"]
    for row in wanted.grid:
        lines.append("    - cells:")
        lines += [f"        - {{moduleId: {pane.widget}, ratioX: {pane.share}, ratioY: 4}}" for pane in row]
    return Written((File("wth.yaml", "\n".join(lines) + "\n"),), ("show it: run wth in {folder}",))


def _placed(wanted: Wanted, width: int, height: int) -> Iterator[tuple[Pane, int, int, int, int]]:
    """Yield each pane with its left, top, width and height on a canvas of so many units."""
    rows = wanted.grid
    for number, row in enumerate(rows):
        top, bottom = height * number // len(rows), height * (number + 1) // len(rows)
        before = 0
        for pane in row:
            left, right = width * before // _COLUMNS, width * (before + pane.share) // _COLUMNS
            yield pane, left, top, right - left, bottom - top
            before += pane.share


def _yaml(text: str) -> str:
    """Return a text as YAML reads it: JSON's strings are YAML's."""
    return json.dumps(text)
