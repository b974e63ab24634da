"""How each host reads what it is given, written from the host's own rules and not from our code.

Each returns the text that the host would show; where outside text became syntax, a NotTextError says what.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree


class NotTextError(AssertionError):
    """Text from outside became a part of the host's own syntax."""


SGR = re.compile(r"\x1b\[(?:0|1|2|31|32|33)m")
"""The only sequences that are ours."""


def terminal(text: str) -> str:
    """Read what is printed on a terminal: line breaks and our own colours, nothing else that it would obey."""
    shown = SGR.sub("", text)
    for letter in shown:
        code = ord(letter)
        if code < 32 and letter != "\n":
            raise NotTextError(f"C0 {code:#04x}")
        if 0x7F <= code < 0xA0:
            raise NotTextError(f"C1 {code:#04x}")
        if code in (0x061C, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2028, 0x2029, 0xFEFF) or 0x202A <= code <= 0x202E:
            raise NotTextError(f"invisible or bidirectional {code:#06x}")
        if 0x2066 <= code <= 0x2069 or 0xD800 <= code <= 0xDFFF:
            raise NotTextError(f"isolate or surrogate {code:#06x}")
    return shown


STYLE = re.compile(r"#\[(?:fg=green|fg=yellow|fg=red|dim|bold|default)\]")


def tmux(text: str) -> str:
    """Read a format as tmux 3.3a does (format.c, format_expand1; format-draw.c, format_draw): expanded, then drawn."""
    if text.count("\n") != 1:
        raise NotTextError("only the last line is shown")
    return _tmux_drawn(_tmux_expanded(terminal(text).removesuffix("\n")))


def _tmux_expanded(text: str) -> str:
    out, place = [], 0
    while place < len(text):
        if text[place] != "#":
            out.append(text[place])
            place += 1
            continue
        run = len(text[place:]) - len(text[place:].lstrip("#"))
        after = text[place + run : place + run + 1]
        if after == "[" and run > 1:
            # Left for the drawing: a style, or an escaped bracket.
            out.append("#" * run)
            place += run
        elif text[place + 1 : place + 2] == "#":
            out.append("#")
            place += 2
        elif text[place + 1 : place + 2] == "[":
            out.append("#[")
            place += 2
        elif text[place + 1 : place + 2] in (*"({,}", *map(chr, range(65, 91)), *map(chr, range(97, 123))):
            raise NotTextError(f"expanded: {text[place : place + 20]}")
        else:
            out.append("#")
            place += 1
    return "".join(out)


