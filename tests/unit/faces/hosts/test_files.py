"""The files of every host: read by a parser of the host's own format, their commands run as the host runs them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from inferdeck.cli.commands import running
from inferdeck.errors import UsageError
from inferdeck.faces.hosts import wanted
from inferdeck.faces.hosts.table import HOSTS
from inferdeck.faces.hosts.wanted import GRIDS, LAYOUTS, LINES, MARK, File, Wanted
from inferdeck.faces.widgets.wish import Wish, read
from inferdeck.model.widget import NAMES

PROGRAM = "/opt/in fer/bin/inferdeck"
LAYOUT = pytest.mark.parametrize("layout", LAYOUTS)


def files(host: str, layout: str = "development", program: str = PROGRAM, *options: str) -> tuple[File, ...]:
    return HOSTS[host].make(Wanted((program,), layout, options)).files


def only(host: str, layout: str) -> str:
    (file,) = files(host, layout)
    return file.text


def yaml(text: str) -> Any:
    return YAML(typ="safe").load(text)


def asked(words: list[str]) -> Wish:
    """Return what a command asks for; it must be one of inferdeck's that the fast way reads."""
    assert words[:2] == [PROGRAM, "widget"]
    found = read(words[2:])
    assert found is not None, words
    return found


def commands(layout: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands of all files as words, with the host that they are for, split as each host splits them."""
    for box in (found := yaml(only("sampler", layout)))["textboxes"]:
        yield "sampler", shlex.split(box["sample"])
    for chart in found["runcharts"]:
        yield from (("sampler", shlex.split(item["sample"])) for item in chart["items"])
    for module in yaml(only("wtf", layout))["wtf"]["mods"].values():
        yield "sampler", [module["cmd"], *module["args"]]
    for module in yaml(only("wth", layout))["modules"]:
        yield "wth", shlex.split(module["config"]["command"])
    for module in json.loads(files("waybar", layout)[0].text).values():
        yield "waybar", shlex.split(module["exec"])
    for found in re.findall(r"\$\{texecpi \d+ ([^}]*)\}", only("conky", layout)):
        yield "conky", shlex.split(found)
    yield "starship", shlex.split(tomllib.loads(only("starship", layout))["custom"]["inferdeck"]["command"])
    for file in files("swiftbar", layout):
        yield "xbar", shlex.split(file.text.splitlines()[-1])[1:]
    for found in re.findall(r"#\(([^)]*)\)", files("tmux", layout)[0].text):
        yield "tmux", shlex.split(found)


@LAYOUT
def test_every_command_is_one_of_inferdecks(layout: str) -> None:
    seen = set()
    for host, words in commands(layout):
        wish = asked(words)
        assert wish.host == host
        seen.add(host)
    assert seen == {"sampler", "wth", "waybar", "conky", "starship", "xbar", "tmux"}


@LAYOUT
def test_layouts_show_widgets_that_there_are(layout: str) -> None:
    panes = [pane for row in GRIDS[layout] for pane in row]
    assert {pane.widget for pane in panes} | set(LINES[layout]) <= set(NAMES)
    assert len({pane.widget for pane in panes}) == len(panes)
    assert all(sum(pane.share for pane in row) == 12 for row in GRIDS[layout])
    assert set(wanted.TITLES) == set(NAMES)


def test_the_command_line_knows_every_host_and_layout() -> None:
    assert set(running.HOSTS) == set(HOSTS)
    assert running.LAYOUTS == LAYOUTS


@LAYOUT
def test_wth_has_the_keys_that_wth_reads(layout: str) -> None:
    found = yaml(only("wth", layout))
    assert set(found) == {"modules", "layout"}
    for module in found["modules"]:
        assert set(module) == {"id", "name", "path", "enabled", "config", "refreshInterval"}
        assert re.fullmatch(r"\d+s", module["refreshInterval"])
        # Go does not know ~.
        assert Path(module["path"]).is_absolute()
    cells = [cell for row in found["layout"]["rows"] for cell in row["cells"]]
    assert all(set(cell) == {"moduleId", "ratioX", "ratioY"} for cell in cells)
    assert [cell["moduleId"] for cell in cells] == [module["id"] for module in found["modules"]]


@LAYOUT
def test_samplers_boxes_fill_its_canvas_and_do_not_overlap(layout: str) -> None:
    found = yaml(only("sampler", layout))
    taken: set[tuple[int, int]] = set()
    for box in [*found["textboxes"], *found["runcharts"]]:
        (left, top), (width, height) = box["position"]
        cells = {(x, y) for x in range(left, left + width) for y in range(top, top + height)}
        assert not cells & taken
        taken |= cells
    assert max(x for x, _ in taken) < 80
    assert max(y for _, y in taken) < 40


def test_samplers_charts_ask_for_figures_that_there_are() -> None:
    from inferdeck.render.widgets.metrics import CONTENT

    fields = [asked(words).field for host, words in commands("development") if host == "sampler"]
    assert {field for field in fields if field} <= {one.path for one in CONTENT.told}


@LAYOUT
def test_wtfs_modules_have_places_of_their_own(layout: str) -> None:
    found = yaml(only("wtf", layout))["wtf"]["mods"]
    places = [tuple(module["position"].values()) for module in found.values()]
    assert len(set(places)) == len(places) == len(found)
    assert all(module["type"] == "cmdrunner" for module in found.values())


@LAYOUT
def test_waybars_modules_are_json_and_its_style_names_them(layout: str) -> None:
    modules, style = files("waybar", layout)
    found = json.loads(modules.text)
    assert all(module["return-type"] == "json" for module in found.values())
    for name in found:
        for word in ("warning", "critical", "unknown", "old", "stale"):
            assert f"#{name.replace('/', '-')}.{word}" in style.text
    assert style.text.count("{") == style.text.count("}")


@LAYOUT
def test_starship_shows_it_and_waits_for_no_network(layout: str) -> None:
    found = tomllib.loads(only("starship", layout))["custom"]["inferdeck"]
    # Its default is false: nothing would be shown.
    assert found["when"] is True
    assert asked(shlex.split(found["command"])).timeout < 500


@LAYOUT
def test_conkys_configuration_is_whole(layout: str) -> None:
    text = only("conky", layout)
    assert text.count("{") == text.count("}")
    assert text.count("[[") == text.count("]]") == 1


@LAYOUT
@pytest.mark.parametrize("host", HOSTS)
def test_files_say_where_they_come_from_and_scripts_are_scripts(host: str, layout: str, tmp_path: Path) -> None:
    for file in files(host, layout):
        if not file.path.endswith(".json"):
            assert MARK in "".join(file.text.splitlines(keepends=True)[:3]), file.path
        assert file.program is file.path.endswith(".sh")
        if file.program:
            for shell in ("bash", "dash"):
                if shutil.which(shell):
                    subprocess.run([shell, "-n"], input=file.text, text=True, check=True, timeout=60)


def test_scripts_run_what_they_are_told_with_its_options(tmp_path: Path) -> None:
    program = tmp_path / "in here" / "inferdeck"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    program.chmod(0o755)
    written = {file.path: file.text for file in files("scripts", LAYOUTS[0], str(program), "--config=/a b/x.yaml")}
    for name, words in (("health-status", "widget|health"), ("test_kimi_routing", "probe|routing")):
        script = ["sh", "-c", written[f"bin/{name}.sh"], name, "--check"]
        done = subprocess.run(script, capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout == f"{words}|--config=/a b/x.yaml|--check|"


def test_scripts_have_nothing_that_shellcheck_finds(tmp_path: Path) -> None:
    found = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if found is None:
        pytest.skip("shellcheck is not installed")
    paths = []
    for layout in LAYOUTS:
        for host in HOSTS:
            for file in files(host, layout):
                if file.program:
                    path = tmp_path / layout / host / file.path
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(file.text)
                    paths.append(path)
    done = subprocess.run(
        [found, "-x", "-P", "SCRIPTDIR", *paths], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout


def test_options_of_all_commands_go_with_each_command() -> None:
    (file,) = files("conky", "production", PROGRAM, "--url=http://localhost:4633")
    wish = asked(shlex.split(re.findall(r"\$\{texecpi \d+ ([^}]*)\}", file.text)[0]))
    assert wish.url == "http://localhost:4633"


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    "program", ["/a'b", '/a"b', "/a$b", "/a#b", "/a%b", "/a`b", "/a)b", "/a}b", "/a\nb", "/a\\b", "/a;b", "/ä", "/a|b"]
)
def test_a_path_that_a_host_would_read_as_its_own_is_refused(host: str, program: str) -> None:
    with pytest.raises(UsageError, match="--program"):
        files(host, "development", program)
