"""Changes to a user's files: worked out first, shown as a difference, made only then, and taken back the same way."""

from __future__ import annotations

import difflib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from inferdeck.errors import UsageError
from inferdeck.faces.hosts.wanted import MARK, File, Hook

BEGIN, END = ">>> inferdeck >>>", "<<< inferdeck <<<"
LARGEST_BYTES = 4 << 20
_FIRST_LINES = 5


@dataclass(frozen=True, slots=True)
class Change:
    """One file as it is and as it is to be; None: it is not there. mode: of a new file."""

    path: Path
    before: str | None
    after: str | None
    mode: int = 0o644

    @property
    def foreign(self) -> bool:
        """It would take the place of something that is not ours."""
        return self.before is not None and self.after is not None and not is_ours(self.before)

    def shown(self) -> Iterator[str]:
        """Yield the difference as lines, in the form of diff -u."""
        before = [] if self.before is None else self.before.splitlines(keepends=True)
        after = [] if self.after is None else self.after.splitlines(keepends=True)
        names = ("/dev/null" if self.before is None else self.path, "/dev/null" if self.after is None else self.path)
        for line in difflib.unified_diff(before, after, str(names[0]), str(names[1])):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def is_ours(text: str) -> bool:
    """Return whether a file says that it was written by us."""
    return any(MARK in line for line in text.splitlines()[:_FIRST_LINES]) or '"custom/inferdeck-' in text[:200]


def of_files(folder: Path, files: tuple[File, ...]) -> list[Change]:
    """Return the changes that put files in place; raises UsageError where one cannot be read."""
    found = []
    for file in files:
        path = folder / file.path
        before = read(path)
        mode = 0o755 if file.program else 0o644
        if before != file.text or (file.program and not os.access(path, os.X_OK)):
            found.append(Change(path, before, file.text, mode))
    return found


def of_hook(hook: Hook) -> list[Change]:
    """Return the change that adds our lines at a file's end, or renews them where they stand."""
    before = read(hook.path)
    block = [f"{hook.comment} {BEGIN}", *hook.lines, f"{hook.comment} {END}"]
    after = _with_block(before or "", "".join(f"{line}\n" for line in block), hook)
    return [Change(hook.path, before, after)] if after != before else []


def without_files(folder: Path, files: tuple[File, ...]) -> list[Change]:
    """Return the changes that take files away, those alone that are ours."""
    found = []
    for file in files:
        before = read(folder / file.path)
        if before is not None and is_ours(before):
            found.append(Change(folder / file.path, before, None))
    return found


def without_hook(hook: Hook) -> list[Change]:
    """Return the change that takes our lines away, and nothing else."""
    before = read(hook.path)
    after = _with_block(before or "", "", hook, only_where_there=True)
    return [Change(hook.path, before, after)] if before is not None and after != before else []


def make(change: Change, now: float) -> Path | None:
    """Make one change in one step and return the copy of what was there, None where that was ours or nothing.

    Raises UsageError.
    """
    # Through a link, since configuration often lives in a repository; then its directory is the one to write in.
    path = change.path.resolve()
    try:
        if read(path) != change.before:
            raise UsageError(f"{change.path}: was changed meanwhile; nothing of it was written, try again")
        # Of our own files none is kept: a host that runs whatever is in its folder would run that as well.
        kept = _keep(path, now) if change.before is not None and not is_ours(change.before) else None
        if change.after is None:
            path.unlink()
            return kept
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(path.stat().st_mode) | (change.mode & 0o111) if path.exists() else change.mode
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_text(change.after, encoding="utf-8")
        draft.chmod(mode)
        draft.replace(path)
    except OSError as error:
        raise UsageError(f"{change.path}: cannot be written: {error.strerror}") from error
    return kept


def read(path: Path) -> str | None:
    """Return what a file holds, None where there is none; raises UsageError where it is not a small text file."""
    try:
        if not path.exists():
            return None
        if not path.is_file() or path.stat().st_size > LARGEST_BYTES:
            raise UsageError(f"{path}: is not a file that can be changed; choose another place with --out")
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 text, so nothing is changed in it") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error


def _keep(path: Path, now: float) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%S", time.localtime(now))
    kept = path.with_name(f"{path.name}.before-inferdeck-{stamp}")
    number = 1
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}.before-inferdeck-{stamp}-{number}")
    kept.write_bytes(path.read_bytes())
    kept.chmod(stat.S_IMODE(path.stat().st_mode))
    return kept


def _with_block(text: str, block: str, hook: Hook, *, only_where_there: bool = False) -> str:
    lines = text.splitlines(keepends=True)
    begins = [number for number, line in enumerate(lines) if line.strip() == f"{hook.comment} {BEGIN}"]
    ends = [number for number, line in enumerate(lines) if line.strip() == f"{hook.comment} {END}"]
    if not begins and not ends:
        gap = "\n" if text and not text.endswith("\n") else ""
        return text if only_where_there else f"{text}{gap}{block}"
    if len(begins) != 1 or len(ends) != 1 or begins[0] > ends[0]:
        raise UsageError(f"{hook.path}: our lines there are not whole; take out what is left between {BEGIN} and {END}")
    return "".join(lines[: begins[0]]) + block + "".join(lines[ends[0] + 1 :])
