"""`inferdeck sources` as it is drawn: what it is called, and figures that can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferdeck.cli import arguments
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
