"""Questions to the daemon: a slow one costs few threads, however often it is asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from inferdeck.client.tiny import Address, Client
from inferdeck.faces.terminal.asking import MOST_AT_ONCE, Asker
from tests.unit.faces.terminal.app.daemon import app_of, press, says, top
from tests.unit.faces.terminal.app.test_trouble import answering

CLIENT = Client(Address(socket_path=str(Path("nowhere"))))


class Slow:
    """Questions that are answered with their number, once they may be."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.may = threading.Event()

    def question(self, number: int) -> Callable[[Client], int]:
        """Return the question with this number."""

        def asked(_: Client) -> int:
            self.asked.append(number)
            assert self.may.wait(20)
            return number

        return asked


def asking() -> int:
    """Return how many threads wait for an answer."""
    return sum(thread.name == "asking" for thread in threading.enumerate())


async def test_of_many_questions_about_one_thing_two_are_asked_and_then_the_newest() -> None:
    slow, asker = Slow(), Asker(lambda: CLIENT)
    tasks = [asyncio.create_task(asker.ask(slow.question(one), "list")) for one in range(50)]
    other = asyncio.create_task(asker.ask(slow.question(99), "other"))
    await asyncio.sleep(0)
    assert asking() <= MOST_AT_ONCE + 1
    slow.may.set()
    assert await other == 99
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [found[place] for place in (0, 1, 49)] == [0, 1, 49]
    assert all(isinstance(one, asyncio.CancelledError) for one in found[2:49])
    assert sorted(slow.asked) == [0, 1, 49, 99]


async def test_what_nobody_waits_for_any_more_is_not_asked() -> None:
    slow, asker = Slow(), Asker(lambda: CLIENT)
    tasks = [asyncio.create_task(asker.ask(slow.question(one), "list")) for one in range(3)]
    await asyncio.sleep(0)
    tasks[2].cancel()
    slow.may.set()
    assert await asyncio.gather(*tasks[:2]) == [0, 1]
    assert await asker.ask(slow.question(7), "list") == 7
    assert 2 not in slow.asked


@pytest.mark.parametrize("key", ["r", "left_square_bracket"])
async def test_a_key_that_is_held_while_the_daemon_is_slow_starts_few_threads(key: str) -> None:
    before = asking()
    with answering(None) as found:
        async with top(lambda: found, "services") as pilot:
            await says(pilot, "starting")
            await press(pilot, *[key] * 30)
            # About the status, the names of dashboards, the list and its charts.
            assert asking() - before <= 4 * MOST_AT_ONCE
            assert app_of(pilot).is_running
