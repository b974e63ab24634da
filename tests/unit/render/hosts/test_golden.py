"""What each host gets of each widget, byte for byte; `pytest --write-golden` writes the files anew."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inferdeck.model.widget import HOSTS as NAMES
from inferdeck.model.widget import NAMES as WIDGET_NAMES
from inferdeck.model.widget import Frame
from inferdeck.render.hosts import HOSTS
from tests.unit.render.hosts.fleet import WIDGETS

GOLDEN = Path(__file__).parent / "golden"
TIGHT = {
    "text": ((40, 8), (24, 4), (30, 1)),
    "ansi": ((40, 8),),
    "tmux": ((24, 1),),
    "waybar": ((24, 1),),
    "wth": ((40, 5),),
}
"""Sizes (cells, rows) in which a widget has to give way."""
SIZES = [(host, size) for host in NAMES for size in (None, *TIGHT.get(host, ()))]


def named(host: str, size: tuple[int, int] | None) -> str:
    """Return the name of a golden file."""
    return host if size is None else f"{host}-{size[0]}x{size[1]}"


@pytest.fixture(scope="module", autouse=True)
def zone() -> Iterator[None]:
    """Show times of day in UTC, wherever this runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("widget", WIDGET_NAMES)
@pytest.mark.parametrize(("host", "size"), SIZES, ids=[named(*one) for one in SIZES])
def test_widget_as_host_gets_it(
    widget: str, host: str, size: tuple[int, int] | None, request: pytest.FixtureRequest
) -> None:
    about = HOSTS[host]
    width, height = size or (None, None)
    drawn = about.draw(WIDGETS[widget](), Frame(width, height, about.icons, about.colour)).encode()
    file = GOLDEN / widget / named(host, size)
    if request.config.getoption("--write-golden"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(drawn)
    assert drawn == file.read_bytes()


def test_no_golden_file_without_its_test() -> None:
    found = {str(file.relative_to(GOLDEN)) for file in GOLDEN.rglob("*") if file.is_file()}
    wanted = {f"{widget}/{named(host, size)}" for widget in WIDGET_NAMES for host, size in SIZES}
    assert found == wanted


def test_a_widget_of_each_name_is_drawn() -> None:
    assert tuple(WIDGETS) == WIDGET_NAMES
    assert all(make().name == name for name, make in WIDGETS.items())


def test_every_host_that_is_promised_is_there() -> None:
    assert tuple(HOSTS) == NAMES
