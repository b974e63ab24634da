"""The HTTP interface over real sockets: who may ask, what is answered, and one shape for every failure."""

from __future__ import annotations

import http.client
import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from inferdeck import errors
from inferdeck.api import guard, server
from inferdeck.client.tiny import Address, Client
from inferdeck.config.schema import Settings
from tests.unit.api.place import Place, questions, served


@pytest.fixture(scope="module")
def open_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with served(tmp_path_factory.mktemp("open")) as place:
        yield place


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with served(tmp_path_factory.mktemp("locked"), viewer="look", operator="change", hosts=("deck.example",)) as place:
        yield place


def ask(
    place: Place, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(urlsplit(place.url).netloc, timeout=20)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def failure(answer: tuple[int, http.client.HTTPMessage, bytes]) -> tuple[int, str]:
    """Return status and kind, having checked the canonical shape."""
    status, headers, body = answer
    found: Any = json.loads(body)
    assert headers["Content-Type"] == "application/json"
    assert set(found) == {"error"}
    assert set(found["error"]) == {"kind", "message", "next"}
    assert found["error"]["message"]
    assert found["error"]["next"]
    return status, found["error"]["kind"]


JSON = "application/json"
OPERATOR = {"Authorization": "Bearer change", "Content_Type": JSON}
WAYS_TO_FAIL: tuple[tuple[str, str, str, bytes | None, dict[str, str], tuple[int, str]], ...] = (
    ("an unknown path", "GET", "/nope", None, OPERATOR, (404, "not_found")),
    ("a wrong method", "DELETE", "/api/status", None, OPERATOR, (405, "usage")),
    ("an unknown source", "GET", "/api/sources/nobody", None, OPERATOR, (404, "not_found")),
    ("an ambiguous source", "GET", "/api/sources/r%3A6379", None, OPERATOR, (404, "not_found")),
    ("an unknown job", "GET", "/api/jobs/x", None, OPERATOR, (404, "not_found")),
    ("a body that is not JSON", "POST", "/api/sources/test", b"{", OPERATOR, (400, "usage")),
    ("a body of a wrong form", "POST", "/api/sources/test", b'{"kind": 1}', OPERATOR, (400, "usage")),
    ("an unknown key in a body", "POST", "/api/store/check", b'{"x": 1}', OPERATOR, (400, "usage")),
    ("an unknown kind of work", "POST", "/api/store/burn", b"{}", OPERATOR, (400, "usage")),
    ("a limit", "POST", "/api/store/remap", b"{}", OPERATOR, (422, "limit")),
    ("a target that is not there", "POST", "/api/sources", b'{"kind": "redis"}', OPERATOR, (503, "unavailable")),
    ("a huge body", "POST", "/api/sources/test", b"x" * (2 << 20), OPERATOR, (413, "limit")),
    ("no token", "GET", "/api/status", None, {}, (403, "forbidden")),
    ("a wrong token", "GET", "/api/status", None, {"Authorization": "Bearer loop"}, (403, "forbidden")),
    ("a token of another scheme", "GET", "/api/status", None, {"Authorization": "Basic look"}, (403, "forbidden")),
    ("a viewer who changes", "POST", "/api/store/check", b"{}", {"Authorization": "Bearer look"}, (403, "forbidden")),
    ("another Host", "GET", "/api/status", None, {**OPERATOR, "Host": "evil.example"}, (403, "forbidden")),
    ("another Host without a token's need", "GET", "/-/healthy", None, {"Host": "evil.example"}, (403, "forbidden")),
    ("an address as Host", "GET", "/metrics", None, {**OPERATOR, "Host": "10.0.0.1"}, (403, "forbidden")),
    (
        "a page of another site",
        "POST",
        "/api/store/check",
        b"{}",
        {**OPERATOR, "Origin": "http://evil.example"},
        (403, "forbidden"),
    ),
    ("a page without an origin", "POST", "/api/store/check", b"{}", {**OPERATOR, "Origin": "null"}, (403, "forbidden")),
)


@pytest.mark.parametrize(
    ("name", "method", "path", "body", "headers", "expected"), WAYS_TO_FAIL, ids=lambda v: str(v)[:40]
)
def test_every_failure_has_one_shape(
    locked: Place,
    name: str,
    method: str,
    path: str,
    body: bytes | None,
    headers: dict[str, str],
    expected: tuple[int, str],
) -> None:
    assert failure(ask(locked, method, path, body, **headers)) == expected


@pytest.mark.parametrize("token", ["look", "change"])
def test_either_token_may_look(locked: Place, token: str) -> None:
    for path in ("/", "/metrics", "/openapi.json", "/api/status", "/api/doctor", "/api/config", "/api/store/stats"):
        assert ask(locked, "GET", path, Authorization=f"Bearer {token}")[0] == 200


def test_supervisors_need_no_token_and_allowed_hosts_are_allowed(locked: Place) -> None:
    assert ask(locked, "GET", "/-/healthy")[0] == 200
    assert ask(locked, "GET", "/-/ready", Host="deck.example:4633")[0] == 200
    assert ask(locked, "GET", "/-/ready", Host="DECK.example.")[0] == 200


def test_the_operator_changes_also_from_our_own_page(locked: Place) -> None:
    origin = locked.url
    status, _, body = ask(locked, "POST", "/api/store/check", b"{}", **OPERATOR, Origin=origin)
    assert (status, json.loads(body)["state"]) == (200, "running")


def test_two_host_headers_are_refused(open_place: Place) -> None:
    address = urlsplit(open_place.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), 20) as connection:
        connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        assert connection.recv(4096).split(b" ")[1] in (b"400", b"403")


