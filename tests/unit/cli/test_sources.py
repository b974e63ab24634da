"""`inferdeck sources` as it is drawn: what it is called, and figures that can be read."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from inferdeck.cli import arguments
from inferdeck.cli.sources import readable
from inferdeck.errors import NotFoundError
from tests.unit.api.place import served


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    options = arguments.parse(words)
    assert arguments.command(options.command)(options) == 0
    return capsys.readouterr().out


def test_a_source_is_found_by_the_name_that_the_list_shows_and_by_its_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(tmp_path) as place:
        head, *rows = shown(capsys, "sources", "list", "--url", place.url).splitlines()
        assert head.split()[:3] == ["STATE", "SOURCE", "NAME"]
        assert any(row.split()[2:4] == ["default/litellm/g:4000", "gate"] for row in rows)
        for word in ("gate", "litellm"):
            assert "default/litellm/g:4000" in shown(capsys, "sources", "explain", word, "--url", place.url)
        with pytest.raises(NotFoundError, match="names several sources"):
            shown(capsys, "sources", "explain", "r:6379", "--url", place.url)


@pytest.mark.parametrize(
    ("key", "told", "text"),
    [
        ("input_cost_per_token", "0.00000010000000000000001", "1e-07"),
        ("output_cost_per_token", "0.0000025", "0.0000025"),
        ("weight", "0.5", "0.5"),
        ("time", "1795261502.842", "2026-11-21 11:45:02"),
        ("started", "0", "0"),
        ("size_bytes", "70553706496", "70553706496"),
        ("id", "00123456789012345678901234567890", "00123456789012345678901234567890"),
        ("version", "1.10.0", "1.10.0"),
        ("version", "1.10", "1.10"),
        ("time", "soon", "soon"),
        ("created", "9" * 40, "9" * 40),
    ],
)
def test_facts_are_shown_as_people_read_them(key: str, told: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert readable(key, told) == text
    monkeypatch.undo()
    time.tzset()