def _tmux_drawn(text: str) -> str:
    out, place = [], 0
    while place < len(text):
        run = len(text[place:]) - len(text[place:].lstrip("#"))
        if not run:
            out.append(text[place])
            place += 1
            continue
        if text[place + run : place + run + 1] != "[":
            out.append("#" * (run // 2 if run % 2 == 0 else run // 2 + 1))
            place += run
            continue
        out.append("#" * (run // 2))
        if run % 2 == 0:
            out.append("[")
            place += run + 1
            continue
        style = STYLE.match(text, place + run - 1)
        if style is None:
            raise NotTextError(f"style: {text[place : place + 20]}")
        place = style.end()
    return "".join(out)


def waybar(text: str) -> tuple[str, str]:
    """Read the line of JSON, then its texts as Pango markup: text and tooltip."""
    if text.count("\n") != 1:
        raise NotTextError("waybar reads one line")
    answer = json.loads(text)
    return _pango(answer["text"]), _pango(answer.get("tooltip", ""))


def _pango(markup: str) -> str:
    # Pango wraps what it is given in <markup>, and reads it with GMarkup, a subset of XML.
    root = ElementTree.fromstring(f"<markup>{terminal(markup)}</markup>")
    for one in root.iter():
        ours = one.tag in ("markup", "tt") or (
            one.tag == "span"
            and one.attrib in ({"weight": "bold"}, {"alpha": "60%"}, *({"foreground": c} for c in PANGO_COLOURS))
        )
        if not ours:
            raise NotTextError(f"markup: {one.tag} {one.attrib}")
    return "".join(root.itertext())


PANGO_COLOURS = ("#4e9a06", "#c4a000", "#cc0000")


@dataclass(slots=True)
class Menu:
    """What xbar shows: lines of the bar, and items of the menu."""

    bar: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)


XBAR_PARAMETERS = {"ansi", "emojize", "trim", "font", "color"}


def xbar(text: str) -> Menu:
    """Read a plugin's output as xbar does (pkg/plugins: parse.go, item_params.go), and SwiftBar's symbols."""
    menu, opened = Menu(), False
    for line in terminal(text).removesuffix("\n").split("\n"):
        if line.strip() == "---":
            opened = True
            continue
        shown, _, rest = line.partition("|")
        given = dict(pair.split("=", 1) for pair in rest.split())
        if not set(given) <= XBAR_PARAMETERS or "|" in rest:
            raise NotTextError(f"parameters: {rest}")
        if given.get("emojize") != "false" or given.get("ansi") != "false":
            raise NotTextError(f"read as emoji or escapes: {line}")
        if shown.strip().startswith("--"):
            raise NotTextError(f"submenu: {line}")
        if "\\" in shown or any(re.fullmatch(":.*:", word) for word in shown.split()):
            raise NotTextError(f"escape or symbol: {line}")
        (menu.items if opened else menu.bar).append(shown.removesuffix(" "))
    return menu


CONKY_COLOURS = {"color", *(f"color {name}" for name in ("green", "yellow", "red", "gray", "white"))}


def conky(text: str) -> str:
    """Read conky text (core.cc, extract_variable_text_internal)."""
    text, out, place = terminal(text), [], 0
    while place < len(text):
        here, after = text[place], text[place + 1 : place + 2]
        if here == "$" and after == "$":
            out.append("$")
            place += 2
        elif here == "$":
            name = re.compile(r"\{([^}]*)\}").match(text, place + 1)
            if name is None or name[1] not in CONKY_COLOURS:
                raise NotTextError(f"object: {text[place : place + 20]}")
            place = name.end()
        elif here == "\\" and after == "#":
            out.append("#")
            place += 2
        elif here == "#":
            raise NotTextError(f"comment: {text[place : place + 20]}")
        else:
            out.append(here)
            place += 1
    return "".join(out)


def prompts(texts: list[str]) -> list[str]:
    """Read texts as bash reads PS1, with everything that it expands in a prompt: by bash itself."""
    script = 'shopt -s promptvars; for one in "$@"; do printf "%s\\0" "${one@P}"; done'
    done = subprocess.run(
        [shutil.which("bash") or "bash", "--norc", "-c", script, "bash", *texts],
        capture_output=True,
        check=True,
        env={"PATH": "/nowhere", "LC_ALL": "C.UTF-8", "HOME": "/home/of/bash"},
    )
    assert not done.stderr, done.stderr.decode()
    return done.stdout.decode().split("\0")[:-1]


def zsh_prompt(text: str) -> str:
    """Read a prompt for what zsh would expand: ` and, before anything that could be named, % and $ (zshmisc(1))."""
    found = re.search(r"%[^ …]|`|\$[^ …]", terminal(text).removesuffix("\n"))
    if found:
        raise NotTextError(f"expanded: {found[0]}")
    return text


def termui(text: str) -> str:
    """Read a textbox of Sampler (termui's style_parser.go): [text](style) is a style, and a [ left open loses text."""
    terminal(text)
    if re.search(r"\[[^\]]*\]\(", text) or "[" in text:
        raise NotTextError("style")
    return text


def wth(text: str, visible: int | None) -> str:
    """Read what WTH shows of a command's lines: it cuts them by counting characters."""
    return "".join(f"{line[:visible]}\n" for line in terminal(text).splitlines())


def document(text: str) -> dict[str, Any]:
    """Read the JSON document, which a terminal shows as it is."""
    terminal(text)
    answer: dict[str, Any] = json.loads(text)
    return answer