def test_without_tokens_tcp_may_look_and_the_socket_may_change(open_place: Place) -> None:
    assert ask(open_place, "GET", "/api/status")[0] == 200
    assert failure(ask(open_place, "POST", "/api/store/check", b"{}", Content_Type=JSON)) == (403, "forbidden")
    assert Client(Address(socket_path=open_place.socket_path)).start_job("check", {}).state == "running"


def test_not_ready_is_503(open_place: Place) -> None:
    open_place.operations.is_ready = False
    try:
        assert failure(ask(open_place, "GET", "/-/ready")) == (503, "unavailable")
        assert not Client(Address(url=open_place.url)).ready()
    finally:
        open_place.operations.is_ready = True


@pytest.mark.parametrize("over", ["socket", "url"])
def test_the_client_gives_the_same_answers_as_the_questions_themselves(open_place: Place, over: str) -> None:
    where = Address(socket_path=open_place.socket_path) if over == "socket" else Address(url=open_place.url)
    client, local = Client(where), questions()
    assert client.status() == local.status()
    assert client.sources() == local.sources()
    assert client.source("gate") == local.source("default/litellm/g:4000")
    assert client.source("default/litellm/g:4000") == local.source("gate")
    assert client.source("redis") == local.source("default/redis/r:6379"), "the only one of its kind"
    assert client.doctor() == local.doctor()
    for asked in (client, local):
        with pytest.raises(errors.NotFoundError, match='no source is called "x/y"'):
            asked.source("x/y")


def test_the_client_raises_the_daemons_errors(open_place: Place) -> None:
    client = Client(Address(socket_path=open_place.socket_path))
    with pytest.raises(errors.LimitError, match="a check is running"):
        client.start_job("remap", {})
    with pytest.raises(errors.UnavailableError, match="refused"):
        client.add_source({"kind": "redis"})
    with pytest.raises(errors.DaemonDownError, match="inferdeck up"):
        Client(Address(url="http://127.0.0.1:1")).status()


def test_openapi_describes_every_route_and_names_no_foreign_page(open_place: Place) -> None:
    document = json.loads(ask(open_place, "GET", "/openapi.json")[2])
    assert {"/api/status", "/api/sources", "/api/doctor", "/api/config", "/metrics"} <= set(document["paths"])
    status = document["paths"]["/api/status"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert status == {"$ref": "#/components/schemas/Status"}
    assert ask(open_place, "GET", "/docs")[0] == 404


def test_off_loopback_a_token_is_needed() -> None:
    with pytest.raises(errors.ConfigError, match="no token is set"):
        guard.access("0.0.0.0", (), "", "")
    assert not guard.access("0.0.0.0", (), "v", "").loopback
    assert guard.access("::1", (), "", "").loopback


def test_a_change_over_tcp_is_told_the_socket_to_use(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path, "listen": {"unix_socket": tmp_path / "i.sock"}})
    headers: list[tuple[bytes, bytes]] = [(b"host", b"localhost")]
    with pytest.raises(errors.ForbiddenError, match=f"--url unix://{tmp_path}/i.sock"):
        guard.Guard(_nothing, guard.of(settings))._check(
            {"type": "http", "method": "POST", "path": "/api/sources", "headers": headers}
        )


async def _nothing(*_: object) -> None:
    """An application that is never reached."""


def test_a_port_in_use_is_said(open_place: Place) -> None:
    with pytest.raises(errors.ConfigError, match="another program listens there"):
        server.bind_tcp("127.0.0.1", urlsplit(open_place.url).port or 0)


def test_a_dead_socket_is_replaced_and_a_living_one_refused(tmp_path: Path, open_place: Place) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "s"
    server.bind_unix(path).close()
    bound = server.bind_unix(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(errors.StoreLockedError, match="another inferdeck answers"):
        server.bind_unix(path)
    bound.close()


def test_a_socket_needs_a_directory_of_our_own(tmp_path: Path) -> None:
    made = tmp_path / "run" / "s"
    server.bind_unix(made).close()
    assert stat.S_IMODE(made.parent.stat().st_mode) == 0o700
    made.parent.chmod(0o755)
    with pytest.raises(errors.ConfigError, match="chmod 700"):
        server.bind_unix(made)
    made.parent.chmod(0o700)
    made.unlink()
    made.write_text("precious")
    with pytest.raises(errors.ConfigError, match="not a socket"):
        server.bind_unix(made)
    assert made.read_text() == "precious"


def test_a_peer_of_our_own_user_is_let_in() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert server.peer_allowed(ours)
