"""The routes of widgets over a real listener: text, headers, and failures in their one shape."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from email.message import Message

import pytest
from starlette.requests import Request

from inferdeck.api import widgets as api
from inferdeck.api.app import Shortcut
from inferdeck.model.clock import ManualClock
from inferdeck.model.widget import NAMES, State, Widget
from inferdeck.render.hosts import HOSTS
from inferdeck.render.interface import EVERYTHING, Asked, Part
from tests.unit.api.place import Place, refused, served
from tests.unit.render.widgets import answers
from tests.unit.render.widgets.test_contents import FULL

NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with served(tmp_path_factory.mktemp("served")) as found:
        yield found


def get(url: str) -> tuple[str, Message]:
    """GET and expect success."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode(), answer.headers


def test_a_widget_is_text_with_its_state_and_age(place: Place) -> None:
    text, headers = get(f"{place.url}/widgets/health")
    assert text.startswith("Service Health Status")
    assert "gate" in text
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["X-Inferdeck-State"] == "ok"
    assert int(headers["Age"]) >= 0
    number, _ = get(f"{place.url}/widgets/health?field=up")
    assert number.strip() == "3"
    listed = json.loads(get(f"{place.url}/widgets")[0])
    assert [one["name"] for one in listed["widgets"]] == list(NAMES)
    assert listed["hosts"] == list(HOSTS)
    assert listed["widgets"][0]["told"][0]["path"] == "up"


@pytest.mark.parametrize("name", NAMES)
def test_every_widget_answers_for_every_host_whatever_its_state(name: str, place: Place) -> None:
    for host in HOSTS:
        text, headers = get(f"{place.url}/widgets/{name}?host={host}&width=40&height=5")
        assert text or host == "prom"
        assert headers["X-Inferdeck-State"] in set(State)
        assert headers["Content-Type"].startswith(HOSTS[host].media_type)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("health?host=tmuxx", "host: there is no"),
        ("health?width=0", "width: expected a whole number"),
        ("health?height=99999999999999", "height: expected"),
        ("health?colour=maybe", "colour: expected true or false"),
        ("health?icons=none", "icons: there is no"),
        ("health?max_age=nan", "max_age: expected seconds"),
        ("health?max_age=-1", "max_age: expected seconds"),
        ("health?field=nope", "health has no 'nope'"),
        ("health?gateway=a", "health does not heed it"),
        ("health?width=1&width=2", "given twice"),
        ("health?colr=1", "there is no parameter 'colr'"),
        (f"health?environment={'x' * 1001}", "longer than"),
        ("logs?level=loud", "level"),
    ],
)
def test_a_mistake_is_refused_by_name(question: str, words: str, place: Place) -> None:
    assert words in refused(f"{place.url}/widgets/{question}")


@pytest.mark.parametrize("path", ["helth", "health?field=latency.nobody", "%00"])
def test_what_is_not_there_is_a_404(path: str, place: Place) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(f"{place.url}/widgets/{path}")
    assert caught.value.code == 404
    assert set(json.load(caught.value)["error"]) == {"kind", "message", "next"}


class Held:
    """A second implementation of WidgetQuestions: one widget, asked for at a moment."""

    def __init__(self, widget: Widget, at: float) -> None:
        self.widget_held, self.at, self.parts = widget, at, list[Part]()

    async def widget(self, name: str, part: Part = EVERYTHING) -> Asked:
        self.parts.append(part)
        return Asked(self.widget_held, self.at)


def ask(routes: api.WidgetRoutes, query: str, name: str = "health") -> tuple[int, str, dict[str, str]]:
    """Ask without a listener."""
    scope = {"type": "http", "method": "GET", "path": f"/widgets/{name}", "query_string": query.encode(), "headers": []}
    answer = asyncio.run(routes.answer(Request(scope)))
    return answer.status_code, bytes(answer.body).decode(), dict(answer.headers)


