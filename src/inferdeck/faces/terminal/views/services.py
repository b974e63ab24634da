"""Services as rows of a table."""

from __future__ import annotations

from dataclasses import replace

from inferdeck.faces.terminal.drawing.grid import Column, Field
from inferdeck.faces.terminal.views.charts import Wanted
from inferdeck.faces.terminal.views.moments import local
from inferdeck.faces.terminal.views.table import Entry, Rank, entry, figure, text
from inferdeck.model.stack import Link, StackService

COLUMNS = (
    Column("Service", most=28),
    Column("Kind", drop=9),
    Column("State", most=40),
    Column("Answers in", right=True),
    Column("Version", drop=4, most=16),
    Column("PID", right=True, drop=10),
    Column("CPU", right=True, drop=11),
    Column("Memory", right=True, drop=12),
    Column("Conn", right=True, drop=8),
    Column("Uptime", right=True, drop=7),
    Column("Config", drop=6, most=10),
    Column("Last start", drop=5),
    Column("Restarts", right=True, drop=3),
    Column("Runs in", drop=2, most=24),
    Column("Address", drop=1, most=32),
)
CHARTS = (
    Wanted("Answers in", "max by (job, instance) (scrape_duration_seconds{ENVIRONMENT})", "seconds", "{{job}}"),
    Wanted("Services down", "count(up{ENVIRONMENT} == 0) or 0 * count(up{ENVIRONMENT})", "count"),
)
_HEALTH = {"up": "ok", "down": "critical"}


def entry_of(one: StackService) -> Entry:
    """Return a service as a row."""
    service = one.service
    said = service.error if service.health != "up" else one.status
    status = f"{service.health} {said}" if said not in ("", service.health) else service.health
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
            _hash(one),
            (Field(local(one.started.value, "%d %b %H:%M"), "dim"), one.started.value),
            figure(one.restarts, warn=1.0),
            text(_place(one)),
            text(service.instance, "dim"),
        ),
    )


def _hash(one: StackService) -> tuple[Field, Rank]:
    """Return the configuration's hash, marked where a file was changed after the start."""
    field, rank = text(one.config_hash[:8])
    return (replace(field, style="warn"), rank) if one.config_changed.value is not None else (field, rank)


def _pid(pid: int | None) -> tuple[Field, Rank]:
    return (Field("–", "dim"), None) if pid is None else (Field(str(pid)), float(pid))


def _place(one: StackService) -> str:
    if one.container.state == "known":
        return one.container.name
    return one.unit or _named(one.process)


def _named(link: Link) -> str:
    return link.name if link.state == "known" else ""
