"""Every place that can be gone to, by name: views, and each dashboard as one of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from inferdeck.faces.terminal.view import View
from inferdeck.model.dashboard_answers import DashboardList


class _Screens:
    """The modules of views, each imported when one of its views is shown."""

    def __getattr__(self, name: str) -> Any:
        return import_module(f"inferdeck.faces.terminal.screens.{name}")


if TYPE_CHECKING:
    from inferdeck.faces.terminal import screens
    from inferdeck.faces.terminal.screens import (  # noqa: F401
        board,
        config,
        details,
        events,
        gpus,
        logs,
        models,
        providers,
        requests,
        routes,
        services,
    )
else:
    screens = _Screens()

_VIEWS: dict[str, tuple[str, Callable[[str], View]]] = {
    "providers": (
        "providers: state, score, load, errors, latency, tokens, side by side",
        lambda words: screens.providers.ProvidersView(words),
    ),
    "models": ("models: state, size, context, prices, capabilities", lambda words: screens.models.ModelsView(words)),
    "model": ("everything known of one model: model NAME", lambda words: screens.models.ModelView(words)),
    "compare": ("up to four models side by side; mark them in models", lambda words: screens.models.CompareView(words)),
    "routes": (
        "routes: public models, deployments, fallbacks, load, cooldowns",
        lambda words: screens.routes.RoutesView(words),
    ),
    "gpus": ("cards: load, memory, heat, power, what they serve", lambda words: screens.gpus.CardsView(words)),
    "card": (
        "one card with its processes and charts: card HOST NUMBER",
        lambda words: screens.details.DetailsView(screens.details.CARD, words),
    ),
    "containers": (
        "containers: state, restarts, engine, model, cards",
        lambda words: screens.gpus.ContainersView(words),
    ),
    "container": (
        "one container with its charts: container NAME",
        lambda words: screens.details.DetailsView(screens.details.CONTAINER, words),
    ),
    "config": ("the stack's configuration files and their drift", lambda words: screens.config.ConfigView(words)),
    "file": ("one configuration file: file NAME", lambda words: screens.config.FileView(words)),
    "settings": ("what inferdeck itself goes by", lambda words: screens.config.SettingsView(words)),
    "requests": (
        "requests as gateways count them and logs tell of them",
        lambda words: screens.requests.RequestsView(words),
    ),
    "logs": ("lines of logs: logs STREAM", lambda words: screens.logs.LogsView(words)),
    "events": (
        "what happened: restarts, deployments, revisions, notes",
        lambda words: screens.events.EventsView(words),
    ),
    "services": (
        "services: up, process, CPU, memory, uptime, configuration",
        lambda words: screens.services.ServicesView(words),
    ),
    "service": (
        "one service with its process and charts: service NAME",
        lambda words: screens.details.DetailsView(screens.details.SERVICE, words),
    ),
}
"""By name: what it shows, and what makes it from the words behind the name."""


def every(dashboards: DashboardList | None) -> Iterator[tuple[str, str]]:
    """Yield (place, what it shows), views first."""
    for name, (about, _) in _VIEWS.items():
        yield name, about
    for listed in dashboards.dashboards if dashboards else ():
        if listed.uid not in _VIEWS:
            yield listed.uid, listed.description or listed.title
        else:
            yield f"dashboard {listed.uid}", listed.description or listed.title


def named(place: str, dashboards: DashboardList | None) -> str:
    """Return the place with its whole name, where only the beginning is given; "" where there is none."""
    name, _, rest = place.strip().partition(" ")
    if name in _VIEWS or (name == "dashboard" and rest.strip()):
        return place.strip()
    if dashboards is None:
        # The daemon has not told them yet, and will say so where there is none of this name.
        return place.strip()
    boards = [listed.uid for listed in dashboards.dashboards]
    if name in boards:
        return place.strip()
    begun = [one for one in (*_VIEWS, *boards) if name and one.startswith(name)]
    found = begun[0] if len(begun) == 1 or (begun and begun[0] in _VIEWS) else ""
    return f"{found} {rest}".strip() if found else ""


def unknown(place: str, dashboards: DashboardList | None) -> str:
    """Return that there is no such place, and which ones there are."""
    return f"there is no view {place!r}; there are: {', '.join(name for name, _ in every(dashboards))}"


def make(place: str, dashboards: DashboardList | None) -> View | None:
    """Return the view that a place names, also by the beginning of its name; None where there is none.

    Behind a dashboard stand values of its variables, with tabs between them: `gateway-providers provider=openai`.
    """
    name, _, rest = named(place, dashboards).partition(" ")
    if name == "dashboard":
        name, _, rest = rest.strip().partition(" ")
    elif name in _VIEWS:
        return _VIEWS[name][1](rest.strip())
    chosen = [part.partition("=") for part in rest.split("\t")]
    values = {key.strip(): (value,) for key, found, value in chosen if found}
    return screens.board.BoardView(name, values) if name else None
