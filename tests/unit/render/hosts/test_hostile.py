"""Names from outside stay text in every host: it shows what was to be shown, and obeys nothing."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from prometheus_client.parser import text_string_to_metric_families as read_metrics

from inferdeck.model import cells
from inferdeck.model.widget import Frame
from inferdeck.render.hosts import HOSTS
from inferdeck.render.hosts.bar import bar
from inferdeck.render.hosts.layout import block
from inferdeck.render.hosts.spans import plain
from tests.unit.render.hosts import readers
from tests.unit.render.hosts.hostile import HEIGHTS, ICONS, NAMES, SIZES, WORST
from tests.unit.render.hosts.samples import bare, named

FRAMED = given(name=NAMES, width=SIZES, height=HEIGHTS, icons=ICONS)


def lines(name: str, frame: Frame) -> str:
    """Return the block of lines that was to be shown."""
    return "".join(f"{plain(line)}\n" for line in block(named(name), frame))


def line(name: str, frame: Frame) -> str:
    """Return the line that was to be shown."""
    return plain(bar(named(name), frame))


@FRAMED
def test_text_and_ansi_print_and_do_nothing_else(name: str, width: int | None, height: int | None, icons: str) -> None:
    frame = Frame(width, height, icons, colour=True)
    for host in ("text", "ansi"):
        drawn = HOSTS[host].draw(named(name), frame)
        assert readers.terminal(drawn) == lines(name, frame)
        # Each line ends its own colours: what is cut off below it or printed behind it keeps its own.
        assert all(_closed(one) for one in drawn.splitlines())
    assert "\x1b" not in HOSTS["text"].draw(named(name), frame)


def _closed(text: str) -> bool:
    found: list[str] = readers.SGR.findall(text)
    return all((code == "\x1b[0m") == bool(place % 2) for place, code in enumerate(found)) and len(found) % 2 == 0


@FRAMED
def test_tmux_shows_the_text(name: str, width: int | None, height: int | None, icons: str) -> None:
    frame = Frame(width, height, icons, colour=True)
    assert readers.tmux(HOSTS["tmux"].draw(named(name), frame)) == line(name, frame)


@FRAMED
def test_waybar_shows_the_text(name: str, width: int | None, height: int | None, icons: str) -> None:
    frame = Frame(width, height, icons, colour=True)
    text, tooltip = readers.waybar(HOSTS["waybar"].draw(named(name), frame))
    assert text == line(name, frame)
    assert f"{tooltip}\n".startswith(lines(name, Frame(icons=icons)))


@FRAMED
def test_xbar_shows_the_text(name: str, width: int | None, height: int | None, icons: str) -> None:
    menu = readers.xbar(HOSTS["xbar"].draw(named(name), Frame(width, height, icons, colour=True)))
    assert len(menu.bar) == 1
    assert alike(menu.bar[0]) == alike(line(name, Frame(width, height, icons)))
    shown = lines(name, Frame(icons=icons)).splitlines()
    assert [alike(one) for one in menu.items[: len(shown)]] == [alike(one) for one in shown]


def alike(text: str) -> str:
    """Return the text with the signs that xbar's look-alikes stand for."""
    return text.translate(str.maketrans("│∖‐∶", "|\\-:"))


@FRAMED
def test_conky_shows_the_text(name: str, width: int | None, height: int | None, icons: str) -> None:
    frame = Frame(width, height, icons, colour=True)
    assert readers.conky(HOSTS["conky"].draw(named(name), frame)) == lines(name, frame)


@FRAMED
def test_prompt_finds_nothing_to_expand_for_zsh(name: str, width: int | None, height: int | None, icons: str) -> None:
    frame = Frame(width, height, icons)
    drawn = HOSTS["starship"].draw(named(name), frame)
    assert drawn.count("\n") == 1
    assert readers.zsh_prompt(drawn)
    if width is None:
        assert bald(drawn) == bald(line(name, frame))


