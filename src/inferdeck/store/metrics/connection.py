"""SQLite as the container: how its files are opened, versioned, written in transactions, and how it fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from inferdeck.errors import StoreVersionError

Sync = Literal["normal", "full"]
Migration = Callable[[sqlite3.Connection], None]

APPLICATION_ID = 0x49444B31  # "IDK1", in the header of every file of this store
VERSION = 1
MIGRATIONS: Mapping[int, Migration] = {}
"""From version -> the step to the next one; each runs in the transaction that also sets the new version."""

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_DAMAGE_READING = frozenset({sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ})
_NO_WRITING = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR})


BROKEN = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a broken file can raise: SQLite's message may quote bytes of it that are no text."""


def connect(path: Path, sync: Sync = "normal") -> sqlite3.Connection:
    """Open a file for writing, in WAL mode, created where absent; checkpoints are ours to make."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        if path.stat().st_size == 0:
            # So that the room of raw scrapes can be given back in small steps once their day is over.
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={sync.upper()}")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("PRAGMA journal_size_limit=1000000")
        connection.execute("PRAGMA cache_size=-1000")
        connection.execute("PRAGMA trusted_schema=OFF")
    except UnicodeDecodeError as error:
        connection.close()
        raise sqlite3.DatabaseError("malformed, and so is SQLite's message about it") from error
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open an existing file for queries; on a full disk, where no log can be made, without one."""
    try:
        connection = _readable(path)
    except sqlite3.OperationalError as error:
        if not cannot_write(error) or path.with_name(path.name + "-wal").exists():
            raise
        connection = _open_uri(path, "immutable=1")
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA cache_size=-500")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    return connection


def _readable(path: Path) -> sqlite3.Connection:
    connection = _open_uri(path, "mode=rw")
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _open_uri(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None, check_same_thread=False, timeout=5.0
    )


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Commit what the body did, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite has rolled back by itself after some errors
            connection.execute("ROLLBACK")
        raise


def prepare(
    connection: sqlite3.Connection,
    path: Path,
    schema: str,
    *,
    version: int = VERSION,
    migrations: Mapping[int, Migration] = MIGRATIONS,
) -> None:
    """Create the tables in a new file, upgrade an older one; raises StoreVersionError on a newer or a foreign one."""
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    empty = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    if owner == 0 and empty:
        with transaction(connection):
            for statement in schema.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={version}")
        return
    if owner != APPLICATION_ID:
        raise StoreVersionError(f"{path}: not a file of this store; move it away, or use another data_dir")
    if found > version:
        raise StoreVersionError(
            f"{path}: written by a newer inferdeck (format {found}, this one knows {version}); upgrade inferdeck"
        )
    while found < version:
        if found not in migrations:
            raise StoreVersionError(f"{path}: format {found} is too old; export it with an older inferdeck")
        with transaction(connection):
            migrations[found](connection)
            found += 1
            connection.execute(f"PRAGMA user_version={found}")


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) or 0


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether the error says that the file's content is broken."""
    code = _code(error)
    if code in (0, sqlite3.SQLITE_ERROR):
        return any(sign in str(error) for sign in ("malformed", "not a database", "Could not decode"))
    return code & 0xFF in _DAMAGE or code in _DAMAGE_READING


def cannot_write(error: sqlite3.Error) -> bool:
    """Return whether the error says that the disk is full, failing or read-only."""
    return not is_damage(error) and _code(error) & 0xFF in _NO_WRITING


def unlink_database(path: Path, aside: Path) -> None:
    """Remove a closed database: first under another name, so that a log without its file is all a crash can leave."""
    for suffix in ("", "-wal", "-shm"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.rename(aside.with_name(aside.name + suffix))
    for suffix in ("-wal", "-shm", ""):
        aside.with_name(aside.name + suffix).unlink(missing_ok=True)
