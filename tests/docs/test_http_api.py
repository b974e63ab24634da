"""docs/http-api.md names every route of the HTTP interface, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from inferdeck.api import app
from tests.unit.api.place import SmallOperations, questions, topics

PAGE = Path(__file__).parents[2] / "docs" / "http-api.md"


def test_every_route_is_documented_and_none_that_is_not_there() -> None:
    paths = app.build(questions(), SmallOperations(), topics=topics()).openapi()["paths"]
    there = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    rows = re.findall(r"^\| `((?:GET|POST|DELETE) [^`]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(rows) == there
