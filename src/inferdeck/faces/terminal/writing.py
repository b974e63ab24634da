"""Writes what is exported to a file of its own; never over another one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_MOST_TRIES = 1000
_MOST_LETTERS = 40


def written(form: str, text: str, about: Iterable[str], folder: Path) -> str:
    """Write the text as `inferdeck-ABOUT.FORM` and return what to tell the user: where it is, or why it is nowhere.

    about: what it is, part by part; of each the letters and digits that every file system has, at most 40.
    """
    parts = (re.sub(r"[^a-zA-Z0-9_-]+", "-", part)[:_MOST_LETTERS].strip("-") for part in ("inferdeck", *about))
    stem = "-".join(part for part in parts if part)
    for number in range(1, _MOST_TRIES):
        path = folder / f"{stem}{f'-{number}' if number > 1 else ''}.{form}"
        try:
            with path.open("x", encoding="utf-8", errors="replace") as stream:
                stream.write(text)
        except FileExistsError:
            continue
        except OSError as error:
            return f"{path} cannot be written: {error.strerror}"
        return f"written to {path.absolute()}"
    return f"{folder} is full of exports called {stem}"
