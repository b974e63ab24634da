"""`inferdeck top`: the stack on a whole terminal, or with `--once` a view as text or as a picture."""

from __future__ import annotations

import argparse
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inferdeck.cli import daemons, signs, themes
from inferdeck.cli.whole_screen import check_terminal, settle, size_of
from inferdeck.config import places
from inferdeck.errors import DaemonDownError, UnavailableError, UsageError
from inferdeck.model.quantities import parse_duration

if TYPE_CHECKING:
    from inferdeck.client.tiny import Client
    from inferdeck.faces.terminal.app import Options

ONCE_SIZE = (120, 36)
START_SECONDS = 60.0
ANSWER_SECONDS = 30.0
PATIENCE_SECONDS = 2.0
"""For the first answer of a daemon that was named."""
LATEST = 253_370_764_800.0
"""The year 9999, in Unix seconds."""
SETTINGS = "INFERDECK_TERMINAL__"
"""What the variables begin with that stand for keys of the section."""
PICTURES = ("svg", "png", "json")
"""Formats that no terminal draws."""
_ONCE_ONLY = ("size", "format", "at")


def top(options: argparse.Namespace) -> int:
    """Run the application, or print a view; raises UsageError, ConfigError, UnavailableError."""
    size = size_of(options.size)
    if not options.once:
        for name in _ONCE_ONLY:
            if getattr(options, name):
                raise UsageError(f"--{name} goes with --once")
        check_terminal("the terminal view", "inferdeck top --once")
    settle()
    chosen = _chosen(options)
    if options.once:
        from inferdeck.faces.terminal import once

        # Who prints a view once wants no daemon that goes on afterwards.
        if _running(options) is None:
            daemons.client(options)
        data = once.drawn(lambda: _running(options), chosen, size or ONCE_SIZE, options.format or "text")
        sys.stdout.buffer.write(data)
        return 0
    from inferdeck.faces.terminal.app import Terminal, run

    # Made before a daemon is started: it knows what is wrong with keys and themes.
    app = Terminal(lambda: _patient(options), chosen)
    app.said = _reach(options)
    return run(app)


def _running(options: argparse.Namespace) -> Client | None:
    return daemons.noted(options) or daemons.running(options)


def _patient(options: argparse.Namespace) -> Client | None:
    """Return the daemon that is meant, waited for longer than a command does: nothing else waits meanwhile."""
    found = _running(options)
    return found if found is None else replace(found, timeout_seconds=ANSWER_SECONDS)


def _chosen(options: argparse.Namespace) -> Options:
    """Return what the file says, and what the command line says instead."""
    from inferdeck.faces.terminal.app import Options
    from inferdeck.faces.terminal.drawing.glyphs import SETS, Look
    from inferdeck.faces.terminal.span import DAY

    file = places.find(Path(options.config) if options.config else None, os.environ)
    from_file: dict[str, Any] = {}
    # Reading all of it takes longer than all else, and is not done where nothing is set.
    if (file is not None and _may_set(file)) or any(name.startswith(SETTINGS) for name in os.environ):
        from inferdeck.cli.settings import load

        from_file = load(options).terminal.model_dump()
    folder = from_file.get("themes") or (file or places.file_to_make(os.environ)).absolute().parent / "themes"
    interval = _seconds("interval", options.interval) or from_file.get("interval") or 5.0
    if not 2.0 <= interval <= 60.0:
        raise UsageError(f"--interval {options.interval}: from 2 s to 60 s")
    glyphs = options.glyphs or from_file.get("glyphs") or "auto"
    if glyphs == "auto":
        # A picture may be looked at anywhere.
        glyphs = "braille" if options.format in PICTURES else signs.name()
    history = from_file.get("history") or 30 * DAY
    return Options(
        interval_seconds=interval,
        range_seconds=_seconds("range", options.range) or min(from_file.get("range") or 3600.0, history),
        history_seconds=history,
        view=options.screen or from_file.get("view") or "overview",
        theme=options.theme or from_file.get("theme") or "",
        own_themes=themes.read(folder),
        look=Look(SETS[glyphs], colour=not os.environ.get("NO_COLOR")),
        keys=dict(from_file.get("keys") or {}),
        readonly=bool(options.readonly or from_file.get("readonly")),
        environment=options.environment or "",
        until=_moment(options.at) if options.at else None,
    )


def _may_set(file: Path) -> bool:
    """Return whether a configuration file may have the section; True also where it cannot be read."""
    try:
        data = file.read_bytes()
    except OSError:
        return True
    # A backslash may spell any letter of a key, and so may two bytes.
    return any(part in data for part in (b"terminal", b"\\", b"\0"))


def _seconds(name: str, text: str) -> float:
    if not text:
        return 0.0
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--{name} {text[:20]}: {error}") from error


def _moment(text: str) -> float:
    from datetime import datetime

    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = datetime.fromisoformat(text).astimezone().timestamp()
        except (ValueError, OverflowError):
            seconds = math.nan
    if not 0 <= seconds < LATEST:
        raise UsageError(f"--at {text[:40]}: write Unix seconds or a moment such as 2026-11-21T14:00")
    if seconds > time.time():
        raise UsageError(f"--at {text[:40]}: that moment is still to come")
    return seconds


def _reach(options: argparse.Namespace) -> str:
    """See that a daemon answers: start one where none is named and none runs; returns what is to be told of it.

    Raises UnavailableError where it does not start, and where one is named what will not pass by itself: UsageError for
    an address that is none, ForbiddenError for a token, UnavailableError for another program or another version.
    """
    try:
        found = _running(options)
        if found is None:
            return _started(options)
        if options.url or os.environ.get("INFERDECK_URL"):
            replace(found, timeout_seconds=PATIENCE_SECONDS).status()
    except UnavailableError as error:
        # One that is down may come, and one that is slow is waited for.
        if not isinstance(error, DaemonDownError) and not isinstance(error.__cause__, TimeoutError):
            raise
    return ""


def _ended(code: int, said: Path) -> str:
    """Return why a daemon ended while it was starting: what it said last, or what ended it."""
    words = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    if code < 0:
        names = {int(one): one.name for one in signal.Signals}
        last = f", and had said: {words[-1]}" if words else ""
        return f"{names.get(-code, f'signal {-code}')} ended it{last}; to see more, run: inferdeck up"
    return words[-1] if words else f"it ended with {code} and said nothing; to see more, run: inferdeck up"


def _started(options: argparse.Namespace) -> str:
    """Start a daemon; returns what is to be told of it; raises UnavailableError where it does not start."""
    command = [sys.executable, "-m", "inferdeck", "up"]
    command += ["--config", options.config] if options.config else []
    command += ["--data-dir", options.data_dir] if options.data_dir else []
    folder = daemons.data_directory(options)
    said = folder / "up.log"
    print("no daemon runs; starting one: inferdeck up", file=sys.stderr)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with said.open("wb") as stream:
            process = subprocess.Popen(  # noqa: S603 - our own program
                command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
            )
    except OSError as error:
        raise UsageError(f"{error.filename}: {(error.strerror or '').lower()}; name another --data-dir") from error
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if _running(options) is not None:
            told = f"it goes on after this view ends; to stop it: kill {process.pid}"
            print(told, file=sys.stderr)
            return f"a daemon was started; {told}"
        if process.poll() is not None:
            raise UnavailableError(f"the daemon did not start: {_ended(process.returncode, said)}")
        time.sleep(0.1)
    raise UnavailableError(f"the daemon did not answer within {START_SECONDS:g} s; what it said is in {said}")
