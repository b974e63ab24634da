"""The page of one model, and the list, as they are drawn."""

from __future__ import annotations

from inferdeck.cli.models import draw, draw_one
from inferdeck.cli.text import Page
from inferdeck.model.target import Fact
from tests.unit.query.catalog.small import catalog, deployed, engine, gateway


def test_parameters_dates_and_engines_are_shown_as_people_write_them() -> None:
    facts = {"status": "available", "parameters": "70553706496", "updated": "1753866309"}
    own = deployed("d", "llama", "hosted_vllm/llama", api_base="http://vllm-a:8000/v1")
    found = catalog(gateway(own), engine("vllm-a", Fact("model", "llama", facts)))
    page = Page(250, colour=False)
    draw_one(page, found.model("llama"))
    lines = page.lines()
    assert any(line.split()[:3] == ["parameters", "70.6", "B"] for line in lines), page.text()
    assert any(line.split()[:2] == ["updated", "2025-07-30"] for line in lines), page.text()
    place = lines[next(number for number, line in enumerate(lines) if line.startswith("PLACES")) + 2]
    assert " vllm-a " in place
    assert "default/vllm/" not in place
    listed = Page(250, colour=False)
    draw(listed, found.models(), asked=False)
    assert " 70.6 B " in listed.text()


def test_a_date_that_is_none_stays_as_it_was_told() -> None:
    for told in ("yesterday", "9e99", "nan"):
        facts = {"status": "available", "updated": told}
        page = Page(200, colour=False)
        draw_one(page, catalog(engine("vllm-a", Fact("model", "llama", facts))).model("llama"))
        assert f" {told} " in page.text()
