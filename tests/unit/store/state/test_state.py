"""The state file: events once each, annotations, revisions, bounds, versions, damage."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from inferdeck.errors import LimitError, NotFoundError, StoreError, StoreVersionError, UnsupportedFilesystemError
from inferdeck.model.annotations import Asked, Draft
from inferdeck.model.clock import ManualClock
from inferdeck.model.config_files import FileRevision
from inferdeck.model.happening import Happening
from inferdeck.store.state import database as state_database
from inferdeck.store.state.database import StateDatabase

NOW = 1_800_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateDatabase]:
    found = StateDatabase.open(tmp_path / "state.db", clock=ManualClock(NOW))
    yield found
    found.close()


def happening(time: float = NOW, kind: str = "restart", subject: str = "vllm", source: str = "d") -> Happening:
    return Happening(time, kind, subject, f"{subject} was restarted", source, {"image": "vllm:0.9"})


def note(store: StateDatabase, *happenings: Happening, environment: str = "default") -> int:
    return store.note([(one, environment) for one in happenings])


def test_an_event_is_kept_once_also_after_a_restart(store: StateDatabase, tmp_path: Path) -> None:
    assert note(store, happening(), happening(subject="tgi")) == 2
    assert note(store, happening(), happening(NOW + 0.0001)) == 0
    store.close()
    again = StateDatabase.open(tmp_path / "state.db", clock=ManualClock(NOW + 60))
    assert note(again, happening(), happening(source="other"), happening(kind="oom"), happening(NOW + 1)) == 3
    assert again.events(Asked()).total == 5
    again.close()


def test_events_are_filtered_and_paged_newest_first(store: StateDatabase) -> None:
    note(store, *(happening(NOW + one, subject=f"engine-{one}") for one in range(30)))
    note(store, Happening(NOW + 100, "oom", "ÄPFEL", "ran out of memory", "d2"), environment="prod")
    assert [one.subject for one in store.events(Asked(limit=3)).items] == ["ÄPFEL", "engine-29", "engine-28"]
    page = store.events(Asked(kind="restart", offset=28, limit=10))
    assert (page.total, [one.subject for one in page.items]) == (30, ["engine-1", "engine-0"])
    assert store.events(Asked(q="äpfel")).total == 1
    assert store.events(Asked(q="VLLM:0.9")).total == 30
    assert store.events(Asked(q="100%_")).total == 0
    assert store.events(Asked(since=NOW + 10, until=NOW + 12)).total == 3
    assert store.events(Asked(environment="prod", source="d2", subject="ÄPFEL")).items[0].facts == {}
    assert store.timeline_values("kind") == ["oom", "restart"]


def test_events_are_bounded_in_number_and_age(
    store: StateDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_database, "MOST_EVENTS", 40)
    for batch in range(3):
        note(store, *(happening(NOW + batch * 1000 + one) for one in range(state_database._PRUNE_EVERY + 1)))
    assert store.events(Asked()).total == 40
    clock = ManualClock(NOW)
    young = StateDatabase.open(tmp_path / "young.db", clock=clock, keep_seconds=100)
    note(young, happening(NOW - 101), happening(NOW - 99))
    assert [one.time for one in young.events(Asked()).items] == [NOW - 99]
    young.close()


def test_annotations_keep_what_they_were_given(store: StateDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "'; DROP TABLE annotation; --\x1b[31m <script>\n{{x}} ${HOME}"
    kept = store.annotate(Draft(text, NOW - 50, NOW + 50, "deployment", ("a,b", "c"), "prod"))
    assert store.annotations(Asked()).items == (kept,)
    assert (kept.text, kept.tags, kept.created) == (text, ("a,b", "c"), NOW)
    assert store.annotations(Asked(tag="c", kind="deployment", q="<SCRIPT>")).total == 1
    assert store.annotations(Asked(tag="a")).total == 0
    assert store.annotations(Asked(since=NOW + 50)).total == 1
    assert store.annotations(Asked(since=NOW + 51)).total == 0
    assert store.annotations(Asked(until=NOW - 51)).total == 0
    monkeypatch.setattr(state_database, "MOST_ANNOTATIONS", 1)
    with pytest.raises(LimitError, match="delete some"):
        store.annotate(Draft("one more", NOW))
    store.delete_annotation(kept.id)
    with pytest.raises(NotFoundError, match=f"no annotation {kept.id}"):
        store.delete_annotation(kept.id)
    assert store.annotate(Draft("again", NOW)).id > kept.id


def test_revisions_are_kept_when_the_content_differs(store: StateDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_database, "MOST_REVISIONS", 3)
    for number, content in enumerate("aabbcdeef"):
        store.keep_revision("/etc/x.yaml", FileRevision(content, 1, NOW, NOW + number), f"masked {content}")
    store.keep_revision("/etc/y.yaml", FileRevision("a", 1, NOW, NOW), "y")
    assert [one.hash for one in store.revisions("/etc/x.yaml")] == ["f", "e", "d"]
    assert store.contents("/etc/x.yaml") == ("masked f", "masked e")
    assert store.contents("/etc/z.yaml") == ()


def test_a_foreign_or_newer_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    StateDatabase.open(path, clock=ManualClock(NOW)).close()
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA user_version=99")
    raw.close()
    with pytest.raises(StoreVersionError, match=r"state\.db: written by a newer inferdeck"):
        StateDatabase.open(path, clock=ManualClock(NOW))
    with sqlite3.connect(tmp_path / "other.db") as raw:
        raw.execute("CREATE TABLE t (x)")
    raw.close()
    with pytest.raises(StoreVersionError, match="not a file of this store"):
        StateDatabase.open(tmp_path / "other.db", clock=ManualClock(NOW))


def test_a_broken_file_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"this is no database" * 1000)
    store = StateDatabase.open(path, clock=ManualClock(NOW))
    assert note(store, happening()) == 1
    store.close()
    assert (tmp_path / "state-broken-1.db").read_bytes().startswith(b"this is no database")


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_database, "system_mounts", lambda: [("/", "nfs4")])
    with pytest.raises(UnsupportedFilesystemError, match="nfs4"):
        StateDatabase.open(tmp_path / "state.db", clock=ManualClock(NOW))


def test_a_closed_file_says_so_and_nobody_else_may_read_it(store: StateDatabase, tmp_path: Path) -> None:
    assert (tmp_path / "state.db").stat().st_mode & 0o077 == 0
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        note(store, happening())
