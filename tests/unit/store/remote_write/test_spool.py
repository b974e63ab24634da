"""The spool: order, bounds, and what it finds after a crash."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferdeck.errors import StoreError
from inferdeck.store.remote_write.spool import Spool
from inferdeck.store.remote_write.wire import Request

ALL = (1 << 30, 1 << 30)
LIMIT = 1 << 20


def request(number: int, size: int = 1000, samples: int = 10) -> Request:
    return Request(number.to_bytes(4, "big") + bytes(size - 4), samples)


def numbers(spool: Spool) -> list[int]:
    return [int.from_bytes(record.request.body[:4], "big") for record in spool.peek(*ALL)]


def last_segment(directory: Path) -> Path:
    return max(directory.glob("*.segment"))


def test_records_come_out_in_order_and_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    for number in range(5):
        spool.append(request(number))
    first = spool.peek(20, 1 << 20)
    assert len(first) == 2
    spool.done(first)
    assert numbers(spool) == [2, 3, 4]
    assert spool.stats().waiting_samples == 30
    spool.done(spool.peek(*ALL))
    assert spool.stats() == type(spool.stats())(0, 0, 0, 0)
    assert numbers(spool) == []


def test_one_record_comes_out_however_large(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    spool.append(request(1, size=5000, samples=100))
    assert len(spool.peek(1, 1)) == 1


def test_reopening_finds_what_was_not_done(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    for number in range(300):
        spool.append(request(number))
    spool.done(spool.peek(1000, 1 << 20))
    again = Spool(tmp_path, LIMIT)
    assert numbers(again) == list(range(100, 300))
    assert again.stats().waiting_samples == 2000
    again.append(request(300))
    assert numbers(again)[-1] == 300


def test_a_full_spool_drops_the_oldest_and_counts_them(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 200_000)
    for number in range(1000):
        spool.append(request(number))
    left = numbers(spool)
    assert left == list(range(1000 - len(left), 1000))
    assert sum(path.stat().st_size for path in tmp_path.glob("*.segment")) <= 200_000
    assert spool.stats().overflow_samples_total == 10 * (1000 - len(left))
    assert len(left) >= 100


def test_a_record_larger_than_the_spool_is_counted_as_dropped(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 100_000)
    spool.append(request(1))
    spool.append(request(2, size=100_001))
    assert numbers(spool) == [1]
    assert spool.stats().overflow_samples_total == 10


def test_records_dropped_while_they_are_being_sent_do_no_harm(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 140_000)
    spool.append(request(0))
    sending = spool.peek(*ALL)
    for number in range(1, 400):
        spool.append(request(number))
    before = numbers(spool)
    spool.done(sending)
    assert numbers(spool) == before


@pytest.mark.parametrize("cut", [1, 11, 12, 13, 500, 1011])
def test_a_torn_tail_is_cut_off(tmp_path: Path, cut: int) -> None:
    spool = Spool(tmp_path, LIMIT)
    for number in range(3):
        spool.append(request(number))
    tail = last_segment(tmp_path)
    tail.write_bytes(tail.read_bytes()[:-cut])
    again = Spool(tmp_path, LIMIT)
    assert numbers(again) == [0, 1]
    again.append(request(7))
    assert numbers(Spool(tmp_path, LIMIT)) == [0, 1, 7]


def test_a_flipped_bit_costs_one_record(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    for number in range(3):
        spool.append(request(number))
    tail = last_segment(tmp_path)
    body = bytearray(tail.read_bytes())
    body[1012 + 500] ^= 1
    tail.write_bytes(bytes(body))
    assert numbers(spool) == [0]
    spool.done(spool.peek(*ALL))
    assert numbers(spool) == [2]
    assert spool.stats().damaged_records_total == 1


def test_a_lost_cursor_costs_repetition_only(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    for number in range(4):
        spool.append(request(number))
    spool.done(spool.peek(20, 1 << 20))
    (tmp_path / "cursor").write_bytes(b"\xff" * 20)
    assert numbers(Spool(tmp_path, LIMIT)) == [0, 1, 2, 3]


def test_a_closed_spool_refuses_and_stays_quiet(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    spool.append(request(1))
    waiting = spool.peek(*ALL)
    spool.close()
    spool.close()
    assert spool.peek(*ALL) == []
    spool.done(waiting)
    with pytest.raises(StoreError, match="closed"):
        spool.append(request(2))
    assert numbers(Spool(tmp_path, LIMIT)) == [1]


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        Spool(tmp_path / "file" / "spool", LIMIT)


@given(junk=st.binary(max_size=3000), cursor=st.binary(max_size=30))
@settings(max_examples=100, deadline=None)
def test_any_bytes_on_disk_are_survived(tmp_path_factory: pytest.TempPathFactory, junk: bytes, cursor: bytes) -> None:
    directory = tmp_path_factory.mktemp("spool")
    (directory / "0000000000000000.segment").write_bytes(junk)
    (directory / "0000000000000001.segment").write_bytes(junk[::-1])
    (directory / "cursor").write_bytes(cursor)
    spool = Spool(directory, LIMIT)
    spool.append(request(5))
    assert numbers(spool)[-1] == 5
    spool.close()


@given(st.lists(st.one_of(st.just("append"), st.just("done"), st.just("reopen")), max_size=60))
@settings(max_examples=60, deadline=None)
def test_the_spool_is_a_queue(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    directory = tmp_path_factory.mktemp("spool")
    spool, model, number = Spool(directory, LIMIT), list[int](), 0
    for step in steps:
        if step == "append":
            spool.append(request(number, size=20_000))
            model.append(number)
            number += 1
        elif step == "done":
            spool.done(spool.peek(15, 1 << 20))
            model = model[1:]
        else:
            spool.close()
            spool = Spool(directory, LIMIT)
        model = model[-len(numbers(spool)) :] if spool.stats().overflow_samples_total else model
        assert numbers(spool) == model
    spool.close()
