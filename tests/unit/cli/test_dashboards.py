"""`inferdeck dashboards` and `inferdeck snapshot`: what is listed, checked and shown, and what differs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from inferdeck.cli import main
from inferdeck.dashboards import loader
from inferdeck.model.clock import ManualClock
from tests.served import Served
from tests.unit.api.boards import FILE, NOW, boards


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Served]:
    async with boards(tmp_path, ManualClock(NOW)) as found:
        yield found


async def run(site: Served, *words: str) -> int:
    return await asyncio.to_thread(main, [*words, "--url", site.url])


async def test_all_dashboards_are_listed_with_what_cannot_be_read(
    site: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(site, "dashboards", "list") == 0
    out = capsys.readouterr().out
    assert "overview" in out and "mine" in out and "alerts" in out
    assert 'broken.yaml:3: row: unknown key, did you mean "rows"?' in out


async def test_a_dashboard_is_shown_panel_by_panel(site: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(site, "dashboards", "show", "mine", "--range", "30m", "--var", "model=a.b") == 0
    out = capsys.readouterr().out
    assert "gateway=g:1 model=a.b" in out
    assert " 10.0 /s" in out
    assert "Now at g:1, a.b" in out
    assert "  3.00 k" in out
    assert "not yet" in out
    assert "c|d" not in out


async def test_values_are_printed_as_csv_and_json(site: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(site, "dashboards", "show", "mine", "--range", "30m", "--panel", "now", "--format", "csv") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "dashboard,panel,query,series,time,value"
    assert lines[1].startswith("mine,now,A,,2026-") and lines[1].endswith("6000.0")
    assert await run(site, "dashboards", "show", "mine", "--panel", "now", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["panels"][0]["status"] == "ok"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("show", "nobody"), 2, "no dashboard 'nobody'"),
        (("show", "mine", "--var", "model"), 2, "NAME=VALUE"),
        (("show", "mine", "--var", "colour=x"), 2, "no such variable"),
        (("show", "mine", "--range", "soon"), 2, "is no time"),
    ],
)
async def test_wrong_use_is_told(
    site: Served, words: tuple[str, ...], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(site, "dashboards", *words) == code
    assert told in capsys.readouterr().err


def test_files_are_checked_without_a_daemon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(FILE.replace("llm_queue_depth{", "llm_queue_dept{"), encoding="utf-8")
    assert main(["dashboards", "check", str(path)]) == 1
    out = capsys.readouterr().out
    assert 'llm_queue_dept: unknown metric, did you mean "llm_queue_depth"?' in out
    assert "alerts" in out
    path.write_text("uid: x\n", encoding="utf-8")
    assert main(["dashboards", "check", str(path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["broken"] == [
        f'{path}:1: "title" is missing',
        f'{path}:1: "rows" is missing',
    ]


def test_a_file_that_is_checked_alone_may_link_to_any_dashboard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = (loader.DEFINITIONS / "compare.yaml").read_text(encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(body.replace("dashboard: gpu}", "dashboard: nobodys}"), encoding="utf-8")
    assert main(["dashboards", "check", str(path)]) == 1
    out = capsys.readouterr().out
    assert 'no dashboard has the uid "nobodys"' in out and "1 errors" in out


async def test_a_snapshot_is_compared_figure_by_figure(
    site: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    assert await run(site, "snapshot", "save", str(before), "--dashboard", "mine") == 0
    assert "of 1 dashboards" in capsys.readouterr().out
    assert await run(site, "snapshot", "diff", str(before)) == 0
    text = before.read_text(encoding="utf-8")
    assert '  "mine requests a.b": {"value": 10.0, "unit": "rate"}' in text
    changed = text.replace('a.b": {"value": 10.0', 'a.b": {"value": 12.0').replace("mine requests c|d", "mine new")
    after.write_text(changed, encoding="utf-8")
    capsys.readouterr()
    assert main(["snapshot", "diff", str(before), str(after)]) == 1
    out = capsys.readouterr().out
    assert "+20.0 %" in out and "gone" in out and "new" in out
    assert main(["snapshot", "diff", str(before), str(after), "--least", "50", "--json"]) == 1
    assert [one["change"] for one in json.loads(capsys.readouterr().out)] == ["new", "gone"]
    after.write_text("[]", encoding="utf-8")
    assert main(["snapshot", "diff", str(before), str(after)]) == 2
    assert "no snapshot" in capsys.readouterr().err
