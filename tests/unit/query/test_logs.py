"""Lines of several sources as one answer: chosen, in order, paged by cursors that hold their place."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from inferdeck.api import errors as shape
from inferdeck.api import logs as api
from inferdeck.errors import NotFoundError, UsageError
from inferdeck.model.clock import ManualClock
from inferdeck.model.log_lines import LogAnswer, LogPage, LogQuery
from inferdeck.model.log_merging import Merging
from inferdeck.query.logs import LocalLogQuestions, moment
from tests.unit.query.kept_logs import Kept, rows

NOW = 1_795_228_805.0


@pytest.fixture
def readers() -> list[Kept]:
    # Two machines have a stream of the same name.
    return [
        Kept("default/logs/one", {"litellm.log": rows("a", 20, NOW - 100, 2), "vllm.log": rows("v", 10, NOW - 99, 3)}),
        Kept("default/logs/two", {"litellm.log": rows("b", 20, NOW - 101, 2)}),
    ]


@pytest.fixture
def questions(readers: list[Kept]) -> LocalLogQuestions:
    return LocalLogQuestions(lambda: readers, lambda text: text.replace("secret", "•••"))


def all_texts(readers: list[Kept]) -> list[str]:
    every = [row for kept in readers for own in kept.texts.values() for row in own]
    return [text for _, _, text in sorted(every, key=lambda row: row[0])]


async def test_going_back_by_cursor_gives_every_line_of_every_source_once(
    questions: LocalLogQuestions, readers: list[Kept]
) -> None:
    answer = await questions.lines(LogQuery(limit=7))
    seen = [line.text for line in answer.lines]
    assert len(seen) == 7
    while answer.older:
        answer = await questions.lines(LogQuery(limit=7), answer.older)
        seen = [line.text for line in answer.lines] + seen
    assert seen == all_texts(readers)


async def test_following_by_cursor_gives_what_is_new_once(questions: LocalLogQuestions, readers: list[Kept]) -> None:
    answer = await questions.lines(LogQuery(limit=3))
    assert (await questions.lines(LogQuery(), answer.newer)).lines == ()
    readers[0].texts["vllm.log"].append((NOW, "info", "new"))
    readers[1].texts["redis.log"] = [(NOW + 1, "info", "stream")]
    answer = await questions.lines(LogQuery(), answer.newer)
    assert [line.text for line in answer.lines] == ["new", "stream"]
    assert (await questions.lines(LogQuery(), answer.newer)).lines == ()


async def test_streams_are_chosen_by_name_or_a_part_of_it(questions: LocalLogQuestions) -> None:
    async def streams(*words: str) -> set[tuple[str, str]]:
        answer = await questions.lines(LogQuery(streams=words))
        return {(line.source, line.stream) for line in answer.lines}

    both = {("default/logs/one", "litellm.log"), ("default/logs/two", "litellm.log")}
    assert await streams("litellm") == await streams("litellm.log") == await streams("LITE") == both
    assert await streams("vllm") == {("default/logs/one", "vllm.log")}
    assert len(await streams("vllm", "litellm")) == 3
    with pytest.raises(NotFoundError, match=r"no such log stream; there are litellm\.log, vllm\.log"):
        await streams("nobody")


async def test_a_source_that_fails_is_a_warning(questions: LocalLogQuestions, readers: list[Kept]) -> None:
    readers[1].broken = True
    answer = await questions.lines(LogQuery())
    assert answer.warnings == ("it is gone",)
    assert len(answer.lines) == 30


async def test_secrets_of_the_configuration_are_hidden(questions: LocalLogQuestions, readers: list[Kept]) -> None:
    readers[0].texts["vllm.log"].append((NOW, "info", "my secret"))
    assert (await questions.lines(LogQuery(limit=1))).lines[0].text == "my •••"


async def test_a_source_that_hangs_is_named_and_followed_on(
    questions: LocalLogQuestions, readers: list[Kept], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferdeck.query.logs.ANSWER_SECONDS", 0.2)
    first = await questions.lines(LogQuery(limit=3))
    readers[0].texts["vllm.log"].append((NOW, "info", "new"))
    readers[1].texts["litellm.log"].append((NOW, "info", "late"))
    readers[1].hangs = True
    answer = await questions.lines(LogQuery(), first.newer)
    assert [line.text for line in answer.lines] == ["new"]
    assert answer.warnings == ("did not answer within 0.2 s: default/logs/two",)
    readers[1].hangs, readers[1].broken = False, True
    again = await questions.lines(LogQuery(), answer.newer)
    assert (again.lines, again.warnings) == ((), ("it is gone",))
    readers[1].broken = False
    assert [line.text for line in (await questions.lines(LogQuery(), again.newer)).lines] == ["late"]


async def test_merging_does_not_hold_up_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    loop_thread, seen = threading.get_ident(), set()
    original = Merging.add

    def noting(self: Merging, page: LogPage, turn: int) -> None:
        seen.add(threading.get_ident())
        original(self, page, turn)

    def hide(text: str) -> str:
        seen.add(threading.get_ident())
        return text

    monkeypatch.setattr(Merging, "add", noting)
    kept = Kept("default/logs/one", {"a.log": rows("a", 9, NOW, 1)})
    await LocalLogQuestions(lambda: [kept], hide).lines(LogQuery())
    assert seen
    assert loop_thread not in seen


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        (LogQuery(level="loud"), "there are trace, debug"),
        (LogQuery(limit=0), "limit"),
        (LogQuery(before=5000), "before"),
        (LogQuery(around=1.0, since=0.5), "goes without"),
        (LogQuery(since=2.0, until=1.0), "later than until"),
    ],
)
async def test_questions_that_make_no_sense(questions: LocalLogQuestions, query: LogQuery, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        await questions.lines(query)


@pytest.mark.parametrize("cursor", ["x", "eJw=", "4pyT", "e30=", "eNqLjgUAARUAuQ==", "\u2713" * 5])
async def test_a_strange_cursor_is_refused(questions: LocalLogQuestions, cursor: str) -> None:
    with pytest.raises(UsageError, match="not one of ours"):
        await questions.lines(LogQuery(), cursor)


def test_moments() -> None:
    clock = ManualClock(NOW)
    assert moment("15m", clock) == NOW - 900
    assert moment("1795228805.5", clock) == NOW + 0.5
    assert moment("2026-11-21T02:40:05Z", clock) == NOW
    with pytest.raises(UsageError, match="not a time"):
        moment("noon", clock)


@pytest.fixture
async def http(questions: LocalLogQuestions) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    shape.install(app)
    app.include_router(api.routes(questions, ManualClock(NOW)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        yield client


async def test_the_routes(http: httpx.AsyncClient) -> None:
    found: dict[str, Any] = (await http.get("/api/logs?stream=vllm&limit=2")).json()
    assert [line["text"] for line in found["lines"]] == ["v8", "v9"]
    assert set(found) == set(LogAnswer.__dataclass_fields__)
    assert found["looked_at"] == 1
    assert (await http.get("/api/logs?q=nothing-like-it")).json()["looked_at"] == 3
    streams = (await http.get("/api/logs/streams")).json()["streams"]
    assert [one["name"] for one in streams] == ["litellm.log", "litellm.log", "vllm.log"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("level=loud", 400),
        ("stream=nobody", 404),
        ("limit=0", 400),
        ("limit=9999", 400),
        ("since=noon", 400),
        ("cursor=xyz", 400),
        ("unknown=1", 400),
        ("around=5&since=1", 400),
    ],
)
async def test_wrong_questions_say_what_is_right(http: httpx.AsyncClient, path: str, status: int) -> None:
    answer = await http.get(f"/api/logs?{path}")
    assert answer.status_code == status
    assert json.loads(answer.text)["error"]["message"]
