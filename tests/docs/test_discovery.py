"""docs/discovery.md says what the code does: its tables are current, its lines right, its numbers those used."""

from __future__ import annotations

import re
from pathlib import Path

from inferdeck.config.load import load
from inferdeck.daemon.watching import FORGET_SECONDS
from inferdeck.sources import discovery, marks_reference
from inferdeck.sources.published import LIST_PATH
from inferdeck.sources.registry import config_classes
from scripts.generated import DISCOVERY, ROOT

PAGE = (ROOT / DISCOVERY).read_text(encoding="utf-8")


def test_the_tables_are_current() -> None:
    assert marks_reference.page(PAGE) == PAGE


def test_its_lines_are_right(tmp_path: Path) -> None:
    written = re.findall(r"`((?:sources|discovery): \{.*?\})`(?=[. ]|$)", PAGE, re.MULTILINE)
    assert len(written) == 2
    for line in written:
        file = tmp_path / "inferdeck.yaml"
        file.write_text(f"{line}\n")
        environ = {"HOME": str(tmp_path), "LITELLM_MASTER_KEY": "sk-anything"}
        load(path=file, environ=environ, kinds=config_classes())


def test_its_numbers_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    assert discovery.ROUND_SECONDS == 60 and "looks again every minute" in text
    assert discovery.FIRST_PAUSE_SECONDS == 60 and "after 1, 2, 4, ..." in text
    assert discovery.LONGEST_PAUSE_SECONDS == 1800 and "every 30 minutes" in text
    assert FORGET_SECONDS == 86_400 and "for a day" in text
    assert f"`GET {LIST_PATH}` once a round and nothing else" in text
