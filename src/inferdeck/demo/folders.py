"""Where demos keep what they need: one folder each, which goes with the demo; what a killed one left is swept up."""

from __future__ import annotations

import fcntl
import os
import shutil
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
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=where))
        lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise UnavailableError(
            f"{where}: no folder for the demo can be made there ({error.strerror}); set XDG_CACHE_HOME to another place"
        ) from error
    fcntl.flock(lock, fcntl.LOCK_EX)
    (folder / "fleet").mkdir(mode=0o700)
    return folder, lock


def sweep(environ: Mapping[str, str]) -> list[Path]:
    """Remove the folders of demos that run no more and return them."""
    return [folder for folder in _left(environ) if _remove(folder)]


def running(environ: Mapping[str, str]) -> list[Path]:
    """Return the folders of demos that run now."""
    return [folder for folder in _left(environ) if _is_held(folder)]


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


def _left(environ: Mapping[str, str]) -> Iterator[Path]:
    where = parent(environ)
    if where.is_dir():
        yield from (found for found in sorted(where.glob(f"{PREFIX}*")) if found.is_dir())


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
