"""Checks that need only what the runner knows of its targets; status shows their findings as advice."""

from __future__ import annotations

from collections.abc import Iterator

from inferdeck import errors
from inferdeck.config import lines
from inferdeck.model.answers import Finding
from inferdeck.model.target import ANOTHER_READER, Health
from inferdeck.query.status import GATEWAY_KINDS, Surroundings

KEY_NEEDED, METRICS_OFF = errors.kind_name(errors.AuthError), errors.kind_name(errors.MetricsOffError)
METRICS_SWITCH = {
    "litellm": 'in the proxy\'s config.yaml: litellm_settings: {callbacks: ["prometheus"]}',
    "llamacpp": "start llama-server with --metrics",
    "vllm": "start vLLM without --disable-log-stats",
    "sglang": "start SGLang with --enable-metrics",
}


def no_gateway(around: Surroundings) -> Iterator[Finding]:
    """No LLM gateway is watched, so that requests, errors, tokens and cost are unknown."""
    if any(state.source_kind in GATEWAY_KINDS for state in around.states):
        return
    yield Finding(
        id="gateway-not-found",
        severity="info",
        subject="gateway",
        message="no LLM gateway is watched: requests, errors, tokens and cost are unknown",
        evidence="no LiteLLM answers on this machine and none is configured",
        fix="sources: {litellm: [{url: http://HOST:4000, key: {env: LITELLM_MASTER_KEY}}]}",
    )


def key_missing(around: Surroundings) -> Iterator[Finding]:
    """A target asks for a key, or refuses the one it got."""
    for state in around.states:
        if state.error_kind == KEY_NEEDED:
            yield Finding(
                id="key-needed",
                severity="error",
                subject=state.key.id,
                message=f"{state.called} needs a key, or refuses the one it was given",
                evidence=state.last_error,
                fix=lines.with_key(state.source_kind, state.url),
            )


def metrics_off(around: Surroundings) -> Iterator[Finding]:
    """A target answers but its metrics endpoint is switched off."""
    for state in around.states:
        if state.error_kind == METRICS_OFF:
            yield Finding(
                id="metrics-off",
                severity="error",
                subject=state.key.id,
                message=f"{state.called} does not expose its metrics",
                evidence=state.last_error,
                fix=METRICS_SWITCH.get(state.source_kind, ""),
            )


def target_failing(around: Surroundings) -> Iterator[Finding]:
    """A target cannot be read for another reason than a key or a switched-off endpoint."""
    for state in around.states:
        if state.health is not Health.DOWN or state.error_kind in (KEY_NEEDED, METRICS_OFF):
            continue
        wait = max(0.0, state.next_attempt_ms / 1000 - around.now)
        backing_off = f"; next try in {wait:.0f} s" if wait > 2 * state.interval_seconds else ""
        times = "once" if state.consecutive_failures == 1 else f"{state.consecutive_failures} times in a row"
        yield Finding(
            id="target-failing",
            severity="error",
            subject=state.key.id,
            message=f"{state.called} cannot be read, {times}{backing_off}",
            evidence=state.last_error,
            fix=f"start it, or see what it answers: inferdeck sources test {state.source_kind} {state.url}",
        )


def series_dropped(around: Surroundings) -> Iterator[Finding]:
    """A target has more series than its limit."""
    for state in around.states:
        if state.dropped_series:
            raised = state.native_series + state.dropped_series
            yield Finding(
                id="series-dropped",
                severity="warning",
                subject=state.key.id,
                message=f"{state.called} has {state.dropped_series} series over its limit; they are not stored",
                evidence=f"{state.native_series} series kept",
                fix=f"sources: {{{state.source_kind}: [{{url: {state.url}, max_series: {raised}}}]}}",
            )


def source_warnings(around: Surroundings) -> Iterator[Finding]:
    """What a source itself warned of in its last collection."""
    for state in around.states:
        for text in state.warnings:
            two = text.startswith(ANOTHER_READER)
            yield Finding(
                id="two-scrapers" if two else "source-warning",
                severity="warning",
                subject=state.key.id,
                message=f"{state.called}: {text}",
                evidence="said by its last collection",
                fix="let one program scrape llama-server; its averages are reset by each scrape" if two else "",
            )


def collections_skipped(around: Surroundings) -> Iterator[Finding]:
    """A target answers more slowly than it is asked."""
    for state in around.states:
        if state.skipped_total > max(3, state.collections_total // 10):
            slower = f"interval: {4 * state.interval_seconds:g}s"
            yield Finding(
                id="collections-skipped",
                severity="warning",
                subject=state.key.id,
                message=f"{state.called} takes longer than its interval of {state.interval_seconds:g} s",
                evidence=f"{state.skipped_total} skipped; the last took {state.last_duration_seconds:.1f} s",
                fix=f"sources: {{{state.source_kind}: [{{url: {state.url}, {slower}}}]}}",
            )


def store_trouble(around: Surroundings) -> Iterator[Finding]:
    """Nothing is written, or something on disk was found broken."""
    store = around.store
    if not store.writing:
        yield Finding(
            id="store-not-writing",
            severity="error",
            subject=store.path,
            message="the history is not written; what was stored is still served",
            evidence=store.trouble,
            fix="free space on that disk, or set store: {retention_size: 5GB}; writing resumes by itself",
        )
    elif store.trouble:
        yield Finding(
            id="store-upkeep-failing",
            severity="warning",
            subject=store.path,
            message="samples are written, but the store's upkeep fails",
            evidence=store.trouble,
            fix="look who holds the named file; the upkeep is tried again every second",
        )
    if store.quarantined.value:
        yield Finding(
            id="chunks-quarantined",
            severity="warning",
            subject=store.path,
            message=f"{store.quarantined.value:.0f} damaged chunks were set aside; their samples are missing",
            evidence="checksums did not match",
            fix="inferdeck store check; then check the disk itself",
        )


def remote_write_failing(around: Surroundings) -> Iterator[Finding]:
    """A receiver of every sample does not take them, or lost some."""
    for one in around.remote_write:
        lost = (one.overflow.value or 0.0) + (one.rejected.value or 0.0)
        if not one.sending or lost:
            what = "takes no samples now; they wait on disk" if not one.sending else f"lost {lost:.0f} samples"
            yield Finding(
                id="remote-write-failing",
                severity="warning" if one.sending else "error",
                subject=one.name,
                message=f"remote write to {one.name} {what}",
                evidence=one.error,
                fix="look at the receiver's own log; remote_write: [{spool_size: 10GB}] keeps more while it is away",
            )


CHECKS = (
    store_trouble,
    key_missing,
    metrics_off,
    target_failing,
    series_dropped,
    collections_skipped,
    remote_write_failing,
    source_warnings,
    no_gateway,
)
