"""Our own scripts, one for each area of the language."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferdeck.cli.query_test import verdicts_of
from inferdeck.query.promql.script.run import State

CASES = sorted((Path(__file__).parent / "cases").glob("*.test"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_case_passes(path: Path) -> None:
    verdicts = verdicts_of(path)
    assert verdicts
    wrong = [f"{path.name}:{one.line}: {one.query}: {one.reason}" for one in verdicts if one.state is not State.PASSED]
    assert not wrong, "\n".join(wrong)
