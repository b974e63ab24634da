"""What is told of a question that is not answered."""

from __future__ import annotations

from inferdeck.faces.terminal.held import PATIENCE_SECONDS, Held, Phase

NOTHING: Held[int] = Held()


def test_an_answer_that_is_waited_for_too_long_is_in_trouble() -> None:
    fresh: Held[int] = NOTHING.came(1, 100.0, 5.0)
    asked = fresh.waiting(105.0)
    assert asked.trouble(105.0 + PATIENCE_SECONDS, 30.0) == ""
    assert asked.phase(105.0 + PATIENCE_SECONDS, 5.0) is Phase.FRESH
    late = 105.0 + PATIENCE_SECONDS + 1
    assert asked.trouble(late, 30.0) == "given up in 17 s: the daemon has not answered for 13 s"
    assert asked.phase(late, 5.0) is Phase.STALE
    assert asked.phase(late, 60.0) is Phase.FRESH
    assert asked.value == 1


def test_an_answer_ends_the_trouble() -> None:
    asked: Held[int] = NOTHING.came(1, 100.0, 5.0).waiting(105.0)
    assert asked.came(2, 140.0, 5.0).trouble(140.0, 30.0) == ""
    failed = asked.failed("gone", 135.0, 5.0)
    assert failed.trouble(135.0, 30.0) == "tried again in 5 s: gone"
    again = failed.waiting(140.0)
    assert again.trouble(140.5, 30.0) == "tried again in 0 s: gone"
    assert again.trouble(145.0, 30.0) == "being tried again: gone"


def test_a_question_that_was_never_answered_is_loading_until_it_fails() -> None:
    asked: Held[int] = NOTHING.waiting(0.0)
    assert asked.phase(20.0, 5.0) is Phase.LOADING
    assert asked.trouble(20.0, 30.0).startswith("given up in 10 s")
    assert asked.failed("gone", 30.0, 5.0).phase(30.0, 5.0) is Phase.ERROR
