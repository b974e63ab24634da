"""The first line of every view: where we are, is it up, is it fast, is it dear, and how old all this is."""

from __future__ import annotations

from dataclasses import dataclass

from inferdeck.faces.terminal.drawing.picture import Row, Span, fit, sides, wide
from inferdeck.faces.terminal.held import Held, Phase
from inferdeck.faces.terminal.span import brief
from inferdeck.model import cells, numbers
from inferdeck.model.answers import Finding, Gateway, Number, Status
from inferdeck.model.figure_text import shown

_SEVERITIES = ("error", "warning")
_STYLES = {"error": "critical", "warning": "warn"}
_LONGEST_FINDING = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """What the line says beside the status. past: the moment that is looked at, as text, "" for now."""

    title: str
    interval: float
    phase: Phase
    age: float | None
    past: str = ""
    paused: bool = False
    environment: str = ""
    readonly: bool = False
    chosen: str = ""
    """What the view is narrowed to, where there is room to say so."""


def head(status: Held[Status], standing: Standing, width: int) -> Row:
    """Return the line; what matters less goes first where the width does not suffice."""
    value = status.value
    left: list[Span] = [(" inferdeck ", "title"), (f"{cells.clean(standing.title)} ", "strong")]
    right = _right(standing)
    if value is None:
        word = "starting" if not status.error else "no daemon"
        return sides((*left, (word, "dim")), right, width)
    if value.own.note:
        left += [(" simulated ", "banner" if "simulat" in value.own.note else "warn"), (" ", "")]
    parts = _parts(value, standing)
    room = width - wide(right) - sum(cells.width(text) for text, _ in left) - 1
    kept = list(parts)
    while kept and sum(_size(spans) for _, spans in kept) > room:
        kept.remove(max(kept, key=lambda part: part[0]))
    return sides((*left, *(span for _, spans in kept for span in spans)), right, width)


def no_environment(status: Status, environment: str) -> str:
    """Return that there is no such environment and which ones there are; "" where there is, or where none is known."""
    known = sorted({one.environment for one in status.services})
    if not environment or not known or environment in known:
        return ""
    there = ", ".join(cells.clean(one) for one in known)
    return f"there is no environment {cells.clean(environment)!r}; there are: {there}"


def _size(spans: tuple[Span, ...]) -> int:
    return sum(cells.width(text) for text, _ in spans)


def _parts(status: Status, standing: Standing) -> list[tuple[int, tuple[Span, ...]]]:
    """Return (how little it matters, spans) in the order in which they stand."""
    services = [one for one in status.services if standing.environment in ("", one.environment)]
    gateways = [one for one in status.gateways if standing.environment in ("", one.environment)]
    found: list[tuple[int, tuple[Span, ...]]] = []
    if standing.chosen:
        found.append((5, ((f"{cells.clean(standing.chosen)}  ", "dim"),)))
    environments = sorted({one.environment for one in status.services})
    if said := no_environment(status, standing.environment):
        return [(0, ((f"{cells.cut(said, _LONGEST_FINDING)}  ", "critical"),))]
    if len(environments) > 1 or environments not in ([], ["default"]):
        found.append((7, ((f"{cells.clean(standing.environment or '+'.join(environments))[:24]}  ", "dim"),)))
    up = sum(one.health == "up" for one in services)
    unknown = sum(one.health == "unknown" for one in services)
    style = "ok" if up == len(services) else "warn" if up + unknown == len(services) else "critical"
    tail = f", {unknown} unknown" if unknown else ""
    found.append((0, ((f"{up}/{len(services)} up{tail}  ", style),)))
    if (worst := _worst(status.advice)) is not None:
        more = sum(one.severity in _SEVERITIES for one in status.advice) - 1
        text = cells.cut(cells.clean(f"{worst.subject}: {worst.message}"), _LONGEST_FINDING)
        tail = f" +{more}" if more else ""
        found.append((6, ((f"! {text}{tail}  ", _STYLES[worst.severity]),)))
    if gateways:
        found += _traffic(gateways, status.window_seconds)
    own = shown(status.own.cpu) if status.own.cpu.value is not None else numbers.MISSING
    found.append((8, ((f"own {own}  ", "dim"),)))
    return found


def _traffic(gateways: list[Gateway], window_seconds: float) -> list[tuple[int, tuple[Span, ...]]]:
    """Return the figures of the gateway with the most requests: those of two are never added up."""
    busiest = max(gateways, key=lambda one: one.requests.value or 0.0)
    name = f"{cells.cut(cells.clean(busiest.name), 20)} (1 of {len(gateways)}) " if len(gateways) > 1 else ""
    tokens = busiest.tokens.get("output", Number(None, "tokens/s"))
    return [
        (9, ((name, "dim"),)) if name else (9, ()),
        (1, ((f"{brief(window_seconds)} ", "dim"), (f"{shown(busiest.requests)}  ", "strong"))),
        (3, (("out ", "dim"), (f"{shown(tokens)}  ", "strong"))),
        (2, (("p95 ", "dim"), (f"{shown(busiest.latency_p95)}  ", "strong"))),
        (4, ((f"{shown(busiest.cost)}  ", "strong"),)),
    ]


def _worst(advice: tuple[Finding, ...]) -> Finding | None:
    serious = [one for one in advice if one.severity in _SEVERITIES]
    return min(serious, key=lambda one: _SEVERITIES.index(one.severity)) if serious else None


def _right(standing: Standing) -> Row:
    spans: list[Span] = []
    if standing.readonly:
        spans.append(("read-only ", "dim"))
    if standing.past:
        spans.append((f" at {standing.past} ", "banner"))
    if standing.paused:
        spans.append((" paused ", "banner"))
    age = numbers.age(standing.age) if standing.age is not None else "no answer"
    style = {Phase.FRESH: "dim", Phase.LOADING: "dim", Phase.STALE: "warn", Phase.ERROR: "critical"}[standing.phase]
    spans.append((f" {age}, every {standing.interval:g} s ", style))
    return tuple(spans)


def keys(actions: list[tuple[str, str]], width: int) -> Row:
    """Return the last line: keys and what they do, as many as there is room for."""
    spans: list[Span] = [(" ", "")]
    room = width - 1
    for key, title in actions:
        pair: tuple[Span, ...] = ((key, "key"), (f" {title}  ", "dim"))
        room -= _size(pair)
        if room < -2:
            break
        spans += pair
    return fit((*spans[:-1], (spans[-1][0].rstrip() if len(spans) > 1 else "", spans[-1][1])), width)
