"""The three sets of signs: braille, blocks that every console's font has, and ASCII."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Glyphs:
    """What pictures are made of.

    across, down: dots of one cell; dots: what a cell looks like by its bits; bits: the bit of a dot by column and row;
    signs: one for each series, told apart without colour; eighths: parts of a bar from nothing to a whole cell, from
    the left; heights: the same from below; shades: from nothing to much.
    """

    name: str
    across: int
    down: int
    bits: tuple[tuple[int, ...], ...]
    dots: tuple[str, ...]
    signs: str
    eighths: str
    heights: str
    shades: str
    side: str
    tick: str
    corner: str
    bottom: str
    bottom_tick: str
    threshold: str
    event: str
    event_head: str
    cursor: str
    rest: str
    up: str
    down_sign: str
    before: str
    after: str
    more: str
    branch: str
    last_branch: str
    trunk: str
    ascii_only: bool = False

    def __repr__(self) -> str:
        return f"Glyphs({self.name})"


BRAILLE = Glyphs(
    name="braille",
    across=2,
    down=4,
    bits=((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80)),
    dots=(" ", *(chr(0x2800 + bits) for bits in range(1, 256))),
    signs="●▲■◆▼○△□",
    eighths=" ▏▎▍▌▋▊▉█",
    heights=" ▁▂▃▄▅▆▇█",
    shades=" ░▒▓█",
    side="│",
    tick="┤",
    corner="└",
    bottom="─",
    bottom_tick="┬",
    threshold="╌",
    event="┊",
    event_head="▼",
    cursor="│",
    rest="·",
    up="▲",
    down_sign="▼",
    before="‹",
    after="›",
    more="…",
    branch="├─",
    last_branch="└─",
    trunk="│ ",
)
# What code page 437 has, and so the fonts of real consoles.
BLOCK = Glyphs(
    name="block",
    across=1,
    down=2,
    bits=((1, 2),),
    dots=(" ", "▀", "▄", "█"),
    signs="■▲♦▼○•►◄",
    eighths=" ▌█",
    heights=" ▄█",
    shades=" ░▒▓█",
    side="│",
    tick="┤",
    corner="└",
    bottom="─",
    bottom_tick="┬",
    threshold="─",
    event="│",
    event_head="▼",
    cursor="│",
    rest="·",
    up="▲",
    down_sign="▼",
    before="«",
    after="»",
    more="~",
    branch="├─",
    last_branch="└─",
    trunk="│ ",
)
ASCII = Glyphs(
    name="ascii",
    across=1,
    down=1,
    bits=((1,),),
    dots=(" ", "*"),
    signs="*+ox#@%&",
    eighths=" #",
    heights=" .:-=+*#",
    shades=" :+*#",
    side="|",
    tick="+",
    corner="+",
    bottom="-",
    bottom_tick="+",
    threshold="-",
    event=":",
    event_head="v",
    cursor="|",
    rest=".",
    up="^",
    down_sign="v",
    before="<",
    after=">",
    more="~",
    branch="|-",
    last_branch="`-",
    trunk="| ",
    ascii_only=True,
)
SETS = {glyphs.name: glyphs for glyphs in (BRAILLE, BLOCK, ASCII)}


@dataclass(frozen=True, slots=True)
class Look:
    """How pictures are drawn.

    colour: series are told apart by colours; without, signs stand on their lines. big: single numbers stand over three
    rows, which nothing can search or copy.
    """

    glyphs: Glyphs = BRAILLE
    colour: bool = True
    currency: str = "$"
    big: bool = True
