"""Work that is given up when the client that asked for it goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import Request

T = TypeVar("T")


class ClientGoneError(Exception):
    """Nobody waits for the answer any more."""


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """Return what the work gives; where the client goes away first, cancel it and raise ClientGoneError."""
    task = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
    finally:
        leaving.cancel()
        if not task.done():
            task.cancel()
    raise ClientGoneError


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
