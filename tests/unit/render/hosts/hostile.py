"""Names that were made to break out of a host, and names of any kind around them."""

from __future__ import annotations

from hypothesis import strategies as st

WORST = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b31mC1",
    "a\nb\r\nc\x0b\x0c\u2028\u2029d\x85e",
    "a\tb\x00c\x07\x08",
    "#(touch /tmp/pwned)",
    "#[fg=red]x#[default]",
    "#S #{pane_pid} #,}",
    "##[bold] ### #### #####S",
    "tail#",
    "<span foreground='red'>x</span>",
    "& &amp; < > ]]> <!-- \"'",
    "name | bash=/bin/sh param1=-c terminal=false",
    "|",
    "---",
    "-- sub",
    "--- x",
    ":mushroom: :sf.symbol:",
    "[x](fg:red)",
    "[open ](",
    "${exec touch /tmp/pwned} $cpu $$ ${color red}",
    "# a comment \\# \\\\#",
    "$(touch /tmp/pwned) `touch /tmp/pwned` ${HOME} $HOME $1 $[1+1]",
    "\\u@\\h \\[\\e[31m\\] \\$ \\w \\n",
    "%n@%m %F{red}x%f %(?..) %{a%} 100%",
    "!! !$",
    "\u202eevil\u202c \u2066x\u2069 \u200f\u061c",
    "שלום עולם مرحبا",
    "👨‍👩‍👧‍👦 ⚠️ 1️⃣ 🇩🇪 👍🏽 ✅ ❌",
    "e\u0301" + "\u0301" * 40,
    "क्षि ห้ำ ﷽ 한글 \u1112\u1161\u11ab",
    "\ud800\udfff \ufeff\u200b\u00ad\U000e0041\U0010ffff\ue000",
    'quoted "name" \\ with \\n',
    "x" * 300,
    "漢" * 300,
    "",
    " ",
    "…",
)

FRAGMENTS = st.sampled_from([*WORST, *"#[](){}$%`\\|-:<>&\"'~!\n\x1b\x9b \u202e\u200d\ufe0f"])
LETTERS = st.text(st.characters(), max_size=12)
NAMES = st.one_of(
    st.sampled_from(WORST),
    st.lists(st.one_of(FRAGMENTS, LETTERS), max_size=6).map("".join),
)
SIZES = st.one_of(st.none(), st.integers(1, 90))
HEIGHTS = st.one_of(st.none(), st.integers(1, 12))
ICONS = st.sampled_from(["words", "ascii", "emoji", "nerd"])
