"""Sampler: one number with --field for its charts and gauges; without, text for a textbox.

A textbox reads [text](fg:red) as a style (termui's style parser): brackets from outside become round ones.
"""

from __future__ import annotations

from inferdeck.model.answers import Number
from inferdeck.model.widget import Frame, Widget
from inferdeck.render.hosts.host import Host, raw
from inferdeck.render.hosts.layout import block, texts
from inferdeck.render.hosts.rewriting import rewritten

_ROUND = str.maketrans("[]", "()")


def whole(widget: Widget, frame: Frame) -> str:
    """Return the widget's lines."""
    return texts(block(rewritten(widget, _text), frame))


def alone(value: Number | str, _frame: Frame) -> str:
    """Return the number; an empty line where it is missing, which Sampler reports: it would draw NaN as a number."""
    return f"{_text(raw(value, absent=''))}\n"


def _text(text: str) -> str:
    return text.translate(_ROUND)


HOST = Host("sampler", "text/plain", many=True, icons="words", colour=False, whole=whole, alone=alone)
