"""Hands dashboards to a running Grafana over its HTTP API (POST /api/dashboards/db)."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from inferdeck.errors import ForbiddenError, UnavailableError, UsageError

LARGEST_ANSWER_BYTES = 1 << 20
SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Grafana:
    """Where a Grafana answers, and the token that is sent to nobody else; redirects are not followed."""

    url: str
    token: str = field(repr=False)
    folder: str = ""

    def push(self, wrapped: dict[str, Any]) -> str:
        """Send one dashboard in its wrapped form, and return the path at which Grafana shows it.

        Raises ForbiddenError, UsageError (Grafana refuses the dashboard) and UnavailableError.
        """
        body = {**wrapped, "folderUid": self.folder} if self.folder else wrapped
        status, answer = self._post("/api/dashboards/db", json.dumps(body).encode())
        said = str(answer.get("message", ""))[:300]
        if status in (401, 403):
            raise ForbiddenError(f"{self._shown}: HTTP {status}: the token may not write dashboards: {said}")
        if 300 <= status < 400:
            raise UsageError(f"{self._shown}: answers with a redirect; give the address that it leads to")
        if status in (404, 405):
            raise UsageError(f"{self._shown}: HTTP {status}: no Grafana answers there; is a path missing in the URL?")
        if 400 <= status < 500:
            raise UsageError(f"{self._shown}: HTTP {status}: Grafana refuses the dashboard: {said}")
        if status != 200:
            raise UnavailableError(f"{self._shown}: HTTP {status}: {said}")
        return str(answer.get("url", ""))

    @property
    def _shown(self) -> str:
        """The address without user, password and query."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")

    def _post(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        connection, prefix = self._connection()
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        try:
            connection.request("POST", prefix + path, body, headers)
            response = connection.getresponse()
            data = response.read(LARGEST_ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", "") or type(error).__name__
            raise UnavailableError(f"{self._shown}: Grafana does not answer: {reason}") from error
        finally:
            connection.close()
        try:
            answer = json.loads(data)
        except ValueError:
            answer = {}
        return response.status, answer if isinstance(answer, dict) else {}

    def _connection(self) -> tuple[http.client.HTTPConnection, str]:
        try:
            parts = urlsplit(self.url)
            port = parts.port
        except ValueError as error:
            raise UsageError("the address of Grafana is not a URL; write http://HOST:PORT") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError("the address of Grafana is not a URL; write http://HOST:PORT")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname, port, timeout=SECONDS), parts.path.rstrip("/")
