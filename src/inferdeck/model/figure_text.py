"""Numbers of answers as text: by their unit, with what they are worth; the same words in every face of text."""

from __future__ import annotations

from collections.abc import Callable

from inferdeck.model import numbers
from inferdeck.model.answers import Number

FORMS: dict[str, Callable[[float], str]] = {
    "seconds": numbers.seconds,
    "bytes": numbers.byte_size,
    "ratio": numbers.percent,
    "count": numbers.count,
    "tokens": numbers.tokens,
    "usd": numbers.money,
    "usd/Mtok": lambda value: f"{value:g}",
    "usd/h": lambda value: f"{numbers.money(value)}/h",
    "requests/s": numbers.rate,
    "requests/min": lambda value: f"{numbers.count(value)}/min",
    "tokens/s": lambda value: numbers.rate(value, unit="tok"),
    "bytes/s": lambda value: f"{numbers.byte_size(value)}/s",
    "load": lambda value: f"{value:.2f}",
    "celsius": lambda value: f"{value:.0f} °C",
    "hertz": lambda value: f"{numbers.count(value)}Hz",
    "watts": lambda value: f"{value:.0f} W",
    # As top has it: one processor is 100 %.
    "cores": numbers.percent,
}


def shown(number: Number) -> str:
    """Return the figure: – where it is missing, ~ before an estimate, its age behind a stale one."""
    if number.value is None:
        return "unlimited" if number.quality == "unlimited" else numbers.MISSING
    return worth(number, FORMS.get(number.unit, numbers.count)(number.value))


def worth(number: Number, text: str) -> str:
    """Return the text of a figure that is known, with what it is worth."""
    if number.quality == "stale":
        return f"{text}, {numbers.age(number.age_seconds)}" if number.age_seconds is not None else f"{text}, old"
    return f"~{text}" if number.quality == "estimated" else text
