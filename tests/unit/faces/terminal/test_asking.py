"""Questions to the daemon: a slow one costs few threads, however often it is asked."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from inferdeck.client.tiny import Address, Client
from inferdeck.faces.terminal.asking import MOST_AT_ONCE, Asker, Errands
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


async def turns() -> None:
    """Let the event loop do what is ready, and what that makes ready."""
    for _ in range(20):
        await asyncio.sleep(0)


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


async def test_what_an_errand_raises_is_told_and_a_cancelled_one_raises_nothing() -> None:
    said: list[Exception] = []
    errands = Errands(said.append)

    async def wrong() -> None:
        raise ValueError("no")

    errands.begin(wrong())
    await turns()
    errands.begin(asyncio.sleep(60))
    errands.cancel()
    await turns()
    assert [str(one) for one in said] == ["no"]
    assert len(asyncio.all_tasks()) == 1


async def test_what_an_errand_held_goes_without_the_garbage_collector() -> None:
    class Answer:
        pass

    async def errand(answer: Answer) -> None:
        await asyncio.sleep(0)
        assert isinstance(answer, Answer)

    answer = Answer()
    there = weakref.ref(answer)
    gc.disable()
    try:
        Errands(lambda error: None).begin(errand(answer))
        del answer
        await turns()
        assert there() is None
    finally:
        gc.enable()


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
