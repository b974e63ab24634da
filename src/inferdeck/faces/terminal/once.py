"""A view without a terminal: drawn once all its questions are answered, as text, SVG, PNG or JSON."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from inferdeck.client.tiny import Client
from inferdeck.errors import NotFoundError, UnavailableError
from inferdeck.faces.terminal import places
from inferdeck.faces.terminal.app import Options, Terminal
from inferdeck.faces.terminal.exporting import alone
from inferdeck.faces.terminal.png import png
from inferdeck.faces.terminal.view import View
from inferdeck.model.json_form import dumps

FORMATS = ("text", "svg", "png", "json")
PATIENCE_SECONDS = 30.0


def drawn(find: Callable[[], Client | None], options: Options, size: tuple[int, int], form: str) -> bytes:
    """Return the view; raises UnavailableError where the daemon does not answer in time."""
    return asyncio.run(_drawn(find, options, size, form))


async def _drawn(find: Callable[[], Client | None], options: Options, size: tuple[int, int], form: str) -> bytes:
    app = Terminal(find, options)
    async with app.run_test(size=size) as pilot:
        end = time.monotonic() + PATIENCE_SECONDS
        while not _there(app):
            if time.monotonic() > end:
                break
            await pilot.pause(0.05)
        await pilot.pause()
        view = app.view
        if view is None or app.lost:
            raise NotFoundError(app.lost or places.unknown(options.view, app.dashboards.value))
        missing = [held for key, held in view.held.items() if held.value is None and view.can_ask(key)]
        if missing:
            raise UnavailableError(missing[0].error or f"no answer within {PATIENCE_SECONDS:g} s")
        if form == "json":
            return (dumps(_values(view), indent=1) + "\n").encode()
        if form == "text":
            return text_of(app).encode()
        picture = app.export_screenshot(title=f"inferdeck {options.view}")
        return png(picture) if form == "png" else f"{alone(picture)}\n".encode()


def _there(app: Terminal) -> bool:
    view = app.view
    if app.lost:
        return True
    if view is None or not app.status.changes or not app.dashboards.changes:
        return False
    return view.is_mounted and all(
        held.value is not None or held.failures or not view.can_ask(key) for key, held in view.held.items()
    )


def _values(view: View) -> dict[str, Any]:
    return {key: held.value[1] if isinstance(held.value, tuple) else held.value for key, held in view.held.items()}


def text_of(app: Terminal) -> str:
    """Return the screen as text, a line for each row."""
    rows = app.screen._compositor.render_strips(app.size)
    lines = ["".join(segment.text for segment in strip).rstrip() for strip in rows]
    return "".join(f"{line}\n" for line in lines)
