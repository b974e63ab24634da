"""The status answer as a page of aligned tables."""

from __future__ import annotations

import time
from collections.abc import Sequence

from inferdeck.cli.figures import figure, shown
from inferdeck.cli.text import Cell, Page
from inferdeck.model import numbers
from inferdeck.model.answers import Discovered, Engine, Finding, Gateway, Provider, RemoteWrite, Service, Status

STATES = {
    "up": Cell("✓ up", "green"),
    "available": Cell("✓ available", "green"),
    "ok": Cell("✓ ok", "green"),
    "down": Cell("✗ down", "red"),
    "failing": Cell("✗ failing", "red"),
    "error": Cell("✗ error", "red"),
    "degraded": Cell("! degraded", "yellow"),
    "loading": Cell("… loading", "yellow"),
    "idle": Cell("· idle", "dim"),
    "unknown": Cell("? unknown", "dim"),
}
SEVERITIES = {"error": Cell("✗", "red"), "warning": Cell("!", "yellow"), "info": Cell("·", "cyan")}
MOST_ADVICE = 5
MOST_FOUND = 8
RIGHT = (
    "PORT LATENCY REQUESTS ERRORS P50 P95 TTFT IN OUT CACHED COST ACTIVE QUEUED HITS RUNNING WAITING KV PREFILL DECODE "
    "MEMORY OF KEYS EVICTED CLIENTS CPU DISK LOAD CORES RECEIVED SENT"
)


def draw(page: Page, status: Status) -> None:
    """Add the whole answer to the page."""
    _head(page, status)
    several = len({service.environment for service in status.services}) > 1
    _services(page, status, several=several)
    window = f"{status.window_seconds / 60:.0f} min"
    if status.gateways:
        page.section("GATEWAYS", f"over the last {window}; each by itself, never added up")
        _gateways(page, status.gateways, several=several)
    if status.providers:
        page.section("PROVIDERS", f"as the gateway sees them, over the last {window}")
        _providers(page, status.providers)
    if status.engines:
        page.section("ENGINES")
        _engines(page, status.engines, several=several)
    if status.caches:
        _caches(page, status, window)
    if status.hosts:
        _hosts(page, status)
    _changes(page, status)
    _found(page, status)
    _advice(page, status.advice)
    _foot(page, status)


def _head(page: Page, status: Status) -> None:
    up = sum(service.health == "up" for service in status.services)
    clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(status.time))
    parts = [f"inferdeck {status.own.version}", clock, f"{up} of {len(status.services)} services up"]
    counts = {severity: sum(one.severity == severity for one in status.advice) for severity in SEVERITIES}
    problems = [f"{n} {severity}{'s' if n > 1 else ''}" for severity, n in counts.items() if n and severity != "info"]
    style = "red" if counts["error"] else "yellow" if counts["warning"] else "green"
    page.line("  ·  ".join([*parts, *problems]), style)
    if status.own.note:
        page.line(status.own.note, "yellow")


def _services(page: Page, status: Status, *, several: bool) -> None:
    page.section("SERVICES")
    if not status.services:
        page.line("nothing is watched yet")
        return
    rows = [
        (
            STATES.get(service.health, Cell(service.health)),
            service.name,
            service.kind,
            service.environment if several else "",
            str(service.port) if service.port else numbers.MISSING,
            figure(service.latency, warn=2.0),
            service.version or numbers.MISSING,
            _note(service, "not read yet" if status.past is None else "not read then"),
        )
        for service in status.services
    ]
    headings = ("STATE", "NAME", "KIND", "ENVIRONMENT", "PORT", "LATENCY", "VERSION", "NOTE")
    page.table(headings, rows, right=RIGHT)


def _note(service: Service, unread: str) -> Cell:
    if service.error:
        wait = service.next_attempt_seconds
        again = f"; next try in {numbers.seconds(round(wait))}" if wait is not None and wait >= 1 else ""
        return Cell(_short(service.error, service.url) + again, "red" if service.health == "down" else "")
    if service.health == "unknown":
        return Cell(unread, "dim")
    return Cell(service.warnings[0] if service.warnings else "", "yellow")


