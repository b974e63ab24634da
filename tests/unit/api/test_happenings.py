"""Events and annotations over HTTP: rights, forms, filters, hostile text, secrets."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inferdeck.client.tiny import Address, Client
from inferdeck.errors import ForbiddenError, LimitError, NotFoundError, UsageError
from inferdeck.model.clock import ManualClock
from inferdeck.model.happening import Happening
from inferdeck.query.happenings import Happenings
from inferdeck.store.state.database import StateDatabase
from tests.unit.api.noted import NOW
from tests.unit.api.place import Place, served

HOSTILE = "'; DROP TABLE annotation; -- \x1b[2J\u202e <script>alert(1)</script> {{7*7}}\r\n${HOME} 🦙"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateDatabase]:
    found = StateDatabase.open(tmp_path / "state.db", clock=ManualClock(NOW))
    found.note([(Happening(NOW - 50, "restart", "vllm-1", "vllm-1 was restarted", "default/docker/d"), "default")])
    found.note([(Happening(NOW - 40, "oom", "tgi", "tgi ran out of memory", "default/docker/d"), "default")])
    yield found
    found.close()


@pytest.fixture
def place(tmp_path: Path, store: StateDatabase) -> Iterator[Place]:
    (tmp_path / "run").mkdir()
    with served(tmp_path / "run", notes=store) as found:
        yield found


@pytest.fixture
def client(place: Place) -> Client:
    return Client(Address(socket_path=place.socket_path))


def request(place: Place, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(place.url.removeprefix("http://"), timeout=20)
    given = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body if isinstance(body, str) else json.dumps(body), given)
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def test_annotating_takes_the_operator_and_our_own_origin(tmp_path: Path, place: Place) -> None:
    body = {"text": "deployed"}
    status, found = request(place, "POST", "/api/annotations", body)
    assert (status, found["error"]["kind"]) == (403, "forbidden")
    assert request(place, "DELETE", "/api/annotations/1")[0] == 403
    (tmp_path / "locked").mkdir()
    with served(tmp_path / "locked", viewer="look", operator="change") as locked:
        assert request(locked, "POST", "/api/annotations", body, Authorization="Bearer look")[0] == 403
        assert request(locked, "GET", "/api/annotations", None, Authorization="Bearer look")[0] == 200
        operator = {"Authorization": "Bearer change"}
        foreign = {**operator, "Origin": "http://evil.example"}
        assert request(locked, "POST", "/api/annotations", body, **foreign)[0] == 403
        assert request(locked, "DELETE", "/api/annotations/1", None, **foreign)[0] == 403
        assert request(locked, "POST", "/api/annotations", body, **operator)[0] == 200
        assert request(locked, "POST", "/api/annotations", body, Origin=locked.url, **operator)[0] == 200
        assert request(locked, "DELETE", "/api/annotations/1", None, **operator) == (200, {"id": 1})


def test_the_client_writes_reads_and_deletes(client: Client) -> None:
    given = {"text": HOSTILE, "kind": "deployment", "tags": ["a, b", "c"], "time": "2h", "until": NOW + 10}
    kept = client.annotate(given)
    assert (kept.text, kept.tags, kept.time, kept.until) == (HOSTILE, ("a, b", "c"), NOW - 7200, NOW + 10)
    assert (kept.environment, kept.created) == ("default", NOW)
    assert client.annotate({"text": "a note", "time": "2027-01-15T07:00:00Z"}).time == 1_799_996_400.0
    assert [one.id for one in client.annotations().items] == [2, 1]
    assert client.annotations(kind="deployment", tag="c", q="DROP TABLE").items == (kept,)
    assert client.annotations(since="1h", until=str(NOW)).total == 2
    assert client.annotations(until="3h").total == 0
    assert client.delete_annotation(kept.id).id == kept.id
    with pytest.raises(NotFoundError, match="no annotation 1"):
        client.delete_annotation(kept.id)


def test_events_are_filtered_and_paged(client: Client) -> None:
    assert [one.kind for one in client.events().items] == ["oom", "restart"]
    page = client.events(kind="restart", source="default/docker/d", q="VLLM", since="1m")
    assert [one.subject for one in page.items] == ["vllm-1"]
    assert client.events(limit="1", offset="1").items[0].kind == "restart"
    with pytest.raises(UsageError, match=r'kind: no event has "reboot"; there are oom, restart'):
        client.events(kind="reboot")
    with pytest.raises(UsageError, match="since: is later than until"):
        client.events(since="1m", until="2m")
    with pytest.raises(UsageError, match="kinds: unknown parameter; there are kind, subject"):
        client.events(kinds="oom")


def test_annotations_stand_among_events(client: Client) -> None:
    kept = client.annotate({"text": "vLLM 0.9", "kind": "deployment", "tags": ["a", "b"], "time": str(NOW - 45)})
    client.annotate({"text": "load test", "time": str(NOW - 900), "until": str(NOW - 10)})
    assert [one.kind for one in client.events().items] == ["oom", "deployment", "restart", "note"]
    found = client.events(kind="deployment").items[0]
    assert (found.id, found.source, found.text, found.facts) == (kept.id, "annotation", "vLLM 0.9", {"tags": "a, b"})
    assert [one.text for one in client.events(source="annotation", since="1m").items] == ["vLLM 0.9", "load test"]
    assert client.events(limit="1", offset="3").total == 4
    assert client.events(q="VLLM 0.9").total == 1
    assert client.events(environment="default", source="annotation", until=str(NOW - 100)).total == 1
    with pytest.raises(UsageError, match="there are deployment, note, oom, restart"):
        client.events(kind="reboot")


def test_what_changed_last_is_told_newest_first(store: StateDatabase) -> None:
    questions = Happenings(store, ManualClock(NOW), "default")
    questions.annotate("rolled out", time=NOW - 20)
    questions.annotate("will be rolled out", time=NOW + 20)
    found = questions.changes()
    assert [(one.kind, one.text, one.source) for one in found] == [
        ("note", "rolled out", "annotation"),
        ("restart", "vllm-1 was restarted", "default/docker/d"),
    ]
    assert len(questions.changes(most=1)) == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"text": "  "}, "text: is empty"),
        ({"text": "x" * 2001}, "text: has 2001 characters; 2000 at most"),
        ({"text": "a\0b"}, "no text"),
        ({"text": "\ud800"}, "no text"),
        ({"text": "x", "kind": "Über Kind"}, "kind: lower-case"),
        ({"text": "x", "tags": ["t"] * 3 + [f"{n}" for n in range(20)]}, "tags: 21 are too many; 20 at most"),
        ({"text": "x", "tags": ["y" * 101]}, "tags: has 101 characters"),
        ({"text": "x", "tags": [""]}, "tags: is empty"),
        ({"text": "x", "time": "tomorrow"}, "tomorrow: not a time"),
        ({"text": "x", "time": -5}, "time: not a moment"),
        ({"text": "x", "time": 1e300}, "time: not a moment"),
        ({"text": "x", "time": "0001-01-01T00:00:00"}, "not a"),
        ({"text": "x", "time": NOW, "until": NOW - 1}, "until: is before"),
        ({"text": "x", "environment": "e" * 101}, "environment: has 101"),
        ({"text": "x", "txt": "x"}, "txt"),
        ({"text": 5}, "text"),
        ({}, "text"),
    ],
)
def test_mistakes_are_answered_in_words(client: Client, body: dict[str, Any], says: str) -> None:
    with pytest.raises((UsageError, LimitError), match=says):
        client.annotate(body)
    assert client.annotations().total == 0


@pytest.mark.parametrize("body", ['{"text": "x", "time": NaN}', '{"text": "x", "time": Infinity}', "[]", "{", ""])
def test_a_body_that_is_none_is_refused(tmp_path: Path, body: str) -> None:
    with served(tmp_path, operator="change") as locked:
        status, found = request(locked, "POST", "/api/annotations", body, Authorization="Bearer change")
        assert 400 <= status < 500 and found["error"]["message"]


def test_a_secret_in_an_annotation_is_neither_kept_nor_shown(client: Client, tmp_path: Path) -> None:
    secret = "sk-planted0123456789abcdef"
    kept = client.annotate({"text": f"rotated OPENAI_API_KEY={secret}", "tags": [secret]})
    assert kept.text == "rotated OPENAI_API_KEY=•••"
    files = [path.read_bytes() for path in tmp_path.rglob("state.db*")]
    assert files and not any(secret.encode() in body for body in files)


def test_whoever_may_not_change_is_told_so(place: Place) -> None:
    with pytest.raises(ForbiddenError):
        Client(Address(url=place.url)).annotate({"text": "x"})
