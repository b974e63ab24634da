"""Labels: the identity of a series, as a tuple of (name, value) pairs sorted by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Labels = tuple[tuple[str, str], ...]
"""Sorted by name, no name twice, no empty value (an empty label is an absent one), `__name__` included."""

NAME = "__name__"


def labels(pairs: Mapping[str, str] | Iterable[tuple[str, str]], name: str | None = None) -> Labels:
    """Return the identity of these pairs: sorted, empty values dropped, `name` as `__name__`."""
    found = dict(pairs)
    if name is not None:
        found[NAME] = name
    return shared(sorted(pair for pair in found.items() if pair[1]))


_PAIRS: dict[tuple[str, str], tuple[str, str]] = {}
_MOST_PAIRS = 100_000


def shared(pairs: Iterable[tuple[str, str]]) -> Labels:
    """Return these pairs with each pair as one object in the whole process: thousands of series repeat a few pairs."""
    if len(_PAIRS) > _MOST_PAIRS:
        # Only the sharing is forgotten; what was shared stays valid.
        _PAIRS.clear()
    return tuple([_PAIRS.setdefault(pair, pair) for pair in pairs])


def get(series: Labels, name: str) -> str:
    """Return the value of one label, or "" where the series lacks it."""
    # A generator takes twice as long, and this is asked of thousands of series at every step of a dashboard.
    for key, value in series:
        if key == name:
            return value
    return ""


def metric_name(series: Labels) -> str:
    """Return the metric name of a series ("" where it has none)."""
    return get(series, NAME)


def without(series: Labels, *names: str) -> Labels:
    """Return the identity without the named labels."""
    return tuple(pair for pair in series if pair[0] not in names)


def text(series: Labels) -> str:
    """Return the Prometheus text form, `name{a="b"}`, with its escapes."""
    body = ",".join(f'{key}="{escape(value)}"' for key, value in series if key != NAME)
    return f"{metric_name(series)}{{{body}}}" if body else metric_name(series) or "{}"


def escape(value: str) -> str:
    """Escape a label value for the Prometheus text format."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
