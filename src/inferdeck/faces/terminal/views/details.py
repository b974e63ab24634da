"""One service, container or card: all that is known of it, part under part, and what is charted beside it."""

from __future__ import annotations

from collections.abc import Sequence

from inferdeck.faces.terminal.drawing.picture import Row, Span
from inferdeck.faces.terminal.drawing.prose import wrapped
from inferdeck.faces.terminal.views.charts import Wanted, quoted
from inferdeck.faces.terminal.views.gpus import CONTAINER_STYLES, HEALTH_STYLES, HOT_CELSIUS
from inferdeck.faces.terminal.views.moments import local
from inferdeck.faces.terminal.views.outside import fit
from inferdeck.model import cells, numbers
from inferdeck.model.answers import Number
from inferdeck.model.dashboard import Level, Threshold
from inferdeck.model.figure_text import shown
from inferdeck.model.stack import Card, Link, StackContainer, StackService

Pair = tuple[str, str, str]
"""What it is called, what it is, its style."""
_NAME = 16
_LEAST = 56
"""Cells of a column of pairs; where there is room for two they stand side by side."""
_HEALTH = {"up": "ok", "down": "critical"}


def _figure(name: str, number: Number, style: str = "") -> Pair:
    return name, shown(number), "dim" if number.value is None or number.quality == "stale" else style


def _when(name: str, number: Number, style: str = "") -> Pair:
    return name, local(number.value), "dim" if number.value is None else style


def _text(name: str, value: str, style: str = "") -> Pair:
    return name, value or numbers.MISSING, style if value else "dim"


def _link(name: str, link: Link) -> Pair:
    if link.state == "known":
        return name, " ".join(part for part in (link.name, f"on {link.host}" if link.host else "") if part), ""
    if link.candidates:
        return name, f"one of {', '.join(link.candidates)}", "dim"
    return name, "none" if link.state == "none" else link.evidence[0] if link.evidence else "unknown", "dim"


def service_pairs(one: StackService) -> list[Pair]:
    """Return what is known of a service."""
    told = one.service
    style = _HEALTH.get(told.health, "warn")
    changed = local(one.config_changed.value) if one.config_changed.value is not None else ""
    # Without a start nobody knows whether it was changed since.
    unchanged = "not" if one.config_hash and one.started.value is not None else numbers.MISSING
    return [
        ("status", f"{told.health}, {one.status}" if one.status not in ("", told.health) else told.health, style),
        _text("trouble", told.error, "critical"),
        _text("kind", f"{told.kind} {told.version}".strip()),
        _text("address", told.url or told.instance),
        _figure("answers in", told.latency),
        ("read", numbers.age(told.age.value) if told.age.value is not None else "never", "dim"),
        _text("environment", told.environment),
        _text("machine", one.host),
        ("PID", str(one.pid) if one.pid is not None else numbers.MISSING, "" if one.pid is not None else "dim"),
        _figure("CPU", one.cpu),
        _figure("memory", one.memory),
        _figure("connections", one.connections),
        _figure("uptime", one.uptime),
        _when("last start", one.started),
        _figure("restarts", one.restarts, "warn" if one.restarts.value else ""),
        _text("configuration", one.config_hash),
        ("changed since", changed or unchanged, "warn" if changed else "dim"),
        _link("container", one.container),
        _link("process", one.process),
        _text("unit", one.unit),
        _text("models", ", ".join(one.models)),
        ("found", told.origin, "dim"),
    ]


def container_pairs(one: StackContainer) -> list[Pair]:
    """Return what is known of a container."""
    limit = f" of {shown(one.memory_limit)}" if one.memory_limit.value is not None else ""
    killed = "killed for memory" if one.oom_killed else ""
    return [
        _text("state", one.state, CONTAINER_STYLES.get(one.state, "dim")),
        _text("health", one.health, HEALTH_STYLES.get(one.health, "dim")),
        _text("exit code", ", ".join(part for part in (one.exit_code, killed) if part), "warn"),
        _text("image", f"{one.image}:{one.image_tag}" if one.image_tag not in one.image else one.image),
        _text("machine", one.host),
        _text("environment", one.environment),
        ("PID", str(one.pid) if one.pid is not None else numbers.MISSING, "" if one.pid is not None else "dim"),
        _figure("CPU", one.cpu),
        ("memory", f"{shown(one.memory)}{limit}", ""),
        _figure("uptime", one.uptime),
        _when("last start", one.started),
        _figure("restarts", one.restarts, "warn" if one.restarts.value else ""),
        _text("engine", f"{one.engine} {one.engine_version}".strip()),
        _text("model", one.model),
        _text("CUDA", one.cuda_version),
        _text("cards", ", ".join(link.name for link in one.gpus if link.state == "known")),
        _text("deployments", ", ".join(one.deployments)),
        _link("service", one.service),
        _text("ports", ", ".join(one.ports)),
        _text("addresses", ", ".join(one.addresses)),
        _text("networks", ", ".join(one.networks)),
        _text("project", one.project),
        _text("id", one.id, "dim"),
    ]


