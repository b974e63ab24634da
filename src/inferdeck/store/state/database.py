"""The state file: events once each, annotations, revisions of configuration files with masked content."""

from __future__ import annotations

import json
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

from inferdeck.errors import LimitError, NotFoundError, StoreError, StoreFullError
from inferdeck.model.annotations import ANNOTATION, MOST_ANNOTATIONS, Annotation, Asked, Draft, Event
from inferdeck.model.clock import Clock
from inferdeck.model.config_files import FileRevision
from inferdeck.model.happening import Happening
from inferdeck.model.page import Page
from inferdeck.store.metrics.connection import cannot_write, connect, is_damage, prepare, transaction
from inferdeck.store.metrics.filesystem import require_local, system_mounts
from inferdeck.store.state.schema import MIGRATIONS, SCHEMA, VERSION

FILE = "state.db"
MOST_EVENTS = 50_000
MOST_REVISIONS = 50
"""Of one file."""
MOST_FILES = 500
LARGEST_CONTENT = 256 * 1024
_TIMELINE = f"""(
    SELECT id, time, time AS ended, kind, subject, text, source, environment, noted, facts, NULL AS until FROM event
    UNION ALL
    SELECT id, time, coalesce(until, time), kind, '', text, '{ANNOTATION}', environment, created, tags, until
    FROM annotation
)"""  # noqa: S608 - a name of ours
"""Events, and annotations as events: their tags stand where an event's facts do."""
_PRUNE_EVERY = 500
"""Events between two looks at what is too much."""

T = TypeVar("T")
EventField = Literal["kind", "source", "environment"]