def test_the_age_grows_while_the_answer_waits() -> None:
    held = Held(replace(FULL["health"](EVERYTHING), age_seconds=3.0), NOW)
    clock = ManualClock(NOW + 2)
    assert ask(api.WidgetRoutes(held, clock), "")[2]["age"] == "5"


def test_figures_older_than_allowed_make_the_state_unknown() -> None:
    held = Held(replace(FULL["health"](EVERYTHING), age_seconds=90.0), NOW)
    routes = api.WidgetRoutes(held, ManualClock(NOW))
    _, text, headers = ask(routes, "max_age=60")
    assert headers["x-inferdeck-state"] == "unknown"
    assert "These figures are 1 min 30 s old; 1 min 00 s are allowed." in " ".join(text.split())
    _, text, headers = ask(routes, "max_age=120")
    assert headers["x-inferdeck-state"] == "ok"
    assert "allowed" not in text
    nobody = api.WidgetRoutes(Held(replace(held.widget_held, age_seconds=None), NOW), ManualClock(NOW))
    assert ask(nobody, "max_age=60")[2]["x-inferdeck-state"] == "unknown"
    assert "age" not in ask(nobody, "")[2]


def test_figures_older_than_allowed_never_look_like_new_ones() -> None:
    held = Held(replace(FULL["health"](EVERYTHING), age_seconds=90.0), NOW)
    routes = api.WidgetRoutes(held, ManualClock(NOW))
    for host in ("tmux", "starship", "waybar", "xbar"):
        line = ask(routes, f"max_age=60&host={host}")[1].splitlines()[0]
        assert "? 1 min 30 s old" in line
        assert "green" not in line
    assert ask(routes, "max_age=60&field=up")[1] == "NaN\n"
    assert ask(routes, "max_age=60&field=up&host=sampler")[1] == "\n"
    assert ask(routes, "max_age=60&field=up&host=starship")[1] == "–\n"
    assert ask(routes, "max_age=120&field=up")[1] == "2\n"
    assert ask(routes, "max_age=60&field=state.nobody")[0] == 404


def test_the_part_is_handed_on() -> None:
    held = Held(FULL["logs"](EVERYTHING), NOW)
    ask(api.WidgetRoutes(held, ManualClock(NOW)), "stream=a%20b&level=error&environment=x", "logs")
    assert held.parts == [Part(environment="x", stream="a b", level="error")]


def test_what_was_drawn_is_drawn_once_for_each_size() -> None:
    held = Held(FULL["health"](EVERYTHING), NOW)
    routes = api.WidgetRoutes(held, ManualClock(NOW))
    first = ask(routes, "width=30")[1]
    assert ask(routes, "width=30")[1] == first
    assert ask(routes, "width=20")[1] != first
    held.widget_held = replace(held.widget_held, title="Another")
    assert ask(routes, "width=30")[1].startswith("Another")


def test_a_bug_is_told_in_the_one_shape() -> None:
    class Broken(Held):
        async def widget(self, name: str, part: Part = EVERYTHING) -> Asked:
            raise ZeroDivisionError(answers.HOSTILE)

    status, text, _ = ask(api.WidgetRoutes(Broken(FULL["health"](EVERYTHING), NOW), ManualClock(NOW)), "")
    assert status == 500
    assert json.loads(text)["error"]["kind"] == "internal"
    assert "reboot" not in text


def test_the_short_way_answers_as_the_long_one_does() -> None:
    routes = api.WidgetRoutes(Held(FULL["health"](EVERYTHING), NOW), ManualClock(NOW))
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def never(*_: object) -> None:
        raise AssertionError("the long way was taken")

    short = Shortcut(never, api.direct(routes))
    scope = {"type": "http", "method": "GET", "path": "/widgets/health", "query_string": b"", "headers": []}
    asyncio.run(short(scope, receive, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 200
    assert bytes(sent[1]["body"]).decode() == ask(routes, "")[1]  # type: ignore[call-overload]