def _short(error: str, url: str) -> str:
    """Without the address, which stands in the row already."""
    head, separator, rest = error.partition(": ")
    return rest if separator and head.startswith(url.rstrip("/")) else error


def _gateways(page: Page, gateways: tuple[Gateway, ...], *, several: bool) -> None:
    rows = [
        (
            f"{one.environment}/{one.name}" if several else one.name,
            shown(one.requests),
            figure(one.errors, warn=0.01, critical=0.05),
            figure(one.latency_p50),
            figure(one.latency_p95, warn=10.0, critical=30.0),
            figure(one.ttft_p95, warn=5.0),
            figure(one.active),
            figure(one.queued, warn=1.0),
            figure(one.cost),
            figure(one.cache_hits),
        )
        for one in gateways
    ]
    headings = ("NAME", "REQUESTS", "ERRORS", "P50", "P95", "TTFT", "ACTIVE", "QUEUED", "COST", "HITS")
    page.table(headings, rows, right=RIGHT, spare="QUEUED P50")
    for one in gateways:
        known = [f"{kind.replace('_', ' ')} {shown(n)}" for kind, n in one.tokens.items() if n.value is not None]
        page.line(f"tokens of {one.name}: {', '.join(known) if known else numbers.MISSING}", "" if known else "dim")


def _providers(page: Page, providers: tuple[Provider, ...]) -> None:
    many = len({one.gateway for one in providers}) > 1
    rows = [
        (
            STATES.get(one.state, Cell(one.state)),
            one.name,
            one.gateway if many else "",
            figure(one.requests),
            figure(one.errors, warn=0.01, critical=0.05),
            figure(one.latency_p95, warn=10.0),
        )
        for one in providers
    ]
    page.table(("STATE", "NAME", "GATEWAY", "REQUESTS", "ERRORS", "P95"), rows, right=RIGHT)


def _engines(page: Page, engines: tuple[Engine, ...], *, several: bool) -> None:
    rows = [
        (
            STATES.get(one.state, Cell(one.state)),
            f"{one.environment}/{one.name}" if several else one.name,
            one.kind,
            one.model or numbers.MISSING,
            figure(one.running),
            figure(one.waiting, warn=1.0),
            figure(one.kv_cache, warn=0.8, critical=0.95),
            figure(one.prefill),
            figure(one.decode),
        )
        for one in engines
    ]
    headings = ("STATE", "NAME", "KIND", "MODEL", "RUNNING", "WAITING", "KV", "PREFILL", "DECODE")
    page.table(headings, rows, right=RIGHT, spare="KIND")


def _caches(page: Page, status: Status, window: str) -> None:
    page.section("CACHES", f"HITS (of the whole keyspace) and EVICTED over the last {window}")
    rows = [
        (
            one.name,
            figure(one.memory),
            figure(one.memory_limit),
            figure(one.keys),
            figure(one.hits),
            figure(one.evicted, warn=1.0),
            figure(one.clients),
        )
        for one in status.caches
    ]
    page.table(("NAME", "MEMORY", "OF", "KEYS", "HITS", "EVICTED", "CLIENTS"), rows, right=RIGHT)
    for one in status.gateways:
        page.line(f"response cache of {one.name}: {shown(one.cache_hits)} of lookups hit over the last {window}")


def _hosts(page: Page, status: Status) -> None:
    page.section("HOSTS")
    rows = [
        (
            one.name,
            figure(one.cpu, warn=0.85, critical=0.95),
            figure(one.load, warn=one.cores.value),
            figure(one.cores),
            figure(one.memory, warn=0.85, critical=0.95),
            figure(one.memory_total),
            figure(one.disk, warn=0.85, critical=0.95),
            one.disk_mount,
            figure(one.network_in),
            figure(one.network_out),
        )
        for one in status.hosts
    ]
    headings = ("NAME", "CPU", "LOAD", "CORES", "MEMORY", "OF", "DISK", "MOUNT", "RECEIVED", "SENT")
    page.table(headings, rows, right=RIGHT, spare="OF CORES MOUNT")


