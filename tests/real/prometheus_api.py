"""Questions to any Prometheus interface with the standard library."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any


def ask(url: str, path: str, fields: Mapping[str, str], *, form: bool = False) -> tuple[int, Any]:
    """GET (or POST as a form) a path below /api/v1 and return status and JSON; {start}, {end}: the last 10 minutes."""
    now = int(time.time())
    filled = {
        name: value.replace("{start}", str(now - 600)).replace("{end}", str(now)) for name, value in fields.items()
    }
    body = urllib.parse.urlencode(filled)
    address = f"{url}/api/v1/{path}" + (f"?{body}" if body and not form else "")
    try:
        with urllib.request.urlopen(address, body.encode() if form else None, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        text = error.read()
        return error.code, json.loads(text) if text.startswith(b"{") else text.decode()


def value(url: str, query: str) -> float | None:
    """Return the value of the first series of an instant query, None where there is none."""
    _, found = ask(url, "query", {"query": query})
    result = found["data"]["result"]
    return float(result[0]["value"][1]) if result else None


def wait_for(wanted: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something holds; AssertionError where it does not in time."""
    end = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.2)
