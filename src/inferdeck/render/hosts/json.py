"""The widget as a JSON document, in full and whatever the frame: one figure a line, in a fixed order.

Texts are as they came, but what a terminal could obey is written as \\u escapes, which any reader of JSON undoes.
"""

from __future__ import annotations

import json
import re
from typing import Any

from inferdeck.model.answers import Number
from inferdeck.model.widget import EXIT_CODES, Frame, Widget
from inferdeck.render.hosts.host import Host

# All but what is printable; JSON itself only escapes the first 32 characters.
_UNSEEN = re.compile(r"[^\n -~]")


def whole(widget: Widget, _frame: Frame) -> str:
    """Return the document."""
    return _text(
        {
            "widget": widget.name,
            "title": widget.title,
            "state": widget.state.value,
            "exit_code": EXIT_CODES[widget.state],
            "simulated": widget.simulated,
            "age_seconds": widget.age_seconds,
            "note": widget.note,
            "link": widget.link,
            "line": [cell.text for cell in widget.line],
            "columns": [column.title for column in widget.columns],
            "rows": [[_cell(cell.text, cell.sign) for cell in row] for row in widget.rows],
            "figures": {one.path: _figure(one.number) for one in widget.figures},
            "facts": widget.facts,
        }
    )


def alone(value: Number | str, _frame: Frame) -> str:
    """Return the figure with what it is worth, or the fact, as JSON."""
    return f"{_inline(value if isinstance(value, str) else _figure(value))}\n"


def _cell(text: str, sign: str | None) -> str | dict[str, str]:
    return text if sign is None else {"text": text, "state": str(sign)}


def _figure(number: Number) -> dict[str, Any]:
    return {
        "value": number.value,
        "unit": number.unit,
        "quality": number.quality,
        "age_seconds": number.age_seconds,
        "source": number.source,
    }


def _text(document: dict[str, Any]) -> str:
    """Return the document with each entry of a list or an object on a line of its own."""
    parts = []
    for key, value in document.items():
        parts.append(f"  {_inline(key)}: {_entries(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _entries(value: Any) -> str:
    if isinstance(value, dict) and value:
        inside = ",\n".join(f"    {_inline(key)}: {_inline(one)}" for key, one in value.items())
        return f"{{\n{inside}\n  }}"
    if isinstance(value, list) and value:
        inside = ",\n".join(f"    {_inline(one)}" for one in value)
        return f"[\n{inside}\n  ]"
    return _inline(value)


def _inline(value: Any) -> str:
    return _UNSEEN.sub(_seen, json.dumps(value, ensure_ascii=False, allow_nan=False))


def _seen(found: re.Match[str]) -> str:
    letter = found[0]
    if letter.isprintable():
        return letter
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))


HOST = Host("json", "application/json", many=True, icons="words", colour=False, whole=whole, alone=alone)
