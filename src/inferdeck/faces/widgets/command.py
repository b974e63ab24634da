"""`inferdeck widget NAME`: the daemon's answer, a kept one, what can be seen without it, or why there is nothing."""

from __future__ import annotations

import os
import time

from inferdeck.faces.widgets import ask, kept, place, room
from inferdeck.faces.widgets.wish import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inferdeck.faces.widgets.wish import Wish

KEPT_SECONDS = 300
"""How old a kept answer may be where --max-age says nothing; for people's eyes alone."""
_SHARE, _HEALTH_SHARE = 0.9, 0.6
"""How much of the time the daemon has; the rest is for what can be found out without it: most for health."""
_LEAST_SECONDS = 0.05
"""What the daemon has even where the machine is so busy that all the time is gone before we begin."""
OUTPUT = 1


def run_words(words: list[str]) -> int | None:
    """Run the command for the words after `widget`; None where argparse has to read them."""
    wish = read(words)
    return None if wish is None else run(wish)


def run(wish: Wish) -> int:
    """Print one widget; 0, or with --check 0, 1, 2, 3.

    Ends when `timeout` milliseconds have passed since the process began, whatever hangs.
    """
    now = time.monotonic()
    began = now - min(_seconds_to_here(), wish.timeout / 1000)
    end = max(began + wish.timeout / 1000, now + _LEAST_SECONDS)
    room.fill(wish, os.environ)
    where = place.find(wish, os.environ)
    wanted = ask.target(wish)
    folder = place.cache_folder(os.environ)
    # Not the socket: what said where that is goes with the daemon.
    question = f"{where.data_dir or where.socket_path or where.url} {wanted}"
    try:
        share = _HEALTH_SHARE if wish.name == "health" else _SHARE
        answer = ask.ask(where, wanted, now + (end - now) * share)
    except ask.Silent as silent:
        return _without(wish, where, str(silent), end, folder, question)
    if answer.status == 200:
        write(answer.body)
        kept.keep(folder, question, answer)
        return ask.STATES[answer.state] if wish.check else 0
    if answer.status < 500:
        return _refused(wish, answer)
    return _without(wish, where, "the daemon reports an error: run inferdeck doctor", end, folder, question)


def write(body: bytes) -> None:
    """Write all of it to standard output, which may be closed or have no reader any more."""
    view = memoryview(body)
    try:
        while view:
            view = view[os.write(OUTPUT, view) :]
    except OSError:
        return


def _without(wish: Wish, where: place.Place, reason: str, end: float, folder: str, question: str) -> int:
    """Show what is known without the daemon; its state is unknown but where we have looked ourselves."""
    from inferdeck.faces.widgets import plain

    picture = wish.host in plain.PICTURES and not wish.field
    most = wish.max_age if wish.max_age is not None else KEPT_SECONDS if picture else -1
    found = kept.kept(folder, question, most)
    late = reason == ask.LATE
    if picture and wish.name == "health" and not wish.environment and not (late and found):
        from inferdeck.faces.widgets import alone

        if wanted := alone.probes(where.data_dir):
            alone.look(wanted, end - 0.02)
            lines, state = alone.table(wanted, "daemon slow" if late else "no daemon")
            write(plain.said(wish, lines, state))
            return ask.STATES[state] if wish.check else 0
    if found is not None:
        answer, age = found
        write(plain.marked(wish, answer.body, age) if picture else answer.body)
        return 3 if wish.check else 0
    _say(wish, reason)
    return 3 if wish.check else 0


def _refused(wish: Wish, answer: ask.Answer) -> int:
    """Show why the daemon does not answer this question, such as a field that the widget does not have."""
    import json

    try:
        message = str(json.loads(answer.body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = f"the daemon answers with HTTP {answer.status}"
    _say(wish, message)
    return 3 if wish.check else 0


def _say(wish: Wish, reason: str) -> None:
    from inferdeck.faces.widgets import plain

    if not wish.field:
        write(plain.said(wish, [reason]))
    elif os.isatty(2):
        # A script that wants a figure gets none rather than words; who looks on may know why.
        os.write(2, f"{plain.safe(reason)}\n".encode())


def _seconds_to_here() -> float:
    """Return how long this process has run by the clock (proc(5): starttime, in ticks since boot), 0 where not told."""
    try:
        # The name in brackets may hold anything.
        ticks = place.bytes_of("/proc/self/stat").rpartition(b")")[2].split()[19]
        began = int(ticks) / os.sysconf("SC_CLK_TCK")
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - began)
    except (AttributeError, IndexError, OSError, ValueError):
        return 0.0
