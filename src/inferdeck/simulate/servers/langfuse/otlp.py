"""OTLP spans as they come over HTTP, in protobuf or JSON, and the rows that Langfuse makes of their attributes.

The protobuf reader knows the five messages of opentelemetry/proto/collector/trace/v1 and skips every other field.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

DEEPEST = 20
"""How deep lists may lie in lists."""


@dataclass(slots=True)
class Span:
    """One span: ids in hexadecimal, times in nanoseconds."""

    trace_id: str = ""
    id: str = ""
    parent: str = ""
    name: str = ""
    start: int = 0
    end: int = 0
    attributes: dict[str, Any] = field(default_factory=dict)
    failed: bool = False
    message: str = ""


def spans_of_protobuf(data: bytes) -> list[Span]:
    """Read an ExportTraceServiceRequest; raises ValueError where it is none."""
    found = []
    for resource_spans in _messages(data, 1):
        shared: dict[str, Any] = {}
        for resource in _messages(resource_spans, 1):
            shared.update(_attributes(resource, 1))
        for scope_spans in _messages(resource_spans, 2):
            found += [_span(message, shared) for message in _messages(scope_spans, 2)]
    return found


def spans_of_json(text: bytes) -> list[Span]:
    """Read the JSON form; raises ValueError (also of KeyError's cases) where it does not fit."""
    found = []
    try:
        for resource_spans in json.loads(text).get("resourceSpans") or []:
            shared = _json_attributes((resource_spans.get("resource") or {}).get("attributes"))
            for scope_spans in resource_spans.get("scopeSpans") or []:
                found += [_json_span(span, shared) for span in scope_spans.get("spans") or []]
    except (AttributeError, KeyError, RecursionError, TypeError) as error:
        raise ValueError(f"no OTLP trace request: {error}") from error
    return found


def _span(data: bytes, shared: Mapping[str, Any]) -> Span:
    span = Span(attributes={**shared, **_attributes(data, 9)})
    for number, value in _fields(data):
        if number in _IDS and isinstance(value, bytes):
            setattr(span, _IDS[number], value.hex())
        elif number == 5 and isinstance(value, bytes):
            span.name = value.decode()
        elif number in (7, 8) and isinstance(value, int):
            setattr(span, "start" if number == 7 else "end", value)
        elif number == 15 and isinstance(value, bytes):
            status = dict(_fields(value))
            span.failed, message = status.get(3) == 2, status.get(2)
            span.message = message.decode() if isinstance(message, bytes) else ""
    return span


_IDS = {1: "trace_id", 2: "id", 4: "parent"}


def _json_span(raw: Mapping[str, Any], shared: Mapping[str, Any]) -> Span:
    status = raw.get("status") or {}
    return Span(
        raw["traceId"],
        raw["spanId"],
        raw.get("parentSpanId") or "",
        raw.get("name") or "",
        int(raw["startTimeUnixNano"]),
        int(raw.get("endTimeUnixNano") or 0),
        {**shared, **_json_attributes(raw.get("attributes"))},
        status.get("code") in (2, "STATUS_CODE_ERROR"),
        status.get("message") or "",
    )


def _json_attributes(raw: Any) -> dict[str, Any]:
    return {entry["key"]: _json_value(entry.get("value") or {}) for entry in raw or []}


def _json_value(raw: Mapping[str, Any]) -> Any:
    if "intValue" in raw:
        return int(raw["intValue"])
    if "arrayValue" in raw:
        return [_json_value(entry) for entry in raw["arrayValue"].get("values") or []]
    return next((raw[name] for name in ("stringValue", "boolValue", "doubleValue") if name in raw), None)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield a message's fields: numbers of varints and fixed ones, bytes of the rest."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        size = {1: 8, 5: 4}.get(wire)
        if wire == 2:
            size, at = _varint(data, at)
        if size is None or at + size > len(data):
            raise ValueError("not a protobuf message")
        piece = data[at : at + size]
        yield key >> 3, piece if wire == 2 else int.from_bytes(piece, "little")
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("not a protobuf message")
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _messages(data: bytes, number: int) -> list[bytes]:
    return [value for field_, value in _fields(data) if field_ == number and isinstance(value, bytes)]


def _attributes(data: bytes, number: int) -> dict[str, Any]:
    found = {}
    for message in _messages(data, number):
        pair = dict(_fields(message))
        key, value = pair.get(1, b""), pair.get(2, b"")
        if isinstance(key, bytes) and isinstance(value, bytes):
            found[key.decode()] = _any(value)
    return found


def _any(data: bytes, depth: int = 0) -> Any:
    if depth > DEEPEST:
        raise ValueError("a value is nested too deeply")
    for number, value in _fields(data):
        if isinstance(value, bytes):
            if number == 5:
                return [_any(entry, depth + 1) for entry in _messages(value, 1)]
            return value.decode(errors="replace")
        if number == 2:
            return bool(value)
        if number == 3:
            return value - (1 << 64) if value >> 63 else value
        if number == 4:
            return struct.unpack("<d", value.to_bytes(8, "little"))[0]
    return None
