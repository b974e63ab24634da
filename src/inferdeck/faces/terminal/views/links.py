"""Where a panel leads: each of its links with the values of what it shows, as places of the terminal view."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from inferdeck.faces.terminal.views.moments import CLOCK, local
from inferdeck.model import cells
from inferdeck.model.dashboard import ALL, Link, Panel
from inferdeck.model.dashboard_answers import PanelData

MOST = 200
"""Destinations of one panel."""
_LABEL = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_PAGES = {
    "models": ("model", ("model",)),
    "containers": ("container", ("container",)),
    "gpus": ("card", ("host", "gpu")),
    "services": ("service", ("service",)),
}
"""Views whose link may name one thing: the place of its page, and the variables that name it."""
_UNKEPT = frozenset({"requests", "traces"})
"""What stands there of single ones waits for request records."""
_ORDERS = frozenset({"sort", "status", "gateway"})
"""Variables of requests that no line of a log has."""


@dataclass(frozen=True, slots=True)
class Destination:
    """title: what is chosen from; place: as `places.make` takes it, "" where there is a url outside of this program."""

    title: str
    place: str
    url: str = ""


def destinations(
    panel: Panel, data: PanelData | None, variables: Mapping[str, Sequence[str]], moment: float | None = None
) -> list[Destination]:
    """Return where the panel leads, each place once; moment: Unix seconds under the cursor, for the logs around it."""
    found: dict[str, Destination] = {}
    links = (*panel.links, *(link for column in panel.columns for link in column.links))
    for link in links:
        for labels in _labels(link, data):
            one = _destination(link, labels, variables)
            if one is not None and len(found) < MOST:
                found.setdefault(one.place or one.url, one)
    if moment is not None:
        found["logs"] = Destination(f"Logs around {local(moment, CLOCK)}", f"logs @{moment:.3f}")
    return list(found.values())


def _labels(link: Link, data: PanelData | None) -> Iterable[Mapping[str, str]]:
    """Return the labels that the link is filled with, those of each series; nothing where it needs none."""
    if not any(_LABEL.search(text) for text in (link.url, *link.variables.values())):
        return ({},)
    return (series.labels for query in (data.queries if data else ()) for series in query.series)


def _destination(link: Link, labels: Mapping[str, str], variables: Mapping[str, Sequence[str]]) -> Destination | None:
    filled = {name: _filled(text, labels, variables) for name, text in link.variables.items()}
    if any(_LABEL.search(link.variables[name]) and not value for name, value in filled.items()):
        return None
    about = " ".join(filled[name] for name, text in link.variables.items() if _LABEL.search(text))
    title = cells.clean(f"{link.title}: {about}" if about else link.title)
    if link.url:
        url = _filled(link.url, labels, variables)
        return Destination(f"{title}: {cells.clean(url)}", "", url)
    known = {name: value for name, value in filled.items() if value}
    if link.dashboard:
        chosen = "\t".join(f"{name}={value}" for name, value in known.items())
        return Destination(title, f"dashboard {link.dashboard} {chosen}".strip())
    if link.view in _UNKEPT:
        words = " ".join(value for name, value in known.items() if name not in _ORDERS)
        return Destination(f"{title} (needs: records)", f"requests {words}".strip())
    return Destination(title, _place(link.view, known))


def _place(view: str, known: Mapping[str, str]) -> str:
    page, names = _PAGES.get(view, ("", ()))
    if page and all(name in known for name in names):
        return f"{page} {' '.join(known[name] for name in names)}"
    return f"{view} {' '.join(known.values())}".strip()


def titled(text: str, variables: Mapping[str, Sequence[str]]) -> str:
    """Return a heading or title with the values of its variables; of many values their number, … of unknown ones."""

    def value(found: re.Match[str]) -> str:
        values = variables.get(found.group(1) or found.group(2))
        if values is None:
            return "…"
        return "all" if ALL in values else values[0] if len(values) == 1 else str(len(values))

    return _VARIABLE.sub(value, text)


def _filled(text: str, labels: Mapping[str, str], variables: Mapping[str, Sequence[str]]) -> str:
    """Return the text with its labels and variables; "" for a variable of which everything is chosen."""

    def value(found: re.Match[str]) -> str:
        values = variables.get(found.group(1) or found.group(2), ())
        return values[0] if len(values) == 1 and values[0] != ALL else ""

    # What stands in a label is no variable.
    return _LABEL.sub(lambda found: labels.get(found.group(1), ""), _VARIABLE.sub(value, text))