def _changes(page: Page, status: Status) -> None:
    if status.changes:
        page.section("CHANGED LAST", "inferdeck events, inferdeck annotations list")
    for one in status.changes:
        page.line(f"{numbers.age(max(0.0, status.time - one.time))}  {one.kind}  {one.text}")


def _found(page: Page, status: Status) -> None:
    advised = {finding.fix for finding in status.advice}
    rest = [one for one in status.found if not one.watched or (one.fix and one.fix not in advised)]
    rest.sort(key=lambda one: not one.fix)
    discovered(page, rest[:MOST_FOUND])
    if len(rest) > MOST_FOUND:
        page.line(f"and {len(rest) - MOST_FOUND} more; inferdeck sources list shows all", "dim")
    if status.not_found:
        kinds = ", ".join(one.kind for one in status.not_found)
        page.wrapped(f"not found here: {kinds} (inferdeck sources list says how to watch one elsewhere)", "", "dim")


def discovered(page: Page, found: Sequence[Discovered]) -> None:
    """Draw what discovery has to say beside what is watched, each with the line that tells more."""
    if not found:
        return
    page.section("ALSO ON THIS MACHINE")
    for one in found:
        behind = ", ".join(filter(None, (one.process, f"container {one.container}" if one.container else "")))
        what = one.note or (f"{one.kind} is {'watched' if one.watched else 'not watched'}")
        page.wrapped(f"{one.address}{f' ({behind})' if behind else ''}: {what}", "")
        if one.fix:
            page.whole(one.fix, "    ", "cyan")


def _advice(page: Page, advice: tuple[Finding, ...]) -> None:
    if not advice:
        return
    page.section("ADVICE", "inferdeck doctor says more")
    for finding in advice[:MOST_ADVICE]:
        sign = SEVERITIES[finding.severity] if finding.severity in SEVERITIES else Cell("·")
        page.wrapped(f"{sign.text} {finding.message}", "", sign.style)
        if finding.fix:
            page.whole(finding.fix, "    ", "cyan")
    if len(advice) > MOST_ADVICE:
        page.line(f"and {len(advice) - MOST_ADVICE} more", "dim")


def _foot(page: Page, status: Status) -> None:
    own, store = status.own, status.store
    page.section("INFERDECK")
    writing = "writing" if store.writing else f"NOT WRITING: {store.trouble}"
    if store.writing and store.trouble:
        writing = f"writing, but {store.trouble}"
    page.wrapped(
        f"store {writing}, {shown(store.series)} series, {shown(store.size)}, "
        f"oldest sample {numbers.age(store.oldest.value)}",
        "",
        "yellow" if store.writing and store.trouble else "" if store.writing else "red",
    )
    for one in status.remote_write:
        page.wrapped(*_receiver(one))
    page.wrapped(
        f"costs {shown(own.cpu)} of one processor, {shown(own.memory)}, {shown(own.requests)} to "
        f"{shown(own.targets)} targets, loop lag {shown(own.loop_lag)}",
        "",
        "dim",
    )


def _receiver(one: RemoteWrite) -> tuple[str, str, str]:
    """Return the line of one remote write, its indent and its style."""
    lost = [f"{shown(n)} {what}" for n, what in ((one.rejected, "refused"), (one.overflow, "dropped")) if n.value]
    parts = [f"{shown(one.sent)} samples sent", f"{shown(one.waiting)} waiting", *lost]
    if not one.sending:
        parts.append(f"NOT SENDING for {shown(one.last_success)}" if one.last_success.value else "NOT SENDING")
        parts.append(one.error)
    style = "red" if not one.sending or one.overflow.value else "yellow" if lost else ""
    return f"remote write to {one.name}: {', '.join(parts)}", "", style
