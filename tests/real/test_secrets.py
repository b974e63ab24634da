"""Planted secrets, and programs that say back whatever they are sent: none shows in any place that we write to."""

from __future__ import annotations

import base64
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.real.daemon import Place, service
from tests.real.mirror import Mirror, mirror
from tests.real.programs import LOOPBACK

pytestmark = pytest.mark.real

ROUTES = (
    *("/api/status", "/api/sources", "/api/doctor", "/api/config", "/api/store/stats", "/metrics", "/openapi.json"),
    *("/api/events", "/api/annotations", "/api/config-files", "/api/config-files/inferdeck.yaml", "/api/routes"),
)
PLANTED = {
    name: f"planted-{name}-5f0c9e7a"
    for name in ("viewer", "operator", "bearer", "header", "basic", "userinfo", "redis", "push", "llama", "added")
}


@contextmanager
def echoing_redis() -> Iterator[str]:
    """Refuse every command in words that repeat it."""
    server = socket.create_server((LOOPBACK, 0))

    def answer() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                sent = connection.recv(65536)
                connection.sendall(b"-WRONGPASS " + sent.replace(b"\r\n", b" ") + b"\r\n")

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield f"{LOOPBACK}:{server.getsockname()[1]}"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(10)


def forms(secret: str) -> list[bytes]:
    """Return the forms in which a secret travels."""
    pairs = [base64.b64encode(f"deck:{secret}".encode())]
    return [secret.encode(), base64.b64encode(secret.encode()).rstrip(b"="), *pairs]


def leaks(texts: dict[str, bytes]) -> list[tuple[str, str]]:
    return [
        (place, name)
        for place, text in texts.items()
        for name, secret in PLANTED.items()
        if any(form in text for form in forms(secret))
    ]


def get(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {PLANTED['operator']}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        body: bytes = answer.read()
        return body


def test_no_planted_secret_shows_anywhere(tmp_path: Path) -> None:
    with ExitStack() as stack:
        failing = stack.enter_context(mirror(Mirror(500, "no: {sent}")))
        refusing = stack.enter_context(mirror(Mirror(401, "no: {sent}")))
        garbled = stack.enter_context(mirror(Mirror(200, "{sent} is not a sample\n")))
        router = stack.enter_context(mirror(Mirror(400, '{"error": {"message": "{sent}", "type": "x", "code": 400}}')))
        redis = stack.enter_context(echoing_redis())
        place = Place.of(
            tmp_path,
            f"litellm: {{url: {refusing.url}, key: {PLANTED['bearer']}, headers: {{x-a: {PLANTED['header']}}}}}\n"
            f"llamacpp: {{url: {router.url}, key: {PLANTED['llama']}}}\n"
            f"redis: {{url: 'redis://{redis}', password: {PLANTED['redis']}}}\n"
            "prometheus:\n"
            f"  - {{url: {failing.url}, basic_auth: {{username: deck, password: {PLANTED['basic']}}}}}\n"
            f"  - {{url: 'http://deck:{PLANTED['userinfo']}@{garbled.url.removeprefix('http://')}'}}\n",
        )
        log = tmp_path / "up.log"
        with place.config.open("a") as file:
            file.write(
                f"auth: {{viewer_token: {PLANTED['viewer']}, operator_token: {PLANTED['operator']}}}\n"
                f"log: {{file: {log}, level: debug}}\n"
                # Its own file is a file of the stack like any other.
                f"config_files: [{{path: {place.config}}}]\n"
                f"remote_write: [{{url: {failing.url}/push, key: {PLANTED['push']}}}]\n"
            )
        place = Place(place.directory, place.port, {"INFERDECK_TOKEN": PLANTED["operator"]})
        with place.up() as daemon:
            status = place.status_when(
                lambda found: (
                    all(one["health"] != "unknown" for one in found["services"]) and found["remote_write"][0]["error"]
                )
            )
            texts = {route: get(daemon.url + route) for route in ROUTES}
            texts |= {one["id"]: get(f"{daemon.url}/api/sources/{one['id']}") for one in status["services"]}
            commands = [("status",), ("doctor",), ("sources", "list"), ("config", "show"), ("config", "show", "--json")]
            commands += [("annotate", f"the key is {PLANTED['bearer']}"), ("annotations", "list"), ("routes",)]
            commands += [("config", "files"), ("config", "files", "inferdeck.yaml")]
            commands += [("sources", "explain", one["id"]) for one in status["services"]]
            commands += [("sources", "test", "prometheus", f"http://deck:{PLANTED['added']}@{garbled.url[7:]}")]
            for words in commands:
                done = place.run(*words)
                texts[" ".join(words[:2])] = (done.stdout + done.stderr).encode()
        texts["standard output"] = daemon.log(10_000).encode()
        texts["log"] = log.read_bytes()
        texts |= {str(file): file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file()}
    assert "•••" in status["remote_write"][0]["error"]
    assert service(status, "llamacpp")["health"] == "down"
    assert all(seen.seen for seen in (failing, refusing, garbled, router))
    assert len(texts) > 20
    assert leaks(texts) == []
