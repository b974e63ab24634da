"""One question, and every way in which its answer can be none: nothing but a whole answer of a daemon is taken."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inferdeck.faces.widgets import ask
from inferdeck.faces.widgets.ask import LATE, NO_DAEMON, NO_DAEMONS_ANSWER, NOT_OURS, Silent
from inferdeck.faces.widgets.place import Place
from inferdeck.faces.widgets.tcp import is_harmless, split, within
from inferdeck.faces.widgets.wish import Wish
from tests.unit.faces.widgets.answering import BODY, Asked, daemon, listening, whole


def asked(path: Path, seconds: float = 30.0) -> ask.Answer:
    return ask.ask(Place(socket_path=str(path)), "/widgets/health?", time.monotonic() + seconds)


def reason(path: Path, seconds: float = 30.0) -> str:
    with pytest.raises(Silent) as caught:
        asked(path, seconds)
    return str(caught.value)


def test_a_whole_answer_is_taken(tmp_path: Path) -> None:
    said = Asked()
    with daemon(tmp_path / "s", said.saying(whole(state="warning"))):
        found = asked(tmp_path / "s")
    assert (found.status, found.state, found.age, found.body) == (200, "warning", 3, BODY)
    assert said.requests == [b"GET /widgets/health? HTTP/1.0\r\nHost: localhost\r\n\r\n"]


@pytest.mark.parametrize(
    "answer",
    [
        whole()[:-1],
        whole() + b"x",
        whole()[:30],
        b"",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nno length",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\nx-inferdeck-state: ok\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999\r\nx-inferdeck-state: ok\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\ncontent-length: 0\r\nx-inferdeck-state: ok\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        whole(state="fine"),
        b"\x00\xff" * 1000,
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\nx-inferdeck-state: ok\r\n\r\n"
        + b"x" * (ask.LARGEST_ANSWER_BYTES),
    ],
    ids=range(14),
)
def test_what_is_not_whole_or_not_a_daemons_is_none(tmp_path: Path, answer: bytes) -> None:
    with daemon(tmp_path / "s", Asked().saying(answer)):
        assert reason(tmp_path / "s") in (NO_DAEMONS_ANSWER, NO_DAEMON)


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda more: b"HTTP/1.1 200 OK\r\n" + more + b"\r\n\r\n"))
@example(whole())
@example(whole(b"", "critical"))
def test_bytes_are_an_answer_or_none(received: bytes) -> None:
    try:
        found = ask.parsed(received)
    except Silent:
        return
    assert received.endswith(found.body)
    assert found.status != 200 or found.state in ask.STATES


@given(st.integers(0, len(whole()) - 1))
def test_a_part_of_an_answer_is_none(length: int) -> None:
    with pytest.raises(Silent):
        ask.parsed(whole()[:length])


def test_nothing_there_is_said_so(tmp_path: Path) -> None:
    assert reason(tmp_path / "nothing") == NO_DAEMON
    assert reason(tmp_path / ("long" * 100)) == NO_DAEMON
    assert reason(tmp_path / "a\0b") == NO_DAEMON
    (tmp_path / "file").touch()
    assert reason(tmp_path / "file") == NO_DAEMON
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(tmp_path / "dead"))
    bound.close()
    assert reason(tmp_path / "dead") == NO_DAEMON


def test_who_hangs_is_left_at_the_deadline(tmp_path: Path) -> None:
    with daemon(tmp_path / "s", lambda connection: drained(connection)):
        assert reason(tmp_path / "s", seconds=0.2) == LATE


def test_who_drips_is_left_at_the_deadline(tmp_path: Path) -> None:
    def drip(connection: socket.socket) -> None:
        for byte in whole(b"x" * 5000):
            connection.sendall(bytes([byte]))
            time.sleep(0.01)

    with daemon(tmp_path / "s", drip):
        assert reason(tmp_path / "s", seconds=0.2) == LATE


def test_who_never_accepts_is_left_at_the_deadline(tmp_path: Path) -> None:
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(tmp_path / "s"))
    bound.listen(0)
    with contextlib.ExitStack() as stack:
        stack.callback(bound.close)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
            waiting.setblocking(False)
            waiting.connect_ex(str(tmp_path / "s"))
        assert reason(tmp_path / "s", seconds=0.2) == LATE


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what belongs to another user")
def test_a_socket_of_another_user_is_not_asked(tmp_path: Path) -> None:
    said = Asked()
    with daemon(tmp_path / "s", said.saying(whole())):
        os.chown(tmp_path / "s", 65534, 65534)
        assert reason(tmp_path / "s") == NOT_OURS
    assert said.requests == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run another user's program")
def test_a_program_of_another_user_is_not_asked(tmp_path: Path) -> None:
    # The file is ours, and who listens on it is not: unix(7) tells whom listen() was called by.
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(tmp_path / "s"))
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        bound.listen(1)
        time.sleep(60)
        os._exit(0)
    try:
        for _ in range(500):
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(tmp_path / "s")) == 0:
                    break
            time.sleep(0.01)
        assert reason(tmp_path / "s") == NOT_OURS
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        bound.close()


@given(
    st.text(st.characters(exclude_categories=[]), max_size=10).filter(
        lambda text: not any("\ud800" <= c <= "\udfff" for c in text)
    )
)
def test_parameters_are_encoded_as_urls_are(text: str) -> None:
    from urllib.parse import parse_qs, quote

    assert ask.quoted(text) == quote(text, safe="")
    wish = Wish("health")
    wish.field = text
    found = parse_qs(ask.target(wish).partition("?")[2])
    assert found == ({"field": [text]} if text else {})


def test_bytes_that_are_no_text_are_encoded_as_they_are() -> None:
    assert ask.quoted(os.fsdecode(b"\xff\xfe")) == "%FF%FE"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://127.0.0.1:4633", (False, "127.0.0.1", 4633)),
        ("http://[::1]:4633/", (False, "::1", 4633)),
        ("https://host.example", (True, "host.example", 443)),
        ("http://localhost", (False, "localhost", 80)),
    ],
)
def test_urls_are_taken_apart(url: str, found: tuple[bool, str, int]) -> None:
    assert split(url) == found


@pytest.mark.parametrize(
    "url", ["ftp://a", "http://", "http://a:0", "http://a:99999", "http://u:p@h:1", "http://a b", ""]
)
def test_what_is_no_url_is_said_so(url: str) -> None:
    with pytest.raises(Silent, match="http://HOST:PORT"):
        split(url)


def test_over_tcp_a_token_is_sent() -> None:
    said = Asked()
    bound = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    with listening(bound, said.saying(whole())):
        found = ask.ask(Place(url=url, token="secret"), "/widgets/cost?", time.monotonic() + 30)
    assert found.body == BODY
    assert b"\r\nAuthorization: Bearer secret\r\n" in said.requests[0]


@pytest.mark.parametrize(
    ("body", "harmless"),
    [
        (BODY, True),
        (b"", True),
        ("\x1b[32;1m✅\x1b[0m up\n\x1b[m".encode(), True),
        (b"\x1b]0;title\x07", False),
        (b"\x1b[2J", False),
        (b"\x1b[31", False),
        (b"a\rb", False),
        (b"\x08", False),
        ("\x9b2J".encode(), False),
        (b"\xff", False),
        (b"\x7f", False),
    ],
)
def test_what_a_port_answers_can_only_be_drawn(body: bytes, harmless: bool) -> None:
    assert is_harmless(body) is harmless
    bound = socket.create_server(("127.0.0.1", 0))
    place = Place(url=f"http://127.0.0.1:{bound.getsockname()[1]}")
    with listening(bound, Asked().saying(whole(body))):
        if harmless:
            assert ask.ask(place, "/widgets/cost?", time.monotonic() + 30).body == body
        else:
            with pytest.raises(Silent, match=NO_DAEMONS_ANSWER):
                ask.ask(place, "/widgets/cost?", time.monotonic() + 30)


def test_what_takes_too_long_is_left_alone() -> None:
    with pytest.raises(TimeoutError):
        within(time.monotonic() + 0.05, lambda: time.sleep(1))
    with pytest.raises(ZeroDivisionError):
        within(time.monotonic() + 30, lambda: 1 // 0)
    assert within(time.monotonic() + 30, lambda: 7) == 7


def drained(connection: socket.socket) -> None:
    """Read until the other side has gone, and say nothing."""
    with contextlib.suppress(OSError):
        while connection.recv(65536):
            pass
