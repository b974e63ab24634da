"""All widgets by name, in the order in which they are listed."""

from __future__ import annotations

from difflib import get_close_matches

from inferdeck.errors import NotFoundError
from inferdeck.render.interface import Content
from inferdeck.render.widgets import alerts, cache, cost, gpu, health, logs, metrics, models, providers, score, status

_ALL = (health, providers, metrics, cache, score, logs, status, cost, gpu, models, alerts)
CONTENTS: dict[str, Content] = {one.CONTENT.name: one.CONTENT for one in _ALL}


def content(name: str) -> Content:
    """Return what one widget shows; raises NotFoundError with what was perhaps meant."""
    if name in CONTENTS:
        return CONTENTS[name]
    near = get_close_matches(name, CONTENTS, 1)
    meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(CONTENTS)}"
    raise NotFoundError(f"no widget is called {name[:60]!a}; {meant}")
