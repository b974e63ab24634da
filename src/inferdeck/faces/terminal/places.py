"""Every place that can be gone to, by name: views, and each dashboard as one of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import cast

from inferdeck.faces.terminal.view import View
from inferdeck.model.dashboard_answers import DashboardList

_VIEWS: dict[str, tuple[str, str]] = {
    "providers": ("providers: state, score, load, errors, latency, tokens, side by side", "providers.ProvidersView"),
    "models": ("models: state, size, context, prices, capabilities", "models.ModelsView"),
    "model": ("everything known of one model: model NAME", "models.ModelView"),
    "compare": ("up to four models side by side; mark them in models", "models.CompareView"),
    "routes": ("routes: public models, deployments, fallbacks, load, cooldowns", "routes.RoutesView"),
    "gpus": ("cards: load, memory, heat, power, what they serve", "gpus.CardsView"),
    "card": ("one card with its processes and charts: card HOST NUMBER", "details.CardView"),
    "containers": ("containers: state, restarts, engine, model, cards", "gpus.ContainersView"),
    "container": ("one container with its charts: container NAME", "details.ContainerView"),
    "config": ("the stack's configuration files and their drift", "config.ConfigView"),
    "file": ("one configuration file: file NAME", "config.FileView"),
    "settings": ("what inferdeck itself goes by", "config.SettingsView"),
    "requests": ("requests as gateways count them and logs tell of them", "requests.RequestsView"),
    "logs": ("lines of logs: logs STREAM", "logs.LogsView"),
    "events": ("what happened: restarts, deployments, revisions, notes", "events.EventsView"),
    "services": ("services: up, process, CPU, memory, uptime, configuration", "services.ServicesView"),
    "service": ("one service with its process and charts: service NAME", "details.ServiceView"),
}
"""By name: what it shows, and what makes it from the words behind the name: imported when it is first shown."""


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


def make(place: str, dashboards: DashboardList | None) -> View | None:
    """Return the view that a place names, also by the beginning of its name; None where there is none.

    Behind a dashboard stand values of its variables, with tabs between them: `gateway-providers provider=openai`.
    """
    name, _, rest = named(place, dashboards).partition(" ")
    if name == "dashboard":
        name, _, rest = rest.strip().partition(" ")
    elif name in _VIEWS:
        return _class(_VIEWS[name][1])(rest.strip())
    chosen = [part.partition("=") for part in rest.split("\t")]
    values = {key.strip(): (value,) for key, found, value in chosen if found}
    return _class("board.BoardView")(name, values) if name else None


def _class(name: str) -> Callable[..., View]:
    module, _, view = name.partition(".")
    return cast("Callable[..., View]", getattr(import_module(f"inferdeck.faces.terminal.screens.{module}"), view))
