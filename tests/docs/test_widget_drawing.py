"""docs/widget-drawing.md says what hosts get."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferdeck.model.widget import ICONS, Frame
from inferdeck.render.hosts import HOSTS
from inferdeck.render.hosts.marks import OLD_SECONDS
from inferdeck.render.hosts.waybar import TOOLTIP_ROWS
from inferdeck.render.hosts.xbar import MENU_ROWS
from tests.unit.render.hosts.samples import WIDGETS

PAGE = (Path(__file__).parents[2] / "docs" / "widget-drawing.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table whose headings begin so."""
    lines = PAGE.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.replace("\\|", "¦").strip("|").split("|")] for line in lines]


def test_every_host_stands_there_with_its_own_choice() -> None:
    found = {row[0].strip("`"): row for row in rows("host | what it gets")}
    assert list(found) == list(HOSTS)
    for name, (_, gets, signs, colour) in found.items():
        host = HOSTS[name]
        assert (signs, colour == "yes") == (host.icons, host.colour), name
        one_line = gets.startswith(("one line", "a line"))
        assert one_line != host.many, name
    assert f"`--icons {'|'.join(ICONS)}`" in PAGE


def test_what_every_host_would_obey_is_told() -> None:
    told = [name.strip(" `") for row in rows("host | what it would obey") for name in row[0].split(",")]
    assert sorted(told) == sorted(HOSTS)


def test_limits_are_those_of_the_code() -> None:
    assert f"end after {MENU_ROWS} and {TOOLTIP_ROWS} rows" in PAGE
    assert f"Figures that are {OLD_SECONDS:g} s old or older" in PAGE


@pytest.mark.parametrize(
    ("hosts", "missing"),
    [(("text", "ansi"), "NaN\n"), (("sampler",), "\n"), (("tmux", "starship", "conky", "wth"), "–\n")],
)
def test_missing_figures_are_as_told(hosts: tuple[str, ...], missing: str) -> None:
    for host in hosts:
        assert HOSTS[host].draw(WIDGETS["health"], Frame(), "latency.Redis") == missing


def test_numbers_are_raw_where_it_says_so() -> None:
    drawn = {host: HOSTS[host].draw(WIDGETS["health"], Frame(), "latency.LiteLLM") for host in HOSTS}
    assert {host for host, text in drawn.items() if text == "0.0123\n"} == {"text", "ansi", "sampler"}
    assert all("12.3 ms" in drawn[host] for host in ("tmux", "waybar", "xbar", "conky", "starship", "wth"))
