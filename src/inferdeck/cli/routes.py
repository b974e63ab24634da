"""`inferdeck routes`: public models as trees: deployments down to the cards, and what is tried after a failure."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from inferdeck.cli import daemons
from inferdeck.cli.figures import shown
from inferdeck.cli.stack_words import cards, empty, paging, show, why
from inferdeck.cli.text import Page
from inferdeck.client.tiny import Client
from inferdeck.model.answers import Number
from inferdeck.model.stack import Chain, DeploymentEdge, FallbackEdge, Route

ADD = "inferdeck sources add litellm http://HOST:4000 --key-env LITELLM_MASTER_KEY"
SIGNS = {
    "active": ("✓", "green"),
    "degraded": ("!", "yellow"),
    "cooldown": ("!", "yellow"),
    "down": ("✗", "red"),
    "inactive": ("✗", "red"),
    "unknown": ("?", "dim"),
}


def routes(options: argparse.Namespace) -> int:
    """Show the graph of routes as a tree per public model."""
    client = daemons.client(options)
    found = client.routes(
        model=options.model or "",
        gateway=options.gateway or "",
        environment=options.environment or "",
        state=options.state or "",
        origin=options.origin or "",
        **paging(options),
    )
    if empty(options, found, lambda: _reason(client)):
        return 0

    def draw(page: Page, items: Sequence[Route]) -> None:
        tree(page, items, evidence=bool(options.why))

    return show(options, found, draw)


def _reason(client: Client) -> tuple[str, str]:
    gateways = [one.service for one in client.sources().sources if one.service.kind == "litellm"]
    if not gateways:
        return "No gateway is watched, so that no route is known.", ADD
    first = gateways[0]
    if first.health != "up" or first.error:
        return f"The gateway at {first.url} tells no routes: {first.error or 'it was not read yet'}", ""
    return f"The gateway at {first.url} tells of no models: it has none, or its key may not see them.", ""


def tree(page: Page, found: Sequence[Route], *, evidence: bool) -> None:
    """Add one tree per route."""
    before: tuple[str, str, str] | None = None
    for route in found:
        head = (route.environment, route.gateway, route.origin)
        if head != before:
            told = "" if route.origin == "gateway" else f" as {route.origin} has it"
            strategy = f"balanced by {route.strategy}" if route.strategy else ""
            page.section(f"{route.gateway or 'routes'}{told}", strategy)
            before = head
        _route(page, route, evidence=evidence)


def _route(page: Page, route: Route, *, evidence: bool) -> None:
    sign, style = SIGNS.get(route.state, SIGNS["unknown"])
    page.line(f"{sign} {route.model}{_load(route.load, route.errors)}", style)
    branches: list[DeploymentEdge | FallbackEdge] = [*route.deployments, *route.fallbacks]
    for place, branch in enumerate(branches):
        last = place == len(branches) - 1
        corner, below = ("└─ ", "   ") if last else ("├─ ", "│  ")
        if isinstance(branch, DeploymentEdge):
            _deployment(page, branch, corner, below, evidence=evidence)
        else:
            page.line(f"{corner}{_fallback(branch)}", "" if branch.exists else "red")
    if not route.deployments:
        page.line("   no deployment is known", "dim")


def _fallback(edge: FallbackEdge) -> str:
    on = "" if edge.on == "any error" else f" on {edge.on}"
    used = f", {shown(edge.used)} used" if edge.used.value else ""
    failed = f", {shown(edge.failed)} in vain" if edge.failed.value else ""
    missing = "" if edge.exists else ": the gateway has no such model"
    return f"fallback {edge.position}{on}: {edge.to}{used}{failed}{missing}"


def _deployment(page: Page, edge: DeploymentEdge, corner: str, below: str, *, evidence: bool) -> None:
    sign, style = SIGNS.get(edge.state, SIGNS["unknown"])
    facts = [
        edge.litellm_model,
        f"weight {edge.weight}" if edge.weight not in ("", "1") else "",
        f"order {edge.order}" if edge.order else "",
    ]
    said = ", ".join(fact for fact in facts if fact)
    trouble = f": {edge.why}" if edge.state not in ("active", "unknown") else ""
    page.line(f"{corner}{sign} {edge.id}  {said}{_load(edge.load, edge.errors)}{trouble}", style)
    page.wrapped(_chain(edge.chain), f"{below}   ", "dim")
    if evidence:
        for text, names in _reasons(edge.chain).items():
            page.wrapped(f"{', '.join(names)}: {text}", f"{below}     ", "dim")


def _reasons(chain: Chain) -> dict[str, list[str]]:
    """Return each piece of evidence once, with the links that it is for."""
    cards = "card" if len(chain.gpus) == 1 else "cards"
    named = (("at", chain.address), ("engine", chain.engine), ("container", chain.container))
    found: dict[str, list[str]] = {}
    for name, one in (*named, ("process", chain.process), *((cards, gpu) for gpu in chain.gpus)):
        names = found.setdefault(why(one), [])
        if name not in names:
            names.append(name)
    return found


def _chain(chain: Chain) -> str:
    """Return a chain in one line; it ends where nothing more is known."""
    if chain.engine.state != "known" and chain.container.state != "known":
        return f"→ {chain.api_base or chain.provider or '?'}"
    parts = [
        f"{chain.engine.name or '? engine'}",
        f"container {chain.container.name}" if chain.container.state == "known" else "",
        f"PID {chain.process.id}" if chain.process.state == "known" else "",
        cards(chain.gpus).text if any(gpu.state == "known" for gpu in chain.gpus) else "? card",
    ]
    return "→ " + " → ".join(part for part in parts if part)


def _load(load: Number, errors: Number) -> str:
    text = f"  {shown(load)}" if load.value is not None else ""
    return f"{text}, {shown(errors)} fail" if errors.value else text
