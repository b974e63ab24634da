"""LiteLLM's callback `generic_api`: logged calls are sent in batches to a URL, and lost where it does not answer.

Format `json_array`: 512 calls or 5 seconds a batch, no retry, headers as captured.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import aiohttp

from inferdeck.simulate.servers.litellm.books import Row

BATCH = 512
FLUSH_SECONDS = 5.0
_KEPT = 50_000


class Push:
    """Where a proxy sends its calls; `render` makes an event of a row. Start it in the loop that is to send."""

    def __init__(
        self,
        url: str,
        render: Callable[[Row], dict[str, Any]],
        version: str,
        headers: Mapping[str, str] | None = None,
        flush_seconds: float = FLUSH_SECONDS,
    ) -> None:
        self.url = url
        self._render = render
        self._headers = {"User-Agent": f"litellm/{version}", "Content-Type": "application/json", **(headers or {})}
        self._flush = flush_seconds
        self._waiting: deque[Row] = deque(maxlen=_KEPT)
        self._task: asyncio.Task[None] | None = None
        self.lost = 0
        """Calls that nobody took."""

    def add(self, row: Row) -> None:
        """Take a call; it is sent with the next batch."""
        self._waiting.append(row)

    def start(self) -> None:
        """Begin to send."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Send what waits, and end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        async with aiohttp.ClientSession() as session:
            await self.flush(session)

    async def flush(self, session: aiohttp.ClientSession) -> None:
        """Send all that waits, in batches."""
        while self._waiting:
            rows = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            body = BytesIO(json.dumps([self._render(row) for row in rows]).encode())
            try:
                async with session.post(self.url, data=body, headers=self._headers) as answer:
                    failed = answer.status >= 400
            except (aiohttp.ClientError, TimeoutError):
                failed = True
            self.lost += len(rows) if failed else 0

    async def _run(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._flush)) as session:
            while True:
                await asyncio.sleep(self._flush)
                await self.flush(session)
