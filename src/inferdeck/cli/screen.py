"""Redraws lines in place on the terminal's alternate screen, and gives the terminal back as it was."""

from __future__ import annotations

import os
import select
import signal
import sys
from types import FrameType, TracebackType
from typing import Any, Self, TextIO

# Lines longer than the window are clipped instead of wrapped, so that a row stays a row.
_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
_LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
_HOME = "\x1b[H"
_CLEAR_LINE = "\x1b[K"
_CLEAR_BELOW = "\x1b[J"
# Terminals that know synchronised output show the whole frame at once; the others ignore it.
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"


class Screen:
    """One full-screen view; leaving the block restores the terminal, also after an error, Ctrl-C or SIGTERM."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._before: Any = None
        self._terminal: list[Any] | None = None

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGTERM, _interrupt)
        self._terminal = _quiet_input()
        self._stream.write(_ENTER)
        self._stream.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.write(_LEAVE)
        self._stream.flush()
        _restore_input(self._terminal)
        signal.signal(signal.SIGTERM, self._before)

    def draw(self, lines: list[str]) -> None:
        """Draw the lines; what does not fit is announced on the last one."""
        height = max(3, _height(self._stream))
        shown = lines
        if len(lines) > height:
            shown = [*lines[: height - 1], f"… {len(lines) - height + 1} more lines; make the window taller"]
        body = f"{_CLEAR_LINE}\r\n".join(shown)
        self._stream.write(f"{_BEGIN}{_HOME}{body}{_CLEAR_LINE}{_CLEAR_BELOW}{_END}")
        self._stream.flush()

    def wait(self, seconds: float) -> None:
        """Return after this time or a key; q ends the view as Ctrl-C does."""
        if self._terminal is None:
            select.select([], [], [], seconds)
            return
        ready, _, _ = select.select([sys.stdin], [], [], seconds)
        if ready and os.read(sys.stdin.fileno(), 64)[:1] in (b"q", b"Q", b""):
            raise KeyboardInterrupt


def _height(stream: TextIO) -> int:
    try:
        # A terminal that was never told its size says 0.
        return os.get_terminal_size(stream.fileno()).lines or 24
    except OSError:
        return 24


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _quiet_input() -> list[Any] | None:
    """Stop the terminal from echoing keys into the picture; None where standard input is no terminal."""
    if not sys.stdin.isatty():
        return None
    import termios

    before = termios.tcgetattr(sys.stdin)
    quiet = termios.tcgetattr(sys.stdin)
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(sys.stdin, termios.TCSANOW, quiet)
    return before


def _restore_input(before: list[Any] | None) -> None:
    if before is not None:
        import termios

        termios.tcsetattr(sys.stdin, termios.TCSAFLUSH, before)
