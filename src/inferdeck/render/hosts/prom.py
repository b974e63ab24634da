"""The figures in Prometheus' text format 0.0.4, for the textfile collector of node_exporter and the like.

What is missing has no sample. The state is a number as --check exits with, the age is that of the oldest figure.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from inferdeck.model.answers import Number
from inferdeck.model.widget import EXIT_CODES, Figure, Frame, Widget
from inferdeck.render.hosts.host import Host

Labels = tuple[tuple[str, str], ...]
STATE, AGE, SIMULATED = "inferdeck_widget_state", "inferdeck_widget_age_seconds", "inferdeck_widget_simulated"
FIELD = "inferdeck_widget_figure"


def whole(widget: Widget, _frame: Frame) -> str:
    """Return a family after the other, each with its type, in the order of the figures."""
    about: Labels = (("widget", widget.name),)
    families: dict[str, dict[Labels, float]] = {STATE: {about: EXIT_CODES[widget.state]}}
    if widget.age_seconds is not None:
        families[AGE] = {about: widget.age_seconds}
    families[SIMULATED] = {about: float(widget.simulated)}
    for figure in widget.figures:
        _add(families, figure)
    return "".join(_family(name, samples.items()) for name, samples in families.items())


def alone(value: Number | str, _frame: Frame) -> str:
    """Return one figure as a sample; a fact as the label of a sample that is 1."""
    if isinstance(value, str):
        return _family(FIELD, [((("text", value),), 1.0)])
    if value.value is None:
        return f"# {FIELD} is missing\n"
    return _family(FIELD, [((("unit", value.unit),), value.value)])


def _add(families: dict[str, dict[Labels, float]], figure: Figure) -> None:
    if figure.number.value is not None:
        # Two names that look alike once they can be seen stay one series: a file with a series twice is refused whole.
        labels = tuple((key, _seen(text)) for key, text in figure.labels)
        families.setdefault(figure.family, {}).setdefault(labels, figure.number.value)


def _family(name: str, samples: Iterable[tuple[Labels, float]]) -> str:
    lines = [f"# TYPE {name} gauge\n"]
    for labels, value in samples:
        inside = ",".join(f'{key}="{_quoted(_seen(text))}"' for key, text in labels)
        lines.append(f"{name}{{{inside}}} {_number(value)}\n" if inside else f"{name} {_number(value)}\n")
    return "".join(lines)


def _number(value: float) -> str:
    return f"{Decimal(repr(value)):f}".removesuffix(".0")


def _seen(text: str) -> str:
    """Return the text with what cannot be printed as �: the file is looked at in terminals too."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "�" for letter in text)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


HOST = Host("prom", "text/plain; version=0.0.4", many=True, icons="words", colour=False, whole=whole, alone=alone)
