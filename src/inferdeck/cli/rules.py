"""`inferdeck rules`: alert and recording rules for Prometheus and Grafana, their check and their unit tests."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from inferdeck.cli.text import safe
from inferdeck.errors import UsageError

if TYPE_CHECKING:
    from inferdeck.rules.check import Finding
    from inferdeck.rules.rule import RuleGroup
    from inferdeck.rules.site import Site

_COMMAND = re.compile(r"^\s*\$ (inferdeck .+)$", re.MULTILINE)
RECORDING = "recording"
ALL = "all"


def export(options: argparse.Namespace) -> int:
    """Print one file of rules, or write files into a folder."""
    from inferdeck.rules import export as files

    if options.what == RECORDING and not options.grafana:
        return _given(options, {files.RECORDING: _recording()})  # needs no site
    from inferdeck.rules import grafana

    site = _site(options)
    if options.grafana:
        groups = files.alert_groups(site, alone=True)
        made = {f"grafana-{name}": grafana.text(found, datasource=options.datasource) for name, found in groups.items()}
    else:
        made = {**files.files(site), files.RECORDING: _recording()}
    if options.what not in (ALL, RECORDING):
        made = {name: text for name, text in made.items() if Path(name).stem.removeprefix("grafana-") == options.what}
    if not made:
        raise UsageError(f"rules export {options.what}: there is no such file for Grafana")
    return _given(options, made)


def _given(options: argparse.Namespace, made: dict[str, str]) -> int:
    """Print the one file, or write them into the folder that is named."""
    if options.out is None and len(made) > 1:
        raise UsageError(f"rules export {options.what} makes {len(made)} files: give --out DIR")
    if options.out is None:
        sys.stdout.write(next(iter(made.values())))
        return 0
    folder = Path(options.out)
    _write(folder, made)
    print("\n".join(str(folder / name) for name in made))
    return 0


def check(options: argparse.Namespace) -> int:
    """Check rule files, or without any our own rules with the site's values; 1 where something is wrong."""
    from inferdeck.rules import check as rules
    from inferdeck.rules import export as files
    from inferdeck.rules import prometheus_file

    if options.files:
        read = {name: prometheus_file.read(Path(name), name) for name in options.files}
    else:
        read = {name: tuple(groups) for name, groups in files.alert_groups(_site(options)).items()}
    wrong = 0
    for name, groups in read.items():
        found: list[Finding] = [*rules.check(groups, frozenset(options.label)), *_commands(groups)]
        wrong += sum(not finding.advice for finding in found)
        for finding in found:
            print(safe(str(finding)))
        print(f"{safe(name)}: {sum(len(group.rules) for group in groups)} rules, {_counted(found)}")
    return 1 if wrong else 0


def test(options: argparse.Namespace) -> int:
    """Run promtool's unit tests over our own engine; 1 where one fails."""
    from inferdeck.query.windows import Semantics
    from inferdeck.rules import unit_tests

    semantics = Semantics.PROMETHEUS_2 if options.prometheus == "2" else Semantics.PROMETHEUS_3
    failed = False
    for name in options.files:
        report = unit_tests.run(Path(name), semantics)
        for failure in report.failures:
            text = "\n".join(safe(line) for line in failure.text.split("\n"))
            print(f"{safe(failure.place)}: {text}")
        failed = failed or bool(report.failures)
        print(f"{safe(name)}: {report.checks} checks, {len(report.failures) or 'none'} failed")
    return 1 if failed else 0


def values(options: argparse.Namespace) -> int:
    """List every alert rule with its values as they are in force."""
    site = _site(options)
    print("rules.values")
    for name, shared in site.definitions.shared.items():
        print(f"  {name}: {safe(str(site.config.values.get(name, shared.default)))}")
    for name, chosen in site.chosen.items():
        print(f"rules.alerts.{name}{'' if chosen.enabled else ' (disabled)'}")
        print(f"  severity: {chosen.severity}\n  for: {chosen.hold}")
        for value in chosen.alert.values:
            print(f"  {value.name}: {safe(str(chosen.values[value.name]))}")
    return 0


def _site(options: argparse.Namespace) -> Site:
    from inferdeck.cli.settings import load
    from inferdeck.rules import loader
    from inferdeck.rules.site import Site

    return Site(loader.shipped(), load(options))


def _recording() -> str:
    from inferdeck.sources import assembly, catalog, registry
    from inferdeck.sources.recording import export as recording_rules

    return recording_rules(catalog.load(kind) for kind in registry.KINDS if assembly.has_catalog(kind))


def _write(folder: Path, made: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {(error.strerror or str(error)).lower()}") from error


def _commands(groups: Iterable[RuleGroup]) -> Iterator[Finding]:
    """Yield the commands of runbooks that are not ours."""
    from inferdeck.rules.check import Finding

    for group in groups:
        for rule in group.rules:
            for text in rule.annotations.values():
                for command in _COMMAND.findall(text):
                    trouble = wrong_command(command)
                    if trouble:
                        yield Finding(f"{rule.place}: {rule.name}", f"runbook: {command}: {trouble}")


def wrong_command(command: str) -> str:
    """Return why a line such as `inferdeck events --since 1h` is no command of ours, "" where it is one."""
    from inferdeck.cli.arguments import parse

    try:
        parse(shlex.split(command)[1:])
    except UsageError as error:
        return str(error).partition("\n")[0]
    except ValueError as error:
        return str(error)
    return ""


def _counted(found: list[Finding]) -> str:
    advice = sum(finding.advice for finding in found)
    wrong = sum(not finding.advice for finding in found)
    return f"{wrong or 'nothing'} wrong" + (f", {advice} pieces of advice" if advice else "")