def bald(text: str) -> str:
    """Return the text without blanks, with the signs that a prompt's look-alikes stand for."""
    return re.sub(r"\s", "", text).translate(str.maketrans("∖'", "\\`"))


def test_bash_expands_nothing_in_a_prompt() -> None:
    assert readers.prompts(["$HOME `echo x` \\u005c"]) != ["$HOME `echo x` \\u005c"], "bash does expand"
    prompts = [
        HOSTS["starship"].draw(named(name), Frame(width, icons=icons))
        for name in (*WORST, *("$ " * 3 + one for one in WORST))
        for width in (None, 30, 9)
        for icons in ("words", "emoji")
    ]
    assert readers.prompts(prompts) == prompts


@FRAMED
def test_textbox_of_sampler_finds_no_style(name: str, width: int | None, height: int | None, icons: str) -> None:
    frame = Frame(width, height, icons)
    drawn = readers.termui(HOSTS["sampler"].draw(named(name), frame))
    assert drawn == lines(name, frame).translate(str.maketrans("[]", "()"))


@FRAMED
def test_wth_shows_every_line_whole(name: str, width: int | None, height: int | None, icons: str) -> None:
    drawn = HOSTS["wth"].draw(named(name), Frame(width, height, icons, colour=True))
    assert "\x1b" not in drawn
    shown = readers.wth(drawn, width)
    # Marks take no cell of their own, but WTH counts them.
    if not any(cells.width(letter) == 0 for letter in drawn if letter != "\n"):
        assert shown == drawn


@given(name=NAMES)
def test_json_holds_the_name_as_it_came(name: str) -> None:
    # Two halves of a surrogate pair that come one after the other are one letter in JSON.
    name = name.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    widget = named(name)
    found = readers.document(HOSTS["json"].draw(widget, Frame()))
    assert found["rows"][0] == [{"text": name, "state": "ok"}, "1/s", name]
    assert (found["line"][2], found["title"]) == (name, widget.title)
    assert found["figures"][f"load.{name}"]["value"] == 0.5
    assert found["facts"] == {f"engine.{name}": name}


@given(name=NAMES)
@example(name='"} 1\ninferdeck_widget_state{widget="models"} 0')
def test_prometheus_reads_one_sample_with_the_name_as_its_label(name: str) -> None:
    text = HOSTS["prom"].draw(named(name), Frame())
    readers.terminal(text)
    found = {one.name: one.samples for one in read_metrics(text)}
    assert {key: len(samples) for key, samples in found.items()} == {
        "inferdeck_widget_state": 1,
        "inferdeck_widget_simulated": 1,
        "inferdeck_models_load": 1,
    }
    sample = found["inferdeck_models_load"][0]
    assert sample.value == 0.5
    assert sample.labels == {"model": "".join(one if one.isprintable() or one == "\n" else "�" for one in name)}


READERS: dict[str, Callable[[str], object]] = {
    "text": readers.terminal,
    "ansi": readers.terminal,
    "tmux": readers.tmux,
    "waybar": readers.waybar,
    "xbar": readers.xbar,
    "conky": readers.conky,
    "starship": readers.zsh_prompt,
    "sampler": readers.termui,
    "wth": readers.terminal,
    "json": readers.terminal,
    "prom": lambda text: list(read_metrics(text)),
}


@pytest.mark.parametrize("host", HOSTS)
@given(name=NAMES, width=SIZES)
def test_a_fact_alone_stays_text(host: str, name: str, width: int | None) -> None:
    drawn = HOSTS[host].draw(named(name), Frame(width), f"engine.{name}")
    READERS[host](drawn)
    readers.terminal(drawn)
    assert drawn.endswith("\n") and drawn.count("\n") <= 1 + (host == "prom")


@given(name=NAMES)
def test_the_unmarked_widget_is_text_too(name: str) -> None:
    for host, read in READERS.items():
        read(HOSTS[host].draw(bare(named(name)), Frame(40, 6)))
