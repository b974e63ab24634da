"""Whatever is asked of the simulated Langfuse: each parameter of its real contracts is known, nothing ends in a 500.

samples/langfuse/operations.json holds the GET operations with their query parameters from the contracts that the
official langfuse-cli (MIT) carries for servers 3.150, 3.225 and 4.10.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.simulate.events import Answered, AttemptEnded, Event, Rated
from inferdeck.simulate.fleet import Langfuse
from inferdeck.simulate.servers.langfuse import LangfuseServer, build
from inferdeck.simulate.servers.langfuse.aggregate import answer
from inferdeck.simulate.servers.langfuse.columns import OBSERVATIONS, SCORES, TRACES, Row, parsed
from inferdeck.simulate.servers.langfuse.otlp import spans_of_json, spans_of_protobuf
from inferdeck.simulate.servers.langfuse.query import AGGREGATIONS, GRANULARITIES, VIEWS, Version, query_of
from inferdeck.simulate.servers.langfuse.refused import RefusedError
from inferdeck.simulate.world import World
from tests.unit.simulate.servers.serving import serving
from tests.unit.simulate.servers.test_langfuse import HOURS, Reader, server
from tests.unit.simulate.servers.told_requests import FLEET, NOON

SAMPLE = Path(__file__).parents[1] / "samples" / "langfuse" / "operations.json"
OPERATIONS: dict[str, dict[str, dict[str, list[str]]]] = json.loads(SAMPLE.read_text())
EVENTS_ONLY = ("/traces", "/observations", "/sessions", "/metrics", "/v2/scores")
WITHOUT = ("/models/{id}", "/projects/{projectId}/apiKeys", "/projects/{projectId}/memberships")
"""Operations that are not simulated."""
VALUES = {
    "query": json.dumps({**HOURS, "view": "observations", "metrics": [{"measure": "count", "aggregation": "count"}]}),
    "filter": "[]", "orderBy": "timestamp.asc", "parseIoAsJson": "false", "operator": ">=", "observationId": None,
    "value": None, "valueMin": None, "valueMax": None, "cursor": None,
}  # fmt: skip
"""Parameters that do not take just any text of their kind; None: only together with others."""
KINDS = {"number": "1", "boolean": "true", "string": "x", "array": "x"}


@pytest.fixture(scope="module", params=sorted(OPERATIONS))
def reader(request: pytest.FixtureRequest) -> Iterator[tuple[str, Reader]]:
    with serving(server(request.param)) as url:
        yield request.param, Reader(url)


def test_every_parameter_of_the_contracts_is_known(reader: tuple[str, Reader]) -> None:
    version, asker = reader
    for path, parameters in OPERATIONS[version].items():
        if path in WITHOUT:
            continue
        named = path
        for name in ("traceId", "observationId", "sessionId", "scoreId"):
            named = named.replace(f"{{{name}}}", "x")
        gone = version.startswith("4") and path.startswith(EVENTS_ONLY)
        early = version.startswith("3") and path in ("/v2/observations", "/v2/metrics")
        expected = 404 if gone or early or "{" in path else 200
        required = {"query": VALUES["query"]} if path.endswith("metrics") else {}
        assert asker.ask(named, **required).status == expected, path
        for name, (kind, *choices) in parameters.items():
            if "Time" in name:
                value: str | None = HOURS["fromTimestamp"]
            else:
                value = VALUES.get(name, choices[0] if choices else KINDS[kind])
            if value is not None and not (name == "fields" and path == "/v2/scores"):
                status = asker.ask(named, **{**required, name: value}).status
                assert status == (400 if (path, name) == ("/v3/scores", "fields") else expected), (path, name)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2000) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
DIMENSIONS = sorted({name for view in VIEWS.values() for name in view.dimensions})
MEASURES = sorted({name for view in VIEWS.values() for name in view.measures})
FILTER = st.fixed_dictionaries(
    {
        "column": st.sampled_from([*OBSERVATIONS, *SCORES, "x"]) | JSON,
        "type": st.sampled_from(["string", "number", "datetime", "stringOptions", "arrayOptions", "boolean", "null"])
        | JSON,
        "operator": st.sampled_from(["=", ">", "any of", "all of", "none of", "<>", "is null", "contains", "matches"])
        | JSON,
        "value": JSON | st.just(HOURS["fromTimestamp"]) | st.lists(st.text(max_size=3), max_size=2),
    },
    optional={"key": JSON},
)
QUERY = st.fixed_dictionaries(
    {
        "view": st.sampled_from([*VIEWS]) | JSON,
        "metrics": st.lists(
            st.fixed_dictionaries({"measure": st.sampled_from(MEASURES), "aggregation": st.sampled_from(AGGREGATIONS)}),
            min_size=1,
            max_size=3,
        )
        | JSON,
        "fromTimestamp": st.just(HOURS["fromTimestamp"]) | JSON,
        "toTimestamp": st.just(HOURS["toTimestamp"]) | JSON,
    },
    optional={
        "dimensions": st.lists(st.fixed_dictionaries({"field": st.sampled_from(DIMENSIONS)}), max_size=2) | JSON,
        "filters": st.lists(FILTER, max_size=2) | JSON,
        "timeDimension": st.fixed_dictionaries({"granularity": st.sampled_from(GRANULARITIES)}) | JSON,
        "orderBy": JSON,
        "config": st.fixed_dictionaries({"bins": st.integers(1, 100), "row_limit": st.integers(1, 1000)}) | JSON,
    },
)
TOLD: LangfuseServer = server()


@given(query=QUERY, version=st.sampled_from(["v1", "v2"]))
def test_every_query_is_answered_or_refused(query: dict[str, Any], version: Version) -> None:
    try:
        asked = query_of(json.dumps(query), version)
    except RefusedError:
        return
    rows = answer(asked, TOLD.window)
    assert json.loads(json.dumps(rows)) == rows
    names = {*asked.dimensions, *(f"{aggregation}_{measure}" for measure, aggregation in asked.metrics)}
    assert all(set(row) - {"time_dimension"} == names for row in rows)


@given(entries=st.lists(FILTER, max_size=3) | JSON)
def test_every_filter_is_applied_or_refused(entries: Any) -> None:
    for columns in (OBSERVATIONS, TRACES, SCORES):
        with contextlib.suppress(RefusedError):
            conditions = parsed(json.dumps(entries), columns)
            for trace in TOLD.window.traces():
                for row in trace.observations:
                    assert all(condition.holds(Row(trace, row)) in (True, False) for condition in conditions)


@given(data=st.binary(max_size=80))
def test_bytes_that_are_no_spans_are_an_error_of_value(data: bytes) -> None:
    for read in (spans_of_protobuf, spans_of_json):
        with contextlib.suppress(ValueError):
            assert isinstance(read(data), list)


def test_a_value_nested_without_end_is_an_error_of_value() -> None:
    value = b""
    for _ in range(5000):
        inner = b"\x0a" + _length(value) + value
        value = b"\x2a" + _length(inner) + inner
    pair = b"\x0a\x01k\x12" + _length(value) + value
    span = b"\x4a" + _length(pair) + pair
    for _ in range(2):
        span = b"\x12" + _length(span) + span
    with pytest.raises(ValueError):
        spans_of_protobuf(b"\x0a" + _length(span) + span)


def _length(data: bytes) -> bytes:
    size, found = len(data), bytearray()
    while size > 127:
        found.append(size & 127 | 128)
        size >>= 7
    return bytes([*found, size])


def test_a_real_world_is_recorded_whole() -> None:
    """Tokens and cost of all generations are those of the finished attempts and remembered responses."""
    world = World(FLEET, seed=3, start=NOON)
    made = build(Langfuse("langfuse-1"), FLEET, world)
    events: list[Event] = []
    world.subscribe(made.handlers())
    world.subscribe({(kind, ""): events.append for kind in (Answered, AttemptEnded, Rated)})
    world.run_until(NOON + 3600)
    finished = [event for event in events if isinstance(event, Answered)]
    done = {event.request.id for event in finished}
    used = [e.usage for e in events if isinstance(e, AttemptEnded) and e.request.id in done]
    remembered = [event.usage for event in finished if event.cached]
    rows = [row for trace in made.window.traces() for row in trace.observations]
    assert len(finished) == len(list(made.window.traces())) > 100
    assert sum(row.total_tokens() for row in rows) == sum(u.input + u.output for u in [*used, *remembered])
    assert sum(row.total_cost or 0 for row in rows) == pytest.approx(sum(u.cost for u in used), rel=1e-12)
    assert len(rows) == len(finished) + len(used) + len(remembered)
    assert len(list(made.window.scores())) == sum(isinstance(event, Rated) for event in events) > 0
    # What it cost is what the model's definition says, part by part.
    for row in rows:
        price = made.models.match(row.model, row.start)
        if price and row.usage:
            for part, count in row.usage.items():
                if part != "total":
                    assert row.costs.get(part, 0.0) == pytest.approx(count * price.prices[part])
