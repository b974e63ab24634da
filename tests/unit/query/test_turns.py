"""Threads that compute take turns; nobody waits for ever."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from inferdeck.errors import QueryTimeoutError
from inferdeck.query.turns import Turns
from inferdeck.query.workers import Ticket, Workers

LONG = 60.0


def test_one_computes_at_a_time_in_the_order_of_coming() -> None:
    turns = Turns(0.0, LONG)
    assert turns.take() and not turns.over()
    order: list[int] = []

    def work(number: int) -> None:
        assert turns.take()
        order.append(number)
        turns.pass_on()

    threads = []
    for number in range(4):
        threads.append(threading.Thread(target=work, args=(number,)))
        threads[-1].start()
        while len(turns._waiting) <= number:
            threads[-1].join(0.001)
    assert order == [] and turns.over()
    turns.pass_on()
    for thread in threads:
        thread.join(LONG)
    assert order == [0, 1, 2, 3]
    assert turns.take()


def test_a_turn_is_not_over_while_nobody_waits_or_before_its_slice() -> None:
    turns = Turns(LONG, LONG)
    assert turns.take()
    thread = threading.Thread(target=turns.take)
    thread.start()
    while not turns._waiting:
        thread.join(0.001)
    assert not turns.over()
    turns.pass_on()
    thread.join(LONG)


def test_who_waits_too_long_goes_on_without_a_turn() -> None:
    turns = Turns(0.0, 0.01)
    assert turns.take()
    assert not turns.take()
    assert not turns.over()
    turns.pass_on()
    assert turns.take()


def test_a_question_lets_another_have_its_turn_between_its_pieces_of_work() -> None:
    turns = Turns(0.0, LONG)
    long, short = Ticket(LONG, turns), Ticket(LONG, turns)
    began = threading.Event()
    said: list[str] = []

    def first() -> None:
        with long.turn():
            began.set()
            while "short" not in said:
                assert not long.given_up()
            said.append("long")

    def second() -> None:
        assert began.wait(LONG)
        with short.turn():
            said.append("short")

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(first), pool.submit(second)]:
            done.result(LONG)
    assert said == ["short", "long"]


async def test_a_question_that_fails_ends_its_turn() -> None:
    workers = Workers(2)

    def fails(_: Ticket) -> None:
        raise ValueError("broken")

    for _ in range(3):
        with pytest.raises(ValueError, match="broken"):
            await workers.run(fails, LONG)
    with pytest.raises(QueryTimeoutError):
        await workers.run(fails, 0.0)
    assert await workers.run(lambda ticket: ticket._has_turn, LONG)
    workers.close()
