"""Whether a metric's name still means something: live, renamed, ended, or never known, by the catalogs' versions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from inferdeck.dashboards.grafana.live import PARTS, Live
from inferdeck.sources import catalog, vocabulary


class State(StrEnum):
    """What became of a name."""

    THERE = "there"
    RENAMED = "renamed"
    ENDED = "ended"
    UNKNOWN = "unknown"
    NOT_YET = "not-yet"
    NO_TARGET = "no-target"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a name; instead: PromQL or a name that says the same now, "" where nothing does."""

    state: State
    text: str = ""
    instead: str = ""
    kind: str = ""


THERE = Verdict(State.THERE)
_OF_PROMETHEUS = re.compile(r"up|scrape_\w+|ALERTS(_FOR_STATE)?")
"""Names that a Prometheus writes itself, so that no page of a target has them."""


def verdict(name: str, live: Live) -> Verdict:
    """Return what became of a sample's name."""
    if live.has(name) or (not live.whole and _OF_PROMETHEUS.fullmatch(name)):
        return THERE
    if live.has(f"{name}_total"):
        return Verdict(State.UNKNOWN, f"{name} lacks the end that counters have", f"{name}_total", kind_of(name))
    known = [one for one in vocabulary.find(name) if "*" not in one.metric.descriptor.name]
    for one in known:
        old = _older(one, name)
        if old is not None:
            return old
    current = [one for one in known if not one.metric.until]
    if known and not current:
        return _ended(known[0], name)
    if not known:
        return _unknown(name, live)
    one = next((one for one in current if one.kind in live.kinds), current[0])
    if not live.known:
        return Verdict(State.THERE, kind=one.kind)
    if one.kind != "vocabulary" and one.kind not in live.kinds:
        return Verdict(State.NO_TARGET, f"no target that was read is a {one.kind}", kind=one.kind)
    since = f"; {one.kind} has it since {one.metric.since}" if one.metric.since else ""
    text = f"{name} is known, but no target exposes it now: it may come with its first event, or be switched off{since}"
    return Verdict(State.NOT_YET, text, kind=one.kind)


def _older(one: vocabulary.Known, name: str) -> Verdict | None:
    """Return the newer name where this one is an alias."""
    metric = one.metric
    family = metric.descriptor.name
    for old in metric.aliases:
        tails = {old: family, **{old + part: family + part for part in PARTS if part}}
        if name in tails:
            until = dict(metric.ended).get(old, "")
            last = f" (the last version with the old name was {until})" if until else ""
            text = f"{name} was renamed in {one.kind}{last}"
            return Verdict(State.RENAMED, text, tails[name], one.kind)
    return None


def _ended(one: vocabulary.Known, name: str) -> Verdict:
    metric = one.metric
    text = f"{name} does not exist in {one.kind} after {metric.until}"
    if metric.instead:
        whole = metric.instead.replace(":", "").replace("_", "").isalnum()
        return Verdict(State.ENDED, text, metric.instead + (one.part if whole else ""), one.kind)
    reason = f": {metric.unmapped}" if metric.unmapped else ""
    return Verdict(State.ENDED, f"{text}; nothing says the same now{reason}", kind=one.kind)


def _unknown(name: str, live: Live) -> Verdict:
    written = _with_colon(name)
    if written:
        text = f"{name} is {written} behind something that writes no colons, such as the collector of OpenTelemetry"
        there = live.has(written)
        after = verdict(written, live)
        return Verdict(
            State.ELSEWHERE if not there else State.UNKNOWN, text, after.instead or written, kind_of(written)
        )
    kind = kind_of(name)
    if not kind:
        if ":" in name:
            return Verdict(State.ELSEWHERE, f"{name} looks like the result of a recording rule that is not among these")
        return Verdict(State.ELSEWHERE, f"{name} belongs to none of the kinds of targets that inferdeck knows")
    if live.known and kind not in live.kinds:
        return Verdict(State.NO_TARGET, f"no target that was read is a {kind}", kind=kind)
    near = nearest(name, kind, live)
    if live.known and not near and kind not in _WHOLE:
        text = f"no {kind} exposes {name}: what is not there, or is switched off, has no such metrics"
        return Verdict(State.NOT_YET, text, kind=kind)
    if live.known:
        return Verdict(State.UNKNOWN, f"no {kind} exposes {name}, and its catalog does not know it", near, kind)
    return Verdict(State.NOT_YET, f"the catalog of {kind} does not know {name}", near, kind)


def nearest(name: str, kind: str, live: Live) -> str:
    """Return the most similar name of the same kind, a live one where there are any."""
    from difflib import get_close_matches

    pool = [one for one in live.samples if kind_of(one) == kind] or sorted(_own(kind))
    near = get_close_matches(name, pool, 1, 0.8)
    return near[0] if near else ""


@cache
def _own(kind: str) -> frozenset[str]:
    known = catalog.load(kind)
    return frozenset(metric.descriptor.name for metric in known.metrics if "*" not in metric.descriptor.name)


_WHOLE = frozenset({"vllm", "sglang", "llamacpp", "litellm", "tgi"})
"""Kinds whose catalogs hold all that any version exposes; exporters have far more than we collect ourselves."""
_PREFIXES = {
    "vllm:": "vllm",
    "sglang:": "sglang",
    "llamacpp:": "llamacpp",
    "litellm_": "litellm",
    "redis_": "redis",
    "node_": "host",
    "DCGM_FI_": "dcgm",
    "container_": "docker",
    "tgi_": "tgi",
}


def kind_of(name: str) -> str:
    """Return the kind of target whose names begin like this one, "" for others."""
    return next((kind for prefix, kind in _PREFIXES.items() if name.startswith(prefix)), "")


def _with_colon(name: str) -> str:
    """Return the engine's own name of a metric whose colon was replaced, "" for any other one."""
    head, _, tail = name.partition("_")
    written = f"{head}:{tail}"
    return written if kind_of(written) and vocabulary.find(written) else ""
