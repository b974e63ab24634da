"""A daemon's past as if it were now, faster than it was: what bench.top puts between `inferdeck top` and a daemon."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from inferdeck.model.quantities import parse_duration

ROWS = 500


class Replay:
    """A moment of the past that goes on `speed` times as fast as the clock from when it was begun."""

    def __init__(self, url: str) -> None:
        self.where = urlsplit(url)
        self.rows = False
        """Whether the list of models is made as long as 500."""
        self.questions = 0
        """How many answers about dashboards were given."""
        self._live = True
        self._start, self._speed, self._began = 0.0, 0.0, time.monotonic()

    def begin(self, start: float, speed: float) -> None:
        """Begin at a moment, Unix seconds; speed 0: it stands still but for `move`."""
        self._live = False
        self._start, self._speed, self._began = start, speed, time.monotonic()

    def live(self) -> None:
        """Show what is now."""
        self._live = True

    def move(self, seconds: float) -> None:
        """Go on by so much."""
        self._start += seconds

    def now(self) -> float:
        """Return the moment that is shown."""
        return self._start + self._speed * (time.monotonic() - self._began)

    def asked(self, path: str) -> str:
        """Return the path that is asked of the daemon."""
        route, _, query = path.partition("?")
        if self._live or not _data(route):
            return path
        fields = dict(parse_qsl(query))
        now = self.now()
        fields["from"] = f"{now - parse_duration(fields['from'].removeprefix('now-')):.3f}"
        return f"{route}?{urlencode({**fields, 'to': f'{now:.3f}'}, quote_via=quote)}"

    def answered(self, path: str, body: bytes) -> bytes:
        """Return what the daemon's answer becomes."""
        route = path.partition("?")[0]
        if _data(route):
            self.questions += 1
            if not self._live and self._speed:
                found = json.loads(body)
                found["tick"] /= self._speed
                return json.dumps(found).encode()
        if self.rows and route == "/api/models":
            return json.dumps(longer(json.loads(body), ROWS)).encode()
        return body


def longer(page: dict[str, Any], rows: int) -> dict[str, Any]:
    """Return a page of models with so many rows, each with a name of its own."""
    items = page["items"]
    many = [{**items[place % len(items)], "name": f"model-{place:03}"} for place in range(rows)] if items else []
    return {**page, "items": many, "total": len(many)}


@contextlib.contextmanager
def served(replay: Replay) -> Iterator[str]:
    """Serve it; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            connection = http.client.HTTPConnection(replay.where.hostname or "", replay.where.port, timeout=30)
            try:
                connection.request("GET", replay.asked(self.path), headers={"Accept": "application/json"})
                answer = connection.getresponse()
                body = answer.read()
            finally:
                connection.close()
            if answer.status == 200:
                body = replay.answered(self.path, body)
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(BrokenPipeError):
                # Whoever asked has been ended.
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _data(route: str) -> bool:
    return route.startswith("/api/dashboards/") and route.endswith("/data")
