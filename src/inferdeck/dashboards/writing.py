"""Writes a dashboard's answer as JSON: all of it, or what is new since the one that a client has."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
import orjson

from inferdeck.dashboards.asking import Answered, Shown, Whole
from inferdeck.model.json_form import plain

COMPRESS_BYTES = 2 << 10


def body(whole: Whole, since_ms: int | None) -> bytes:
    """Return the JSON of DashboardData; NaN and infinities become null."""
    asked, span = whole.asked, whole.asked.span
    first = 0
    if since_ms is not None:
        first = (since_ms - span.start_ms) // span.step_ms + 1
    head = {
        "uid": asked.dashboard.uid,
        "revision": asked.revision,
        "start": (span.start_ms + first * span.step_ms) / 1000,
        "end": span.end_ms / 1000,
        "step": span.step_ms / 1000,
        "at": span.at_ms / 1000,
        "since": None if since_ms is None else since_ms / 1000,
        "tick": span.tick_ms / 1000,
        "rate": asked.window.rate_interval_ms / 1000,
        "variables": asked.chosen,
        "notices": whole.notices,
        "marks": [plain(mark) for mark in whole.marks],
    }
    parts = [orjson.dumps(head)[:-1], b',"panels":[']
    for number, panel in enumerate(whole.panels):
        parts += [b"," if number else b"", *_panel(panel, first)]
    return b"".join([*parts, b"]}"])


def can_continue(whole: Whole, since_ms: int) -> bool:
    """Tell whether an answer that ended then can be carried on: on the same steps, and not before the range."""
    span = whole.asked.span
    return span.start_ms <= since_ms <= span.end_ms and (since_ms - span.start_ms) % span.step_ms == 0


def compressed(data: bytes) -> bytes:
    """Return the data as gzip; zlib works without the GIL."""
    packer = zlib.compressobj(5, wbits=31)
    return packer.compress(data) + packer.flush()


def _panel(panel: Shown, first: int) -> Iterator[bytes]:
    head = {
        "id": panel.id,
        "title": panel.title,
        "status": panel.status,
        "age": panel.age,
        "quality": panel.quality,
        "warnings": panel.warnings,
        "error": panel.error,
        "next": panel.next,
        "needs": panel.needs,
        "question": panel.question,
    }
    yield orjson.dumps(head)[:-1]
    yield b',"queries":['
    for number, answered in enumerate(panel.queries):
        yield b"," if number else b""
        yield from _query(answered, first)
    yield b"]}"


def _query(answered: Answered, first: int) -> Iterator[bytes]:
    yield orjson.dumps({"ref": answered.ref, "instant": answered.instant})[:-1]
    yield b',"series":['
    values = answered.values if answered.instant else answered.values[:, first:]
    before = b'{"labels":'
    for labels, name, row in zip(answered.series, answered.names, values, strict=True):
        yield before
        yield orjson.dumps(dict(labels))
        yield b',"name":'
        yield orjson.dumps(name)
        yield b',"values":'
        yield orjson.dumps(np.ascontiguousarray(row), option=orjson.OPT_SERIALIZE_NUMPY)
        before = b'},{"labels":'
    yield b"}]}" if answered.series else b"]}"