def card_pairs(one: Card) -> list[Pair]:
    """Return what is known of a card."""
    hot = one.temperature.value or 0.0
    held = ", ".join(one.throttled) or ("nothing" if one.throttle_known else "")
    return [
        _text("card", f"{one.index} {one.model}".strip()),
        _text("machine", one.host),
        _text("environment", one.environment),
        _figure("used", one.utilisation),
        ("memory", f"{shown(one.memory_used)} of {shown(one.memory_total)}", ""),
        _figure(
            "heat", one.temperature, "critical" if hot >= HOT_CELSIUS[1] else "warn" if hot >= HOT_CELSIUS[0] else ""
        ),
        _figure("memory's heat", one.memory_temperature),
        _figure("power", one.power),
        _figure("clock", one.sm_clock),
        _figure("memory's clock", one.memory_clock),
        _text("held back by", held, "warn" if one.throttled else ""),
        _figure("ECC", one.ecc, "critical" if one.ecc.value else ""),
        _figure("ECC corrected", one.ecc_corrected, "warn" if one.ecc_corrected.value else ""),
        _figure("rows remapped", one.remapped_rows, "warn" if one.remapped_rows.value else ""),
        _text("XID", f"{one.xid} {one.xid_text}" if one.xid is not None else "", "critical"),
        _text("driver", one.driver),
        _text("UUID", one.uuid, "dim"),
    ]


def card_users(one: Card, width: int) -> list[Row]:
    """Return the processes on a card with what they serve, else the services that are known to use it."""
    found: list[Row] = []
    for process in one.processes:
        served = ", ".join(process.models)
        inside = next((link.name for link in (process.service, process.container) if link.state == "known"), "")
        pid = "" if process.pid is None else str(process.pid)
        spans: list[Span] = [
            (f"  {pid:<8}", "dim"),
            (cells.fit(cells.clean(process.name), 28), ""),
            (f" {shown(process.memory):>10}  ", ""),
            (cells.clean(inside), "strong"),
            (f"  {cells.clean(served)}", "dim"),
        ]
        found.append(fit(spans, width))
    if not found:
        found = [
            fit((("  ", ""), (link.name, "strong"), (f"  {'; '.join(link.evidence)}", "dim")), width)
            for link in one.used_by
            if link.state == "known"
        ]
    return [fit((("Used by", "title"),), width), *found] if found else []


def pair_rows(pairs: Sequence[Pair], width: int) -> list[Row]:
    """Return names and values under each other, in as many columns as there is room for."""
    across = max(1, min(3, width // _LEAST))
    deep = -(-len(pairs) // across)
    room = width // across
    lines = [[_wrapped(one, room - 2) for one in pairs[number::deep]] for number in range(deep)]
    found: list[Row] = []
    for line in lines:
        for number in range(max(len(cell) for cell in line)):
            spans: list[Span] = []
            for cell in line:
                spans += fit(cell[number] if number < len(cell) else (), room)
            found.append(fit(spans, width))
    return found


def _wrapped(one: Pair, width: int) -> list[Row]:
    name, value, style = one
    lines = wrapped(value, max(8, width - _NAME), style) or [()]
    return [((f"{name if not place else '':<{_NAME}}", "dim"), *line) for place, line in enumerate(lines)]


def service_charts(one: StackService) -> list[Wanted]:
    """Return what is charted of a service."""
    told = one.service
    mine = f"instance={quoted(told.instance)}, environment={quoted(told.environment)}"
    found = [
        Wanted("Up", f"min(up{{{mine}}})", "", maximum=1.0),
        Wanted("Answers in", f"max(scrape_duration_seconds{{{mine}}})", "seconds"),
    ]
    if one.container.state == "known":
        return [*found, *_usage(f"name={quoted(one.container.name)}, environment={quoted(told.environment)}")]
    return [
        *found,
        Wanted("CPU", f"sum(rate(process_cpu_seconds_total{{{mine}}}[RANGE]))", "percent"),
        Wanted("Memory", f"sum(process_resident_memory_bytes{{{mine}}})", "bytes"),
    ]


def container_charts(one: StackContainer) -> list[Wanted]:
    """Return what is charted of a container."""
    return _usage(f"name={quoted(one.name)}, environment={quoted(one.environment)}, id=~{quoted(f'.*{one.id}.*')}")


def _usage(mine: str) -> list[Wanted]:
    return [
        Wanted("CPU", f"sum(rate(container_cpu_usage_seconds_total{{{mine}}}[RANGE]))", "percent"),
        Wanted(
            "Memory",
            f"sum(container_memory_working_set_bytes{{{mine}}}) or sum(container_memory_usage_bytes{{{mine}}})",
            "bytes",
        ),
    ]


def card_charts(one: Card) -> list[Wanted]:
    """Return what is charted of a card."""
    mine = f"UUID={quoted(one.uuid)}"
    warn, critical = HOT_CELSIUS
    heat = (Threshold(warn, Level.WARN), Threshold(critical, Level.CRITICAL))
    used, free = f"max(DCGM_FI_DEV_FB_USED{{{mine}}})", f"max(DCGM_FI_DEV_FB_FREE{{{mine}}})"
    return [
        Wanted("Used", f"max(DCGM_FI_DEV_GPU_UTIL{{{mine}}}) / 100", "percent", maximum=1.0),
        Wanted("Memory", f"{used} / ({used} + {free})", "percent", maximum=1.0),
        Wanted("Heat", f"max(DCGM_FI_DEV_GPU_TEMP{{{mine}}})", "celsius", thresholds=heat),
        Wanted("Power", f"max(DCGM_FI_DEV_POWER_USAGE{{{mine}}})", "watts"),
    ]
