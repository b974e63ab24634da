"""Cards and containers as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from inferdeck.faces.terminal.drawing.grid import Column, Field
from inferdeck.faces.terminal.views.charts import Wanted
from inferdeck.faces.terminal.views.table import Entry, Rank, entry, figure, text
from inferdeck.model.answers import Number
from inferdeck.model.stack import Card, Link, StackContainer

CARDS = (
    Column("Card", most=22),
    Column("Host", drop=8, most=20),
    Column("Used", right=True),
    Column("Memory", right=True),
    Column("of", right=True, drop=6),
    Column("Full", right=True, drop=10),
    Column("Heat", right=True, drop=9),
    Column("Power", right=True, drop=7),
    Column("Clock", right=True, drop=2),
    Column("Held back by", drop=5, most=28),
    Column("Model", drop=12, most=26),
    Column("Used by", drop=11, most=22),
    Column("ECC", right=True, drop=4),
    Column("XID", drop=3, most=28),
    Column("Driver", drop=1, most=14),
)
HOT_CELSIUS = (83.0, 90.0)
_BY_CARD = "max by (Hostname, gpu) ({}{{ENVIRONMENT}})"
_USED, _FREE = _BY_CARD.format("DCGM_FI_DEV_FB_USED"), _BY_CARD.format("DCGM_FI_DEV_FB_FREE")
_CARD = "{{Hostname}} {{gpu}}"
CARD_CHARTS = (
    Wanted("Used", f"{_BY_CARD.format('DCGM_FI_DEV_GPU_UTIL')} / 100", "percent", _CARD, maximum=1.0),
    Wanted("Memory full", f"{_USED} / ({_USED} + {_FREE})", "percent", _CARD, maximum=1.0),
    Wanted("Heat", _BY_CARD.format("DCGM_FI_DEV_GPU_TEMP"), "celsius", _CARD),
    Wanted("Power", _BY_CARD.format("DCGM_FI_DEV_POWER_USAGE"), "watts", _CARD),
)
CONTAINER_CHARTS = (
    Wanted(
        "CPU",
        "sum by (instance, name) (rate(container_cpu_usage_seconds_total{ENVIRONMENT}[RANGE]))",
        "percent",
        "{{name}}",
    ),
    Wanted(
        "Memory",
        "sum by (instance, name) (container_memory_working_set_bytes{ENVIRONMENT})"
        " or sum by (instance, name) (container_memory_usage_bytes{ENVIRONMENT})",
        "bytes",
        "{{name}}",
    ),
)
CONTAINERS = (
    Column("Container", most=32),
    Column("State"),
    Column("Health", drop=8),
    Column("CPU", right=True, drop=9),
    Column("Memory", right=True, drop=10),
    Column("Uptime", right=True, drop=7),
    Column("Restarts", right=True, drop=11),
    Column("Engine", drop=6, most=20),
    Column("Model", drop=12, most=36),
    Column("Cards", drop=5, most=24),
    Column("Image", drop=4, most=36),
    Column("CUDA", drop=2),
    Column("Host", drop=3, most=20),
    Column("Ports", drop=1, most=32),
)
CONTAINER_STYLES = {
    "running": "ok",
    "restarting": "critical",
    "exited": "critical",
    "dead": "critical",
    "paused": "warn",
}
HEALTH_STYLES = {"healthy": "ok", "unhealthy": "critical", "starting": "warn"}


def card(one: Card, served: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Entry:
    """Return a card as a row; served: the models of each service, by its id."""
    full = _share(one.memory_used, one.memory_total)
    models = dict.fromkeys(name for process in one.processes for name in process.models)
    models |= dict.fromkeys(name for link in one.used_by for name in served.get(link.id, ()))
    users = dict.fromkeys((*_names(one.used_by), *(_name(process.container) for process in one.processes)))
    held: tuple[Field, Rank] = text(", ".join(one.throttled), "warn")
    if not one.throttled:
        held = (Field("nothing" if one.throttle_known else "–", "dim"), None)
    return entry(
        one.uuid,
        (
            text(f"{one.index} {one.model}".strip()),
            text(one.host, "dim"),
            figure(one.utilisation),
            figure(one.memory_used),
            figure(one.memory_total),
            figure(full, warn=0.9, critical=0.97),
            figure(one.temperature, warn=HOT_CELSIUS[0], critical=HOT_CELSIUS[1]),
            figure(one.power),
            figure(one.sm_clock),
            held,
            # Without who made it: there is little room, and its page says it.
            text(", ".join(dict.fromkeys(name.rpartition("/")[2] or name for name in models))),
            text(", ".join(name for name in users if name)),
            figure(one.ecc, critical=1.0),
            text(f"{one.xid} {one.xid_text}" if one.xid is not None else "", "critical"),
            text(one.driver, "dim"),
        ),
    )


def container(one: StackContainer) -> Entry:
    """Return a container as a row."""
    image = f"{one.image}:{one.image_tag}" if one.image_tag and one.image_tag not in one.image else one.image
    return entry(
        f"{one.host}/{one.id}",
        (
            text(one.name),
            (Field(one.state or "unknown", CONTAINER_STYLES.get(one.state, "dim")), one.state or None),
            (Field(one.health, HEALTH_STYLES.get(one.health, "dim")), one.health or None),
            figure(one.cpu),
            figure(one.memory),
            figure(one.uptime),
            figure(one.restarts, warn=1.0, critical=3.0),
            text(f"{one.engine} {one.engine_version}".strip()),
            text(one.model),
            text(", ".join(_names(one.gpus)), "dim"),
            text(image, "dim"),
            text(one.cuda_version, "dim"),
            text(one.host, "dim"),
            text(", ".join(one.ports), "dim"),
        ),
    )


def _share(used: Number, total: Number) -> Number:
    if used.value is None or not total.value:
        return Number(None, "ratio")
    return Number(used.value / total.value, "ratio", used.quality, used.age_seconds, used.source)


def _name(link: Link) -> str:
    return link.name if link.state == "known" else ""


def _names(links: Sequence[Link]) -> list[str]:
    return [link.name for link in links if link.state == "known"]
