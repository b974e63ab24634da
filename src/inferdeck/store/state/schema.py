"""The tables of the state file, and the steps from older ones."""

from __future__ import annotations

from collections.abc import Mapping

from inferdeck.store.metrics.connection import Migration

VERSION = 1
SCHEMA = """
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    time REAL NOT NULL,
    stamp INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    source TEXT NOT NULL,
    environment TEXT NOT NULL,
    text TEXT NOT NULL,
    facts TEXT NOT NULL,
    noted REAL NOT NULL,
    UNIQUE (stamp, kind, subject, source)
) STRICT;
CREATE INDEX event_time ON event (time, id);
CREATE INDEX event_kind ON event (kind, time, id);
CREATE TABLE annotation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,
    until REAL,
    kind TEXT NOT NULL,
    environment TEXT NOT NULL,
    text TEXT NOT NULL,
    tags TEXT NOT NULL,
    created REAL NOT NULL
) STRICT;
CREATE INDEX annotation_time ON annotation (time, id);
CREATE TABLE revision (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    hash TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified REAL NOT NULL,
    seen REAL NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE INDEX revision_path ON revision (path, id)
"""
MIGRATIONS: Mapping[int, Migration] = {}
"""From version -> the step to the next one."""
