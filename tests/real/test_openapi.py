"""Requests made by chance from OpenAPI documents, our own and Prometheus': the running daemon answers as they say.

No request may end in a status, a content type or a body that the document does not name, and none in a 500.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis import APIOperation, BaseSchema, Case, CheckFunction, GenerationMode, Response
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.real.daemon import Place
from tests.real.test_prometheus_contract import DOCUMENT, LEFT_OUT

pytestmark = pytest.mark.real

TOKEN = {"Authorization": "Bearer change-it"}
CHECKS: tuple[CheckFunction, ...] = (
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
)
EXAMPLES = settings(
    max_examples=12, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow], database=None
)
OWN = (
    "DELETE /api/annotations/{number}",
    "GET /-/healthy",
    "GET /-/ready",
    "GET /api/annotations",
    "GET /api/chains",
    "GET /api/config",
    "GET /api/config-files",
    "GET /api/config-files/{identity}",
    "GET /api/containers",
    "GET /api/dashboards",
    "GET /api/dashboards/{uid}",
    "GET /api/dashboards/{uid}/data",
    "GET /api/dashboards/{uid}/variables",
    "GET /api/doctor",
    "GET /api/events",
    "GET /api/gpus",
    "GET /api/jobs/{identity}",
    "GET /api/logs",
    "GET /api/logs/streams",
    "GET /api/models",
    "GET /api/models/{name}",
    "GET /api/providers",
    "GET /api/routes",
    "GET /api/services",
    "GET /api/sources",
    "GET /api/sources/{identity}",
    "GET /api/status",
    "GET /api/store/stats",
    "GET /metrics",
    "GET /widgets",
    "GET /widgets/{name}",
    "POST /api/annotations",
    "POST /api/sources",
    "POST /api/sources/test",
    "POST /api/store/blocks",
    "POST /api/store/compact",
    "POST /api/store/{work}",
)
QUERIES = ("up", "up[1m]", "1", "sum by (job) (rate(node_cpu_seconds_total[1m]))", "up or time()", "nothing", '{a="b"}')


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = Place.of(tmp_path_factory.mktemp("openapi"), "host: {interval: {interval}}")
    with place.config.open("a") as file:
        file.write("auth: {operator_token: {env: OPERATOR}}\n")
    locked = Place(place.directory, place.port, {"OPERATOR": "change-it"})
    with locked.up() as daemon:
        yield daemon.url


@pytest.fixture(scope="module")
def own(url: str) -> BaseSchema:
    found: BaseSchema = schemathesis.openapi.from_url(f"{url}/openapi.json", headers=TOKEN)
    return found


def operations(schema: BaseSchema) -> dict[str, APIOperation[Any, Any, Any, Any]]:
    """The document's operations by their labels: method and path."""
    found = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    return {operation.label: operation for operation in found}


def cases(schema: BaseSchema, label: str, mode: GenerationMode) -> st.SearchStrategy[Case[Any]]:
    """Requests for one operation: such as the document allows, or such as it does not."""
    return operations(schema)[label].as_strategy(generation_mode=mode)


def conforms(case: Case[Any], base_url: str, checks: Sequence[CheckFunction] = CHECKS) -> Response:
    answer = case.call(base_url=base_url, headers=TOKEN)
    assert answer.status_code not in (500, 501, 502, 504), answer.text
    case.validate_response(answer, checks=list(checks))
    return answer


def test_the_list_of_operations_is_whole(own: BaseSchema) -> None:
    assert sorted(operations(own)) == sorted(OWN)


@pytest.mark.parametrize("label", OWN)
def test_the_own_interface_answers_as_described(own: BaseSchema, url: str, label: str) -> None:
    @EXAMPLES
    @given(case=cases(own, label, GenerationMode.POSITIVE))
    def allowed(case: Case[Any]) -> None:
        if label != "GET /api/config":
            conforms(case, url)
            return
        # The tool's own reading of a tuple in a list is wrong, so that body is checked without it.
        answer = conforms(case, url, [check for check in CHECKS if check is not response_schema_conformance])
        definition = operations(own)[label].definition.raw["responses"]["200"]["content"]["application/json"]["schema"]
        components = own.raw_schema["components"]
        Draft202012Validator({**definition, "components": components}).validate(answer.json())

    allowed()


# Of a block the document says only that it is bytes, so it allows all of them; tests/unit/receive has what is refused.
@pytest.mark.parametrize("label", [one for one in OWN if one.startswith("POST") and not one.endswith("/blocks")])
def test_what_the_document_does_not_allow_is_refused(own: BaseSchema, url: str, label: str) -> None:
    @EXAMPLES
    @given(case=cases(own, label, GenerationMode.NEGATIVE))
    def refused(case: Case[Any]) -> None:
        conforms(case, url)

    refused()


def _ask(url: str, body: Mapping[str, Any]) -> tuple[int, Any]:
    headers = {**TOKEN, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/api/sources/test", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(alphabet="a:/[]@%0 {}$\n\x00ö", max_size=8),
)
ENTRY_VALUES = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.text(max_size=3), SCALARS, max_size=2)
)
KINDS = ("host", "litellm", "llamacpp", "prometheus", "redis")
KEYS = ("url", "key", "interval", "timeout", "targets", "labels", "environment", "name", "max_series", "headers", "tls")


@settings(max_examples=60)
@given(kind=st.sampled_from(KINDS), entry=st.dictionaries(st.sampled_from(KEYS[1:]), ENTRY_VALUES, max_size=3))
def test_entries_of_any_form_are_refused_in_words(url: str, kind: str, entry: dict[str, Any]) -> None:
    status, answer = _ask(url, {"kind": kind, "entry": {"url": "http://127.0.0.1:1", **entry}})
    assert status in (200, 400, 422, 503), answer
    assert answer["ok"] in (True, False) if status == 200 else answer["error"]["message"]


@pytest.fixture(scope="module")
def theirs() -> BaseSchema:
    if not DOCUMENT.exists():
        pytest.skip(f"Prometheus' OpenAPI document is not at {DOCUMENT}")
    found: BaseSchema = schemathesis.openapi.from_path(DOCUMENT)
    return found


def test_prometheus_interface_answers_as_described(theirs: BaseSchema, url: str) -> None:
    offered = [
        label for label in operations(theirs) if label.split(" ")[1] not in LEFT_OUT and not label.startswith("OPTIONS")
    ]
    assert len(offered) >= 20
    for label in offered:

        @EXAMPLES
        @given(case=cases(theirs, label, GenerationMode.POSITIVE), query=st.sampled_from(["", *QUERIES]))
        def allowed(case: Case[Any], query: str) -> None:
            if query and "query" in case.query:
                case.query["query"] = query
            conforms(case, f"{url}/api/v1")

        allowed()
