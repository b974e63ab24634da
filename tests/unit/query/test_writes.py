"""The log of writes never says that something still holds which does not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inferdeck.query.writes import WriteLog

A_SECOND = 1000


@given(st.lists(st.integers(0, 60_000), max_size=60))
def test_the_oldest_write_since_any_position(stamps: list[int]) -> None:
    log = WriteLog()
    positions = [log.position()]
    for stamp in stamps:
        log.wrote(stamp)
        positions.append(log.position())
    for place, position in enumerate(positions):
        oldest = min(stamps[place:], default=None)
        found = log.changed_since(position)
        if oldest is None:
            assert found is None
        else:
            # Marks within a second of each other are one: at most that much more is dropped than needed.
            assert found is not None
            assert oldest - A_SECOND <= found <= oldest


def test_a_position_from_before_the_log_begins_holds_for_nothing() -> None:
    log = WriteLog()
    before = log.position()
    for second in range(30_000):
        log.wrote(second * 1000)
    assert (log.changed_since(before) or 0) < 0
    recent = log.position()
    log.wrote(30_000_000)
    assert log.changed_since(recent) == 30_000_000
