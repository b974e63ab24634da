"""Dashboards handed to something that answers like Grafana's API; the token goes there and appears nowhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from inferdeck.cli import main
from inferdeck.dashboards import loader
from inferdeck.dashboards.grafana.push import Grafana
from inferdeck.errors import ForbiddenError, InferdeckError, UnavailableError, UsageError

TOKEN = "glsa_planted_secret"


@dataclass
class Wall:
    """A server that keeps what it is sent and answers as it is told."""

    url: str = ""
    status: int = 200
    answer: bytes = b'{"status": "success", "url": "/d/inferdeck-overview/overview"}'
    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)


@pytest.fixture
def wall() -> Iterator[Wall]:
    found = Wall()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.asked.append((self.path, self.headers["Authorization"], body))
            self.send_response(found.status)
            if found.status == 302:
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", str(len(found.answer)))
            self.end_headers()
            self.wfile.write(found.answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


def test_every_dashboard_goes_there_in_the_wrapped_form(
    wall: Wall, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    assert main(["grafana", "push", f"{wall.url}/grafana/", "--folder", "f1"]) == 0
    assert len(wall.asked) == len(loader.shipped())
    for path, authorization, body in wall.asked:
        assert (path, authorization) == ("/grafana/api/dashboards/db", f"Bearer {TOKEN}")
        assert body["overwrite"] is True
        assert body["folderUid"] == "f1"
        assert body["dashboard"]["id"] is None
    shown = capsys.readouterr()
    assert "/d/inferdeck-overview/overview" in shown.out
    assert TOKEN not in shown.out + shown.err


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, ForbiddenError), (403, ForbiddenError), (412, UsageError), (404, UsageError), (302, UsageError)],
)
def test_a_refusal_says_what_to_do_and_never_the_token(wall: Wall, status: int, kind: type[InferdeckError]) -> None:
    wall.status, wall.answer = status, b'{"message": "no"}'
    with pytest.raises(kind) as raised:
        Grafana(wall.url, TOKEN).push({"dashboard": {}})
    assert TOKEN not in str(raised.value) + repr(raised.value)
    assert len(wall.asked) == 1


def test_garbage_and_silence_are_errors(wall: Wall) -> None:
    wall.status, wall.answer = 500, b"<html>"
    with pytest.raises(UnavailableError):
        Grafana(wall.url, TOKEN).push({})
    with pytest.raises(UnavailableError, match="does not answer"):
        Grafana("http://127.0.0.1:1", TOKEN).push({})


@pytest.mark.parametrize("url", ["grafana:3000", "ftp://x", "http://", "http://x:y"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="not a URL"):
        Grafana(url, TOKEN).push({})


def test_passwords_of_an_address_are_not_shown() -> None:
    with pytest.raises(UnavailableError) as raised:
        Grafana(f"http://admin:{TOKEN}@127.0.0.1:1", TOKEN).push({})
    assert TOKEN not in str(raised.value)
    assert TOKEN not in repr(Grafana("http://x", TOKEN))


def test_without_a_token_nothing_is_sent(wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAFANA_TOKEN", raising=False)
    monkeypatch.delenv("GRAFANA_TOKEN_FILE", raising=False)
    assert main(["grafana", "push", wall.url]) == 2
    assert wall.asked == []


def test_the_token_may_stand_in_a_file(
    wall: Wall, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    monkeypatch.delenv("GRAFANA_TOKEN", raising=False)
    assert main(["grafana", "push", wall.url, "--token-file", str(file)]) == 0
    assert wall.asked[0][1] == f"Bearer {TOKEN}"
    assert TOKEN not in capsys.readouterr().out
    file.write_text("two\nlines")
    assert main(["grafana", "push", wall.url, "--token-file", str(file)]) == 2
    assert "lines" not in capsys.readouterr().err.replace("one line", "")
