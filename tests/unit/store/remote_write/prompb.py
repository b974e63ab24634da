"""An independent reader of remote write 1.0: Google's protobuf with a descriptor built from the specification."""

from __future__ import annotations

import struct
from typing import Any

import cramjam
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from inferdeck.model.labels import Labels

Sample = tuple[int, int]
"""Milliseconds and the value's bits."""

_KINDS: dict[str, Any] = {"string": 9, "double": 1, "int64": 3}
_MESSAGE: Any = 11
_MESSAGES = {
    "Label": [("name", 1, "string", False), ("value", 2, "string", False)],
    "Sample": [("value", 1, "double", False), ("timestamp", 2, "int64", False)],
    "TimeSeries": [("labels", 1, "Label", True), ("samples", 2, "Sample", True)],
    "WriteRequest": [("timeseries", 1, "TimeSeries", True)],
}


def _request_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="inferdeck_test_prompb.proto", package="prompb", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            added = message.field.add(name=field, number=number, label=3 if repeated else 1)
            if kind in _KINDS:
                added.type = _KINDS[kind]
            else:
                added.type = _MESSAGE
                added.type_name = f".prompb.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("prompb.WriteRequest"))


WriteRequest = _request_class()


def read(body: bytes) -> list[tuple[Labels, list[Sample]]]:
    """Return the series of one request body, in its order."""
    request = WriteRequest()
    request.ParseFromString(bytes(cramjam.snappy.decompress_raw(body)))
    return [
        (
            tuple((label.name, label.value) for label in series.labels),
            [(sample.timestamp, struct.unpack("<Q", struct.pack("<d", sample.value))[0]) for sample in series.samples],
        )
        for series in request.timeseries
    ]
