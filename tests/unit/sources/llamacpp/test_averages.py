"""When readings of llama-server show that another program reads it in between, and when they do not."""

from __future__ import annotations

import pytest

from inferdeck.model.target import ANOTHER_READER
from inferdeck.sources.llamacpp.averages import SHOWN_COLLECTIONS, Averages


class Server:
    """Counts and prints as llama-server does."""

    def __init__(self, tokens: float = 0, seconds: float = 0.0) -> None:
        self.totals = [tokens, seconds, tokens, seconds]
        self.since = [0.0, 0.0, 0.0, 0.0]

    def request(self, prompt: int, predicted: int, speed: float = 50.0) -> None:
        """Answer one request; the average leaves out its first token."""
        spent = (prompt, prompt / (10 * speed), predicted, predicted / speed)
        self.totals = [total + one for total, one in zip(self.totals, spent, strict=True)]
        self.since = [total + one for total, one in zip(self.since, (*spent[:2], predicted - 1, spent[3]), strict=True)]

    def read(self) -> dict[str, float]:
        """Return what one reading says; the averages start anew."""
        prompt, prompt_s, predicted, predicted_s = self.totals
        since, self.since = self.since, [0.0, 0.0, 0.0, 0.0]
        said = {
            "llamacpp:prompt_tokens_total": prompt,
            "llamacpp:prompt_seconds_total": prompt_s,
            "llamacpp:tokens_predicted_total": predicted,
            "llamacpp:tokens_predicted_seconds_total": predicted_s,
            "llamacpp:prompt_tokens_seconds": since[0] / since[1] if since[1] else 0.0,
            "llamacpp:predicted_tokens_seconds": since[2] / since[3] if since[3] else 0.0,
        }
        return {name: float(f"{value:.6g}") for name, value in said.items()}


@pytest.mark.parametrize(("tokens", "seconds"), [(0, 0.0), (123_456, 2_345.678), (987_654_321, 1_234_567.89)])
def test_one_reader_alone_is_never_warned(tokens: float, seconds: float) -> None:
    server, averages = Server(tokens, seconds), Averages()
    for number in range(60):
        for _ in range(number % 4):
            server.request(7 + number, 1 + 13 * (number % 3), 20.0 + number)
        assert averages.warning(server.read()) == ""


def test_a_reading_in_between_is_seen_shown_and_cleared() -> None:
    server, averages = Server(), Averages()
    averages.warning(server.read())
    server.request(100, 50)
    server.read()
    assert averages.warning(server.read()).startswith(ANOTHER_READER)
    for _ in range(SHOWN_COLLECTIONS - 1):
        server.request(10, 10)
        assert averages.warning(server.read())
    assert averages.warning(server.read()) == ""


def test_a_reading_between_two_requests_of_different_speed_is_seen() -> None:
    server, averages = Server(), Averages()
    averages.warning(server.read())
    server.request(100, 50, 50.0)
    server.read()
    server.request(100, 50, 40.0)
    assert averages.warning(server.read())


def test_a_long_answer_read_by_another_at_its_end_is_seen() -> None:
    server, averages = Server(1000, 10.0), Averages()
    averages.warning(server.read())
    server.request(0, 500)
    server.read()
    assert averages.warning(server.read())


def test_an_idle_server_a_restart_and_a_lost_answer_say_nothing() -> None:
    server, averages = Server(1000, 10.0), Averages()
    averages.warning(server.read())
    server.read()
    assert averages.warning(server.read()) == ""
    server = Server()
    server.request(5, 5)
    server.read()
    assert averages.warning(server.read()) == ""
    server.request(100, 50)
    server.read()
    averages.forget()
    assert averages.warning(server.read()) == ""


def test_builds_without_the_averages_say_nothing() -> None:
    averages = Averages()
    averages.warning({"llamacpp:prompt_tokens_total": 1.0})
    assert averages.warning({"llamacpp:prompt_tokens_total": 9.0}) == ""
