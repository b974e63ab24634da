"""A full disk under the spool: the sink says so, keeps what it has, and goes on when there is room again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from inferdeck.errors import StoreFullError
from inferdeck.store.remote_write.spool import Spool
from inferdeck.store.remote_write.wire import Request


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    where = tmp_path / "disk"
    where.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(where)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a tmpfs cannot be mounted here (needs root)")
    try:
        yield where
    finally:
        subprocess.run(["umount", "--lazy", str(where)], check=True)


def numbers(spool: Spool) -> list[int]:
    return [int.from_bytes(record.request.body[:4], "big") for record in spool.peek(10**9, 10**9)]


def fill(spool: Spool) -> int:
    """Append numbered records until one is refused; return how many were kept."""
    for number in range(10_000):
        try:
            spool.append(Request(number.to_bytes(4, "big") + bytes(3000), 1))
        except StoreFullError:
            return number
    raise AssertionError("the disk never became full")


def test_a_full_disk_refuses_whole_records_and_recovers(small_disk: Path) -> None:
    spool = Spool(small_disk / "spool", 10**9)
    kept = fill(spool)
    assert kept > 50
    for _ in range(5):
        with pytest.raises(StoreFullError, match="no space left"):
            spool.append(Request(bytes(3004), 1))
    assert numbers(spool) == list(range(kept))
    spool.close()
    again = Spool(small_disk / "spool", 10**9)
    assert numbers(again) == list(range(kept))
    again.done(again.peek(10**9, 10**9))
    again.append(Request((7).to_bytes(4, "big") + bytes(3000), 1))
    assert numbers(again) == [7]
    assert again.stats().damaged_records_total == 0
    again.close()
