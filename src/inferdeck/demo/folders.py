"""Where demos keep what they need: one folder each, which goes with the demo; what a killed one left is swept up.

`inferdeck simulate serve` does the same with what it puts beside other temporary files.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from inferdeck.errors import UnavailableError

LOCK = "lock"
CONFIG = "inferdeck.yaml"
PREFIX = "demo-"


def parent(environ: Mapping[str, str]) -> Path:
    """Return the folder of all demos: $XDG_CACHE_HOME/inferdeck, or ~/.cache/inferdeck."""
    cache = environ.get("XDG_CACHE_HOME", "")
    # A relative one is to be ignored: freedesktop.org, XDG Base Directory Specification.
    return (Path(cache) if Path(cache).is_absolute() else Path.home() / ".cache") / "inferdeck"


def make(environ: Mapping[str, str]) -> tuple[Path, int]:
    """Return a new folder for its owner alone, and the file descriptor of its lock, held until it is closed.

    Raises UnavailableError where none can be made.
    """
    where = parent(environ)
    try:
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder, lock = make_in(where, PREFIX)
    except OSError as error:
        raise UnavailableError(
            f"{where}: no folder for the demo can be made there ({error.strerror}); set XDG_CACHE_HOME to another place"
        ) from error
    (folder / "fleet").mkdir(mode=0o700)
    return folder, lock


def make_in(where: Path, prefix: str) -> tuple[Path, int]:
    """Return a new folder and its lock, as `make`; raises OSError."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=where))
        lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fstat(lock).st_nlink:
            return folder, lock
        # Another one swept it up before it was locked.
        os.close(lock)


def sweep(environ: Mapping[str, str]) -> list[Path]:
    """Remove the folders of demos that run no more and return them."""
    return sweep_in(parent(environ), PREFIX)


def sweep_in(where: Path, prefix: str) -> list[Path]:
    """Remove the folders of a place that `make_in` made for a process that runs no more, and return them."""
    return [folder for folder in _left(where, prefix) if _remove(folder)]


def running(environ: Mapping[str, str]) -> list[Path]:
    """Return the folders of demos that run now."""
    return [folder for folder in _left(parent(environ), PREFIX) if _is_held(folder)]


def _is_held(folder: Path) -> bool:
    try:
        lock = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _left(where: Path, prefix: str) -> Iterator[Path]:
    """Yield the folders of ours; where several users have theirs, such as in /tmp, those of others stay out."""
    for found in sorted(where.glob(f"{prefix}*")):
        with contextlib.suppress(OSError):
            seen = found.lstat()
            if stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid():
                yield found


def _remove(folder: Path) -> bool:
    try:
        lock = os.open(folder / LOCK, os.O_RDWR)
    except FileNotFoundError:
        # Being made at this moment, or nearly gone: it is nobody's only when it stays empty.
        return False
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return not folder.exists()
