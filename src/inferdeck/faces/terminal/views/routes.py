"""Routes as a tree: public model, its deployments and where they end, what is tried after it."""

from __future__ import annotations

from collections.abc import Sequence

from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.faces.terminal.drawing.picture import Row, Span
from inferdeck.faces.terminal.views.outside import fit
from inferdeck.model import cells
from inferdeck.model.answers import Number
from inferdeck.model.figure_text import shown
from inferdeck.model.stack import Chain, DeploymentEdge, FallbackEdge, Route

_STYLES = {"active": "ok", "degraded": "warn", "cooldown": "warn", "inactive": "critical", "down": "critical"}
_SIGNS = {"active": "●", "degraded": "◐", "cooldown": "◔", "inactive": "○", "down": "○"}
_ASCII_SIGNS = {"active": "*", "degraded": "~", "cooldown": "~", "inactive": "x", "down": "x"}


def rows(routes: Sequence[Route], width: int, look: Look, words: str = "", *, inactive: bool = False) -> list[Row]:
    """Return the routes that have the words; inactive: those alone that do not work as they should."""
    found: list[Row] = []
    before: tuple[str, str, str] | None = None
    wanted = words.lower().split()
    for route in routes:
        if (inactive and route.state == "active") or not _has(route, wanted):
            continue
        head = (route.environment, route.gateway, route.origin)
        if head != before:
            told = "" if route.origin == "gateway" else f" as {route.origin} has it"
            strategy = f"  balanced by {route.strategy}" if route.strategy else ""
            title = cells.clean(f"{route.gateway or 'routes'}{told}")
            found += [*([()] if found else []), ((title, "title"), (cells.clean(strategy), "dim"))]
            before = head
        found += _route(route, look)
    return [fit(row, width) for row in found]


def _has(route: Route, words: Sequence[str]) -> bool:
    parts = [route.model, route.gateway, route.state]
    parts += [f"{one.id} {one.provider} {one.litellm_model} {one.api_base} {one.state}" for one in route.deployments]
    parts += [one.to for one in route.fallbacks]
    text = " ".join(parts).lower()
    return all((word[1:] not in text) if word.startswith("!") and word[1:] else word in text for word in words)


def _sign(state: str, look: Look) -> str:
    signs = _ASCII_SIGNS if look.glyphs.ascii_only or look.glyphs.name == "block" else _SIGNS
    return signs.get(state, "?")


def _route(route: Route, look: Look) -> list[Row]:
    style = _STYLES.get(route.state, "dim")
    found: list[Row] = [
        (
            (f"{_sign(route.state, look)} ", style),
            (cells.clean(route.model), "strong"),
            *_load(route.load, route.errors),
        )
    ]
    count = len(route.deployments) + len(route.fallbacks)
    edges: list[DeploymentEdge | FallbackEdge] = [*route.deployments, *route.fallbacks]
    for place, edge in enumerate(edges):
        last = place == count - 1
        corner = look.glyphs.last_branch if last else look.glyphs.branch
        below = "  " if last else look.glyphs.trunk
        if isinstance(edge, DeploymentEdge):
            found += _deployment(edge, corner, below, look)
        else:
            found.append(((corner, "frame"), *_fallback(edge)))
    if not route.deployments:
        found.append((("  no deployment is known", "dim"),))
    return found


def _deployment(edge: DeploymentEdge, corner: str, below: str, look: Look) -> list[Row]:
    style = _STYLES.get(edge.state, "dim")
    facts = [edge.litellm_model, f"weight {edge.weight}" if edge.weight not in ("", "1") else ""]
    facts.append(f"order {edge.order}" if edge.order else "")
    said = cells.clean(", ".join(fact for fact in facts if fact))
    head: Row = (
        (corner, "frame"),
        (f"{_sign(edge.state, look)} ", style),
        (cells.clean(edge.id), ""),
        (f"  {said}", "dim"),
        *_load(edge.load, edge.errors),
    )
    found = [head]
    if edge.state not in ("active", "unknown") and edge.why:
        found.append(((f"{below}   ", "frame"), (cells.clean(f"{edge.state}: {edge.why}"), style)))
    found.append(((f"{below}   ", "frame"), (cells.clean(_chain(edge.chain)), "dim")))
    return found


def _fallback(edge: FallbackEdge) -> list[Span]:
    on = "" if edge.on == "any error" else f" on {edge.on}"
    spans: list[Span] = [(f"fallback {edge.position}{cells.clean(on)}: ", "dim")]
    spans.append((cells.clean(edge.to), "" if edge.exists else "critical"))
    if not edge.exists:
        spans.append((", which the gateway does not have", "critical"))
    if edge.used.value:
        spans.append((f"  {shown(edge.used)} used", "warn"))
    if edge.failed.value:
        spans.append((f"  {shown(edge.failed)} in vain", "critical"))
    return spans


def _chain(chain: Chain) -> str:
    if chain.engine.state != "known" and chain.container.state != "known":
        return f"→ {chain.api_base or chain.provider or '?'}"
    cards = [gpu.name for gpu in chain.gpus if gpu.state == "known"]
    parts = [
        chain.engine.name or "? engine",
        f"container {chain.container.name}" if chain.container.state == "known" else "",
        f"PID {chain.process.id}" if chain.process.state == "known" else "",
        ", ".join(cards) if cards else "",
    ]
    return "→ " + " → ".join(part for part in parts if part)


def _load(load: Number, errors: Number) -> list[Span]:
    spans: list[Span] = []
    if load.value is not None:
        spans.append((f"  {shown(load)}", "strong" if load.value else "dim"))
    if errors.value:
        spans.append((f", {shown(errors)} fail", "critical"))
    return spans
