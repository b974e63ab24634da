"""The last answer of each question, kept in a file for when no daemon answers, and shown with its age."""

from __future__ import annotations

import os
import time

from inferdeck.faces.widgets.ask import Answer
from inferdeck.faces.widgets.place import bytes_of

AGAIN_SECONDS = 5.0
"""A kept answer is not written anew before: a bar that asks every second should not keep a disk awake."""
MOST_FILES = 300
"""Sizes and hosts change; the oldest answers go first."""
_MARK = b"inferdeck widget 1\n"


def keep(folder: str, question: str, answer: Answer) -> None:
    """Keep an answer unless the one that is kept is of this moment; what cannot be kept is not."""
    if not folder:
        return
    path = _path(folder, question)
    try:
        try:
            if 0 <= time.time() - os.stat(path).st_mtime < AGAIN_SECONDS:  # noqa: PTH116
                return
        except FileNotFoundError:
            _make_room(folder)
        taken = int(time.time()) - answer.age
        head = f"{question}\n{taken} {answer.state}\n".encode("utf-8", "surrogateescape")
        _write(path, _MARK + head + answer.body)
    except OSError:
        return


def kept(folder: str, question: str, most_seconds: int) -> tuple[Answer, int] | None:
    """Return the kept answer and its age in seconds; None where there is none, or one older than allowed."""
    if not folder:
        return None
    text = bytes_of(_path(folder, question))
    asked, found, rest = text.removeprefix(_MARK).partition(b"\n")
    times, ended, body = rest.partition(b"\n")
    taken, _, state = times.partition(b" ")
    whole = text.startswith(_MARK) and found and ended and taken.isdigit() and len(taken) < 12
    if not whole or asked != question.encode("utf-8", "surrogateescape"):
        return None
    # A clock that was set back makes an age of less than nothing, which is not known then.
    age = int(time.time()) - int(taken)
    if not 0 <= age <= most_seconds:
        return None
    return Answer(200, state.decode("latin-1"), age, body), age


def _path(folder: str, question: str) -> str:
    """Return the file of a question; two with the same number (FNV-1a, 64 bits) are told apart by what is in it."""
    number = 0xCBF29CE484222325
    for byte in question.encode("utf-8", "surrogateescape"):
        number = (number ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{folder}/{number:016x}"


def _make_room(folder: str) -> None:
    os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
    names = os.listdir(folder)  # noqa: PTH208
    if len(names) >= MOST_FILES:
        aged = sorted((os.stat(f"{folder}/{name}").st_mtime, name) for name in names)  # noqa: PTH116
        for _, name in aged[: len(names) // 2]:
            os.unlink(f"{folder}/{name}")  # noqa: PTH108


def _write(path: str, content: bytes) -> None:
    draft = f"{path}.{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(draft, flags, 0o600)
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)
    os.replace(draft, path)  # noqa: PTH105
