"""Keys in the order in which they were typed: the next one is looked at when all that the last one did is done.

A terminal hands over what is pasted, or typed while the machine is busy, at once. Each key then belongs to what the
keys before it have made of the screen: the letters behind `:` to the line that it opens, what stands behind `enter` to
the view that was gone to.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from textual.app import App
from textual.events import Event, Key, Paste
from textual.message import Message
from textual.widget import Widget

from inferdeck.faces.terminal.screens.prompt import Prompt
from inferdeck.model import cells

PATIENCE_SECONDS = 1.0
"""After so long a key counts as done, whatever became of it."""
_LOOK_AGAIN_SECONDS = 0.01


class TypedApp(App[int]):
    """An application that gives each key to what it was meant for."""

    class Done(Message):
        """Went the way of a key behind it, up to the application: the key has been heard by everybody."""

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._typed: deque[Key] = deque()
        self._given_at = 0.0
        """When the last key was given."""
        self._target: Widget | None = None
        """Who has it; None where it is done."""
        self._prompt: Prompt | None = None
        """The line that is open, up to the end of what its answer does."""
        self._looking = False

    def prompt(self, prompt: Prompt, then: Callable[[str | None], object] | None = None) -> None:
        """Open a line to type into; then: called with its answer, None where it was left."""

        def answered(found: str | None) -> None:
            try:
                if then is not None:
                    then(found)
            finally:
                self._prompt = None

        self._prompt = prompt
        self.push_screen(prompt, answered)

    async def on_event(self, event: Event) -> None:
        if isinstance(event, Paste):
            # Into whichever line: nothing stands in it that a terminal would obey or turn round.
            event.text = cells.clean(event.text.strip("\r\n").partition("\n")[0])
        if not isinstance(event, Key) or event.is_forwarded:
            await super().on_event(event)
            return
        self._typed.append(event)
        await self._give()

    async def _give(self) -> None:
        while self._typed and self._listens():
            key = self._typed.popleft()
            target = self.focused or self.screen
            if self._prompt is not None:
                self._prompt.given(key)
            self._given_at, self._target = time.monotonic(), target
            await super().on_event(key)
            if not key.is_forwarded or not target.post_message(self.Done()):
                self._target = None
        if self._typed and not self._looking:
            self._looking = True
            self.set_timer(_LOOK_AGAIN_SECONDS, self._look)

    async def _look(self) -> None:
        self._looking = False
        await self._give()

    async def on_typed_app_done(self) -> None:
        self._target = None
        await self._give()

    def _listens(self) -> bool:
        """Return whether the last key is done, and there is somebody who hears the next one."""
        if time.monotonic() > self._given_at + PATIENCE_SECONDS:
            if self._prompt is not None and self._prompt not in self.screen_stack:
                # Another view took its place.
                self._prompt = None
            return True
        if self._target is not None and self._target.is_attached:
            return False
        if self._prompt is not None and (self.screen is self._prompt or self._prompt not in self.screen_stack):
            return self._prompt.listens
        return self.screen.is_mounted
