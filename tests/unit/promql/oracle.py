"""GreptimeTeam's promql-parser in a process of its own, since some queries crash it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_WORKER = """
import json, sys
import promql_parser
for line in sys.stdin:
    try:
        answer = {"pretty": promql_parser.parse(json.loads(line)).prettify()}
    except ValueError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)
"""


class Oracle:
    """Asks the worker; a worker that died is replaced and the answer is that it crashed."""

    def __init__(self) -> None:
        self._process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", _WORKER]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, query: str) -> dict[str, Any]:
        """Return {"pretty": text} or {"error": reason}."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(query) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self.close()
            self._process = self._start()
            return {"error": "crashed"}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the worker."""
        self._process.communicate()


@contextmanager
def running() -> Iterator[Oracle]:
    """Give an oracle and end it afterwards."""
    oracle = Oracle()
    try:
        yield oracle
    finally:
        oracle.close()
