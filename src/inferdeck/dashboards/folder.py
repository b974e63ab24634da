"""All dashboards of a daemon: those that inferdeck brings along and the user's files, read again when they change."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from inferdeck.config import places
from inferdeck.config.document import LARGEST_FILE_BYTES
from inferdeck.config.schema import Settings
from inferdeck.dashboards import loader
from inferdeck.errors import ConfigError, NotFoundError
from inferdeck.model.dashboard import Dashboard

MOST_FILES = 500
LOOK_SECONDS = 1.0
"""How long a look at the folder holds."""
SHIPPED = "shipped"
_Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Kept:
    """One dashboard; revision: changes whenever the definition does."""

    dashboard: Dashboard
    origin: str
    revision: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """All dashboards by uid, and what is wrong with users' files."""

    dashboards: dict[str, Kept]
    problems: tuple[str, ...] = ()

    def get(self, uid: str) -> Kept:
        """Return one dashboard; raises NotFoundError that lists them all."""
        found = self.dashboards.get(uid)
        if found is None:
            raise NotFoundError(f"no dashboard {uid[:60]!r}; there are {', '.join(self.dashboards)}")
        return found


@dataclass(slots=True)
class _File:
    stamp: _Stamp
    kept: Kept | None
    """The last version that could be read."""
    problem: str


class Folder:
    """Safe from any thread; blocking, since it looks at files. A user's dashboard replaces a shipped one of its uid."""

    def __init__(self, path: Path | None, monotonic: Callable[[], float]) -> None:
        self.path = path
        self._monotonic = monotonic
        self._files: dict[Path, _File] = {}
        self._lock = threading.Lock()
        self._shelf: Shelf | None = None
        self._looked = 0.0

    def shelf(self) -> Shelf:
        """Return all dashboards as the files have them now (or had them a second ago)."""
        with self._lock:
            now = self._monotonic()
            if self._shelf is None or now - self._looked >= LOOK_SECONDS:
                changed, trouble = self._look()
                if changed or self._shelf is None or trouble:
                    self._shelf = self._arranged(trouble)
                self._looked = now
            return self._shelf

    def recent(self) -> Shelf | None:
        """Return what `shelf` would where that needs no look at files."""
        shelf = self._shelf
        return shelf if shelf is not None and self._monotonic() - self._looked < LOOK_SECONDS else None

    def _look(self) -> tuple[bool, str]:
        if self.path is None:
            return False, ""
        try:
            paths = sorted(one for one in self.path.iterdir() if one.suffix in loader.SUFFIXES and one.is_file())
        except FileNotFoundError:
            paths = []
        except OSError as error:
            return bool(self._files), f"{self.path}: cannot be read: {(error.strerror or '').lower()}"
        trouble = f"{self.path}: only the first {MOST_FILES} files are read" if len(paths) > MOST_FILES else ""
        paths = paths[:MOST_FILES]
        changed = False
        for path in set(self._files) - set(paths):
            del self._files[path]
            changed = True
        for path in paths:
            changed = self._read(path) or changed
        return changed, trouble

    def _read(self, path: Path) -> bool:
        """Read a file that is new or has changed; return whether it was."""
        before, stamp = self._files.get(path), (0, 0, 0)
        kept: Kept | None = None
        problem = ""
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if before is not None and before.stamp == stamp:
                return False
            body = _bytes(path)
            kept = Kept(loader.parse(body, path.name).dashboard, str(path), revision(body))
        except OSError as error:
            stamp, problem = (0, 0, 0), f"{path.name}: cannot be read: {(error.strerror or '').lower()}"
            if before is not None and before.problem == problem:
                return False
        except ConfigError as error:
            problem = str(error)
        # A file that is broken while somebody works at it goes on being shown as it was.
        self._files[path] = _File(stamp, kept or (before.kept if before else None), problem)
        return True

    def _arranged(self, trouble: str) -> Shelf:
        found = {one.dashboard.uid: Kept(one.dashboard, SHIPPED, _shipped_revision(one)) for one in loader.shipped()}
        problems = [trouble] if trouble else []
        owners: dict[str, Path] = {}
        for path, file in sorted(self._files.items()):
            problems += file.problem.splitlines()
            if file.kept is None:
                continue
            uid = file.kept.dashboard.uid
            if uid in owners:
                problems.append(f'{path.name}: uid: "{uid}" is the uid of {owners[uid].name} already')
                continue
            owners[uid] = path
            found[uid] = file.kept
        return Shelf(found, tuple(problems))


def user_folder(settings: Settings, environ: Mapping[str, str] = os.environ) -> Path:
    """Return where users' dashboards are looked for."""
    if settings.dashboards.folder is not None:
        return settings.dashboards.folder
    file = settings.file if settings.file is not None else places.file_to_make(environ)
    return file.absolute().parent / "dashboards"


def revision(body: bytes) -> str:
    """Return what changes whenever the content does."""
    return hashlib.blake2b(body, digest_size=6).hexdigest()


def _bytes(path: Path) -> bytes:
    with path.open("rb") as stream:
        body = stream.read(LARGEST_FILE_BYTES + 1)
    if len(body) > LARGEST_FILE_BYTES:
        raise ConfigError(f"{path.name}: is larger than {LARGEST_FILE_BYTES >> 20} MiB")
    return body


def _shipped_revision(one: loader.Loaded) -> str:
    return revision(one.path.read_bytes())