class StateDatabase:
    """All methods block for milliseconds and may be called from any thread; what they return is on disk.

    Raises StoreFullError (nothing was written, reading goes on), StoreError.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, clock: Clock, keep_seconds: float | None) -> None:
        self._path = path
        self._connection = connection
        self._clock = clock
        self._keep_seconds = keep_seconds
        self._lock = threading.Lock()
        self._until_prune = 0
        self._closed = False
        self.changes = 0
        """Grows with every write, so that who has read can tell whether to read again."""

    @classmethod
    def open(cls, path: Path, *, clock: Clock, keep_seconds: float | None = None) -> StateDatabase:
        """Open or create the file; a broken one is put aside. keep_seconds: age at which events go.

        Raises UnsupportedFilesystemError, StoreVersionError, StoreFullError, StoreError.
        """
        require_local(path.parent, system_mounts())
        with _explained(path):
            try:
                connection = _opened(path)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                _put_aside(path)
                connection = _opened(path)
        return cls(path, connection, clock, keep_seconds)

    def close(self) -> None:
        """Close the file; idempotent."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._connection.close()

    # Events

    def note(self, happenings: Sequence[tuple[Happening, str]]) -> int:
        """Keep happenings, each with its environment; returns how many were new.

        One of the same millisecond, kind, subject and source is the same.
        """
        now = self._clock.now()
        rows = [
            (
                *(one.time, round(one.time * 1000), one.kind, one.subject, one.source, environment, one.text),
                *(json.dumps(dict(one.facts), ensure_ascii=False), now),
            )
            for one, environment in happenings
        ]

        def work(connection: sqlite3.Connection) -> int:
            before = connection.total_changes
            connection.executemany(
                "INSERT OR IGNORE INTO event (time, stamp, kind, subject, source, environment, text, facts, noted) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            added = connection.total_changes - before
            self._until_prune -= added
            if self._until_prune < 0:
                self._until_prune = _PRUNE_EVERY
                self._prune(connection, now)
            return added

        return self._write(work)

    def prune(self) -> None:
        """Let events go that are too old or too many; `note` does so too, after every so many new ones."""
        self._write(lambda connection: self._prune(connection, self._clock.now()))

    def events(self, asked: Asked) -> Page[Event]:
        """Return the page, newest first."""
        where, values = _conditions(asked, ("kind", "subject", "source", "environment"))
        shown = ("kind", "subject", "text", "source", "environment", "facts")
        return self._page("event", _event, asked, where, values, shown)

    def timeline(self, asked: Asked) -> Page[Event]:
        """Return the page of events and of annotations as events, newest first; their source is ANNOTATION."""
        where, values = _conditions(asked, ("kind", "subject", "source", "environment"), end="ended")
        shown = ("kind", "subject", "text", "source", "environment", "facts")
        return self._page(_TIMELINE, _moment, asked, where, values, shown)

    def timeline_values(self, name: EventField) -> list[str]:
        """Return every value that something of the timeline has there, in order."""
        statement = f"SELECT DISTINCT {name} FROM {_TIMELINE} WHERE {name} <> '' ORDER BY 1"  # noqa: S608 - one of our names
        return self._read(lambda connection: [value for (value,) in connection.execute(statement)])

    # Annotations

    def annotate(self, draft: Draft) -> Annotation:
        """Keep an annotation; raises LimitError where there are MOST_ANNOTATIONS."""
        created = self._clock.now()

        def work(connection: sqlite3.Connection) -> int:
            count = connection.execute("SELECT count(*) FROM annotation").fetchone()[0]
            if count >= MOST_ANNOTATIONS:
                raise LimitError(
                    f"{MOST_ANNOTATIONS} annotations are kept; delete some: inferdeck annotations delete ID"
                )
            tags = json.dumps(list(draft.tags), ensure_ascii=False)
            row = (draft.time, draft.until, draft.kind, draft.environment, draft.text, tags, created)
            cursor = connection.execute(
                "INSERT INTO annotation (time, until, kind, environment, text, tags, created) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            return int(cursor.lastrowid or 0)

        number = self._write(work)
        return Annotation(
            number, draft.time, draft.until, draft.kind, draft.text, draft.tags, draft.environment, created
        )

    def annotations(self, asked: Asked) -> Page[Annotation]:
        """Return the page, newest first; one that lasts belongs to every moment from its time to its end."""
        where, values = _conditions(asked, ("kind", "environment"), end="coalesce(until, time)")
        if asked.tag:
            where.append("EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)")
            values.append(asked.tag)
        return self._page("annotation", _annotation, asked, where, values, ("kind", "text", "tags", "environment"))

    def delete_annotation(self, number: int) -> None:
        """Delete one; raises NotFoundError."""

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute("DELETE FROM annotation WHERE id = ?", (number,)).rowcount

        if not self._write(work):
            raise NotFoundError(f"there is no annotation {number}; `inferdeck annotations list` shows all")

    # Revisions of files

    def keep_revision(self, path: str, revision: FileRevision, content: str) -> bool:
        """Keep what a file holds now, its content masked; returns whether it differs from the last one."""
        packed = zlib.compress(content[:LARGEST_CONTENT].encode("utf-8", "replace"))

        def work(connection: sqlite3.Connection) -> bool:
            last = connection.execute("SELECT hash FROM revision WHERE path = ? ORDER BY id DESC LIMIT 1", (path,))
            row = last.fetchone()
            if row is not None and row[0] == revision.hash:
                return False
            values = (path, revision.hash, revision.size, revision.modified, revision.seen, packed)
            connection.execute(
                "INSERT INTO revision (path, hash, size, modified, seen, content) VALUES (?, ?, ?, ?, ?, ?)", values
            )
            connection.execute(
                "DELETE FROM revision WHERE path = ? AND id NOT IN "
                "(SELECT id FROM revision WHERE path = ? ORDER BY id DESC LIMIT ?)",
                (path, path, MOST_REVISIONS),
            )
            connection.execute(
                "DELETE FROM revision WHERE path NOT IN "
                "(SELECT path FROM revision GROUP BY path ORDER BY max(id) DESC LIMIT ?)",
                (MOST_FILES,),
            )
            return True

        return self._write(work)

    def revisions(self, path: str) -> tuple[FileRevision, ...]:
        """Return what a file held, newest first."""
        statement = "SELECT hash, size, modified, seen FROM revision WHERE path = ? ORDER BY id DESC"
        rows = self._read(lambda connection: connection.execute(statement, (path,)).fetchall())
        return tuple(FileRevision(*row) for row in rows)

    def contents(self, path: str, most: int = 2) -> tuple[str, ...]:
        """Return the newest masked contents of a file, newest first."""
        statement = "SELECT content FROM revision WHERE path = ? ORDER BY id DESC LIMIT ?"
        rows = self._read(lambda connection: connection.execute(statement, (path, most)).fetchall())
        return tuple(zlib.decompress(content).decode("utf-8", "replace") for (content,) in rows)

    # Inside

    def _prune(self, connection: sqlite3.Connection, now: float) -> None:
        connection.execute(
            "DELETE FROM event WHERE id IN (SELECT id FROM event ORDER BY time DESC, id DESC LIMIT -1 OFFSET ?)",
            (MOST_EVENTS,),
        )
        if self._keep_seconds is not None:
            connection.execute("DELETE FROM event WHERE time < ?", (now - self._keep_seconds,))

    def _page(
        self,
        table: str,
        made: Callable[[sqlite3.Row], T],
        asked: Asked,
        where: list[str],
        values: list[object],
        shown: Sequence[str],
    ) -> Page[T]:
        if asked.q:
            condition, value = _search(asked.q)
            where.append(f"({' OR '.join(condition.format(name) for name in shown)})")
            values += [value] * len(shown)
        condition = f" WHERE {' AND '.join(where)}" if where else ""

        def work(connection: sqlite3.Connection) -> Page[T]:
            # The names of tables and columns are ours; values are bound.
            total = connection.execute(f"SELECT count(*) FROM {table}{condition}", values).fetchone()[0]  # noqa: S608
            if asked.offset >= total:
                return Page((), total, asked.offset, asked.limit)
            rows = connection.execute(
                f"SELECT * FROM {table}{condition} ORDER BY time DESC, id DESC LIMIT ? OFFSET ?",  # noqa: S608
                (*values, asked.limit, asked.offset),
            ).fetchall()
            return Page(tuple(made(row) for row in rows), total, asked.offset, asked.limit)

        return self._read(work)

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock, _explained(self._path):
            self._refuse_closed()
            return work(self._connection)

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock, _explained(self._path):
            self._refuse_closed()
            with transaction(self._connection) as connection:
                found = work(connection)
            self.changes += 1
            return found

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StoreError(f"{self._path}: closed, since the daemon stops")


def _opened(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600, exist_ok=True)
    connection = connect(path, "full")
    try:
        # This file is small, and nobody ticks it.
        connection.execute("PRAGMA wal_autocheckpoint=200")
        connection.row_factory = sqlite3.Row
        connection.create_function("folded", 1, str.casefold, deterministic=True)
        prepare(connection, path, SCHEMA, version=VERSION, migrations=MIGRATIONS)
        connection.execute("SELECT count(*) FROM event, annotation, revision WHERE 0").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _put_aside(path: Path) -> None:
    """Move a broken file away under the next free name, so that nothing is lost for ever."""
    number = 1
    while (aside := path.with_name(f"{path.stem}-broken-{number}{path.suffix}")).exists():
        number += 1
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if cannot_write(error):
            raise StoreFullError(f"{path}: cannot be written, is the disk full? ({error})") from error
        raise StoreError(f"{path}: {error}") from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error


def _conditions(asked: Asked, exact: Sequence[str], end: str = "time") -> tuple[list[str], list[object]]:
    where: list[str] = []
    values: list[object] = []
    for name in exact:
        if wanted := getattr(asked, name):
            where.append(f"{name} = ?")
            values.append(wanted)
    for bound, condition in ((asked.since, f"{end} >= ?"), (asked.until, "time <= ?")):
        if bound is not None:
            where.append(condition)
            values.append(bound)
    return where, values


def _search(text: str) -> tuple[str, str]:
    """Return the condition that a column holds the text, whatever its case, and the value to bind.

    LIKE is ten times as fast, but knows the case of ASCII alone.
    """
    if text.isascii():
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return "{} LIKE ? ESCAPE '\\'", f"%{escaped}%"
    return "instr(folded({}), ?) > 0", text.casefold()


def _event(row: sqlite3.Row) -> Event:
    facts: dict[str, str] = json.loads(row["facts"])
    return Event(
        row["id"],
        row["time"],
        row["kind"],
        row["subject"],
        row["text"],
        row["source"],
        row["environment"],
        row["noted"],
        facts,
    )


def _moment(row: sqlite3.Row) -> Event:
    """Return an event, or an annotation as one: tags, and the end in Unix seconds, are its facts where it has them."""
    if row["source"] != ANNOTATION:
        return _event(row)
    facts = {
        "tags": ", ".join(json.loads(row["facts"])),
        "until": "" if row["until"] is None else f"{row['until']:.3f}",
    }
    told = (row["id"], row["time"], row["kind"], "", row["text"], ANNOTATION, row["environment"], row["noted"])
    return Event(*told, {name: value for name, value in facts.items() if value})


def _annotation(row: sqlite3.Row) -> Annotation:
    return Annotation(
        row["id"],
        row["time"],
        row["until"],
        row["kind"],
        row["text"],
        tuple(json.loads(row["tags"])),
        row["environment"],
        row["created"],
    )
