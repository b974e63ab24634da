"""The page on PromQL says what the language has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from inferdeck.query.promql.engine import Engine
from inferdeck.query.promql.eval.functions import SCALARS, TABLES
from inferdeck.query.windows import EXTENDED
from inferdeck.store.metrics.memory import MemoryStore

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "promql.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\|.*\| `(.+)` \|$", PAGE, re.MULTILINE)


def test_the_page_lists_every_function_and_no_other() -> None:
    (block,) = re.findall(r"```functions\n(.+?)```", PAGE, re.DOTALL)
    assert block.split() == sorted({*TABLES, *SCALARS})


@pytest.mark.parametrize("query", EXAMPLES)
def test_the_examples_are_answered(query: str) -> None:
    assert Engine(MemoryStore()).range(query, 0, 60_000, 15_000).series == ()


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 7


def test_the_functions_of_extended_selectors_are_named() -> None:
    sentence = PAGE[PAGE.index("`anchored` works with") : PAGE.index("Both take samples")]
    for part, names in zip(sentence.split(";"), EXTENDED.values(), strict=True):
        assert set(re.findall(r"`(\w+)`", part)) - {*EXTENDED} == set(names)
