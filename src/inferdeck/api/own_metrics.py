"""inferdeck's own metrics: a catalog of what /metrics says, and the text it says it in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from inferdeck.model.answers import Number, RemoteWrite
from inferdeck.model.labels import escape
from inferdeck.model.model_catalog import PriceSource
from inferdeck.model.target import Health, TargetState

Sample = tuple[Mapping[str, str], float]


@dataclass(frozen=True, slots=True)
class OwnMetric:
    """One family of /metrics."""

    name: str
    type: str
    help: str


CATALOG: tuple[OwnMetric, ...] = (
    OwnMetric("inferdeck_build_info", "gauge", "1, with the version of inferdeck and of Python."),
    OwnMetric("inferdeck_targets", "gauge", "Watched targets by health (up, down, unknown)."),
    OwnMetric("inferdeck_target_up", "gauge", "Whether the last collection of the target worked."),
    OwnMetric("inferdeck_target_collections_total", "counter", "Collections of the target since the start."),
    OwnMetric("inferdeck_target_failures_total", "counter", "Collections of the target that failed."),
    OwnMetric("inferdeck_target_skipped_total", "counter", "Collections left out, since the one before had not ended."),
    OwnMetric("inferdeck_target_requests_total", "counter", "Requests sent to the target: what watching costs it."),
    OwnMetric("inferdeck_target_response_bytes_total", "counter", "Bytes that the target answered with."),
    OwnMetric("inferdeck_target_cpu_seconds_total", "counter", "CPU that fetching, parsing, mapping and storing took."),
    OwnMetric("inferdeck_target_native_series", "gauge", "Series under the target's own names."),
    OwnMetric("inferdeck_target_canonical_series", "gauge", "Series under canonical names (llm_*)."),
    OwnMetric("inferdeck_target_dropped_series", "gauge", "Series over the target's limit, which are not stored."),
    OwnMetric("inferdeck_target_last_success_timestamp_seconds", "gauge", "When the last collection worked."),
    OwnMetric("inferdeck_target_duration_seconds", "gauge", "How long the last collection took."),
    OwnMetric("inferdeck_store_writing", "gauge", "1 while samples are written, 0 while the disk is full or broken."),
    OwnMetric("inferdeck_store_series", "gauge", "Series that the store knows."),
    OwnMetric("inferdeck_store_samples", "gauge", "Samples on disk and in memory."),
    OwnMetric("inferdeck_store_bytes", "gauge", "Bytes of the store's files."),
    OwnMetric("inferdeck_store_quarantined_chunks", "gauge", "Damaged chunks that were set aside."),
    OwnMetric("inferdeck_remote_write_spooled_bytes", "gauge", "Bytes that wait on disk to be sent."),
    OwnMetric("inferdeck_remote_write_spooled_samples", "gauge", "Samples that wait on disk to be sent."),
    OwnMetric("inferdeck_remote_write_sent_samples_total", "counter", "Samples that the receiver took."),
    OwnMetric("inferdeck_remote_write_rejected_samples_total", "counter", "Samples that the receiver refused."),
    OwnMetric("inferdeck_remote_write_overflow_samples_total", "counter", "Samples dropped since the spool was full."),
    OwnMetric("inferdeck_remote_write_damaged_records_total", "counter", "Records of the spool that cannot be read."),
    OwnMetric("inferdeck_remote_write_failed_requests_total", "counter", "Requests to the receiver that did not work."),
    OwnMetric("inferdeck_remote_write_last_success_timestamp_seconds", "gauge", "When the receiver last took samples."),
    OwnMetric("inferdeck_remote_write_last_error_timestamp_seconds", "gauge", "When a request last did not work."),
    OwnMetric("inferdeck_price_catalog_timestamp_seconds", "gauge", "The newest day that the price list names."),
    OwnMetric("inferdeck_loop_lag_seconds", "gauge", "Longest time the event loop was busy, over the last minute."),
    OwnMetric("inferdeck_loop_stalls_total", "counter", "Times the event loop was busy for more than 50 ms."),
    OwnMetric("process_cpu_seconds_total", "counter", "CPU of the daemon, user and system."),
    OwnMetric("process_resident_memory_bytes", "gauge", "Memory of the daemon."),
    OwnMetric("process_open_fds", "gauge", "Open files and sockets of the daemon."),
    OwnMetric("process_start_time_seconds", "gauge", "When the daemon started."),
)


def render(samples: Mapping[str, Sequence[Sample]]) -> str:
    """Return the Prometheus text format (prometheus.io, exposition formats 0.0.4) in the catalog's order.

    A family without samples, or with values that are not finite, is left out; a name outside of the catalog is a bug.
    """
    unknown = samples.keys() - {metric.name for metric in CATALOG}
    if unknown:
        raise ValueError(f"not in the catalog of own metrics: {', '.join(sorted(unknown))}")
    lines: list[str] = []
    for metric in CATALOG:
        found = [(labels, value) for labels, value in samples.get(metric.name, ()) if math.isfinite(value)]
        if found:
            lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.type}"]
            lines += [f"{metric.name}{_labels(labels)} {value!r}" for labels, value in found]
    return "\n".join(lines) + "\n"


def of_targets(states: Iterable[TargetState]) -> dict[str, list[Sample]]:
    """Return the samples that tell of the watched targets."""
    found: dict[str, list[Sample]] = {}
    counts = dict.fromkeys(Health, 0)
    for state in states:
        counts[state.health] += 1
        labels = {"environment": state.key.environment, "target_job": state.key.job, "target": state.key.instance}
        for name, value in _of_target(state):
            found.setdefault(f"inferdeck_target_{name}", []).append((labels, float(value)))
    found["inferdeck_targets"] = [({"health": health.value}, float(count)) for health, count in counts.items()]
    return found


def _of_target(state: TargetState) -> Iterable[tuple[str, float]]:
    yield "up", float(state.health is Health.UP)
    yield "collections_total", state.collections_total
    yield "failures_total", state.failures_total
    yield "skipped_total", state.skipped_total
    yield "requests_total", state.requests_total
    yield "response_bytes_total", state.response_bytes_total
    yield "cpu_seconds_total", state.cpu_seconds_total
    yield "native_series", state.native_series
    yield "canonical_series", state.canonical_series
    yield "dropped_series", state.dropped_series
    if state.last_success_ms:
        yield "last_success_timestamp_seconds", state.last_success_ms / 1000
        yield "duration_seconds", state.last_duration_seconds


def of_receivers(receivers: Iterable[RemoteWrite], now: float) -> dict[str, list[Sample]]:
    """Return the samples that tell of remote writes; their label is the receiver's name."""
    found: dict[str, list[Sample]] = {}
    for receiver in receivers:
        figures = {
            "spooled_bytes": receiver.waiting.value,
            "spooled_samples": receiver.waiting_samples.value,
            "sent_samples_total": receiver.sent.value,
            "rejected_samples_total": receiver.rejected.value,
            "overflow_samples_total": receiver.overflow.value,
            "damaged_records_total": receiver.damaged.value,
            "failed_requests_total": receiver.failed.value,
            "last_success_timestamp_seconds": _moment(receiver.last_success, now),
            "last_error_timestamp_seconds": _moment(receiver.error_age, now),
        }
        for name, value in figures.items():
            if value is not None:
                found.setdefault(f"inferdeck_remote_write_{name}", []).append(({"receiver": receiver.name}, value))
    return found


def of_prices(source: PriceSource | None) -> dict[str, list[Sample]]:
    """Return the newest day of the price list; nothing before it was read, and where it names no day."""
    if source is None or not source.as_of:
        return {}
    try:
        newest = datetime.fromisoformat(source.as_of).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return {}
    return {"inferdeck_price_catalog_timestamp_seconds": [({"prices": source.name}, newest)]}


def _moment(age: Number, now: float) -> float | None:
    return None if age.value is None else now - age.value


def one(number: Number) -> list[Sample]:
    """Return a figure as the only sample of its family; none where it is missing."""
    return [] if number.value is None else [({}, number.value)]


def _labels(labels: Mapping[str, str]) -> str:
    body = ",".join(f'{name}="{escape(value)}"' for name, value in labels.items())
    return f"{{{body}}}" if body else ""
