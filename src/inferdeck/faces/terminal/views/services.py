"""Services as rows of a table."""

from __future__ import annotations

from inferdeck.faces.terminal.drawing.grid import Column, Field
from inferdeck.faces.terminal.views.charts import Wanted
from inferdeck.faces.terminal.views.table import Entry, Rank, entry, figure, text
from inferdeck.model.stack import Link, StackService

COLUMNS = (
    Column("Service", most=28),
    Column("Kind", drop=9),
    Column("State"),
    Column("Answers in", right=True),
    Column("Version", drop=7, most=16),
    Column("PID", right=True, drop=10),
    Column("CPU", right=True, drop=11),
    Column("Memory", right=True, drop=12),
    Column("Conn", right=True, drop=8),
    Column("Uptime", right=True, drop=6),
    Column("Restarts", right=True, drop=5),
    Column("Runs in", drop=4, most=24),
    Column("Config", drop=3, most=10),
    Column("Address", drop=2, most=32),
    Column("Trouble", drop=1, most=60),
)
CHARTS = (
    Wanted("Answers in", "max by (job, instance) (scrape_duration_seconds{ENVIRONMENT})", "seconds", "{{job}}"),
    Wanted("Services down", "count(up{ENVIRONMENT} == 0) or 0 * count(up{ENVIRONMENT})", "count"),
)
_HEALTH = {"up": "ok", "down": "critical"}


def entry_of(one: StackService) -> Entry:
    """Return a service as a row."""
    service = one.service
    status = f"{service.health} {one.status}" if one.status not in ("", service.health) else service.health
    return entry(
        service.id,
        (
            text(service.name),
            text(service.kind, "dim"),
            (Field(status, _HEALTH.get(service.health, "warn")), service.health),
            figure(service.latency),
            text(service.version, "dim"),
            _pid(one.pid),
            figure(one.cpu),
            figure(one.memory),
            figure(one.connections),
            figure(one.uptime),
            figure(one.restarts, warn=1.0),
            text(_place(one)),
            text(one.config_hash[:8]),
            text(service.instance, "dim"),
            text(service.error, "critical"),
        ),
    )


def _pid(pid: int | None) -> tuple[Field, Rank]:
    return (Field("–", "dim"), None) if pid is None else (Field(str(pid)), float(pid))


def _place(one: StackService) -> str:
    if one.container.state == "known":
        return one.container.name
    return one.unit or _named(one.process)


def _named(link: Link) -> str:
    return link.name if link.state == "known" else ""
