"""The generated part of docs/widgets.md: every widget with its states and its figures."""

from __future__ import annotations

from inferdeck.render.interface import Content, Told
from inferdeck.render.widgets.contents import CONTENTS

BEGIN = "<!-- generated: widgets -->"
END = "<!-- end of generated -->"


def page(text: str) -> str:
    """Return the page with the text between its two markers replaced; raises ValueError where they are missing."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{head}{BEGIN}\n\n{reference()}\n{END}{tail}"


def reference() -> str:
    """Return the sections as Markdown."""
    lines: list[str] = []
    for one in CONTENTS.values():
        lines += [*_section(one), ""]
    return "\n".join(lines)


def _section(one: Content) -> list[str]:
    heeded = ", ".join(f"`{name}`" for name in one.parameters)
    return [
        f"### {one.name}",
        "",
        f"{one.shows[0].upper()}{one.shows[1:]}. Parameters: {heeded}.",
        "",
        f"- warning: {one.warning}",
        f"- critical: {one.critical}",
        f"- unknown: {one.unknown}",
        "",
        "| path | unit | what it is | series for Prometheus |",
        "|---|---|---|---|",
        *(_row(told) for told in one.told),
    ]


def _row(told: Told) -> str:
    family = f"`{told.family}`" if told.family else "–"
    return f"| `{told.path}` | {told.unit or 'text'} | {told.meaning} | {family} |"
