"""The routes of widgets: drawn for a host as text, the state and the age in headers.

These are asked all the time, by bars and prompts: their parameters are read here, and app.Shortcut leads to them.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inferdeck.api import errors as shape
from inferdeck.api.native import FAILURES
from inferdeck.errors import InferdeckError, UsageError
from inferdeck.model.answers import Number
from inferdeck.model.clock import Clock
from inferdeck.model.json_form import dumps
from inferdeck.model.numbers import seconds
from inferdeck.model.widget import ICONS, Cell, Frame, Look, State, Widget
from inferdeck.render.hosts import HOSTS
from inferdeck.render.hosts.host import told
from inferdeck.render.interface import Content, Part, WidgetQuestions
from inferdeck.render.widgets.contents import CONTENTS, content

_log = logging.getLogger(__name__)

PREFIX = "/widgets"
LARGEST_SIZE = 10_000
LONGEST_TEXT = 1000
_MOST_DRAWN = 200
_MANY_ROWS = 60
"""More rows than this are drawn in a thread."""


class ToldAnswer(BaseModel):
    """One figure or text that `field` names; NAME stands for a name, unit is "" for a text."""

    path: str
    unit: str
    meaning: str
    family: str


class ContentAnswer(BaseModel):
    """One widget of the list."""

    name: str
    title: str
    shows: str
    warning: str
    critical: str
    unknown: str
    told: list[ToldAnswer]
    parameters: list[str]


class WidgetList(BaseModel):
    """All widgets, and what they can be drawn for."""

    widgets: list[ContentAnswer]
    hosts: list[str]
    icons: list[str]


@dataclass(frozen=True, slots=True)
class _Wish:
    """How a widget is wanted."""

    host: str
    frame: Frame
    field: str
    max_age: float | None
    part: Part


@dataclass(frozen=True, slots=True)
class _Drawn:
    widget: Widget
    body: bytes


class WidgetRoutes:
    """Draws widgets; belongs to the event loop."""

    def __init__(self, questions: WidgetQuestions, clock: Clock) -> None:
        self._questions = questions
        self._clock = clock
        self._drawn: OrderedDict[object, _Drawn] = OrderedDict()

    async def answer(self, request: Request) -> Response:
        """Return the widget that a path names; every failure has the canonical shape."""
        try:
            return await self._answer(request)
        except InferdeckError as error:
            return shape.of(error)
        except Exception as error:
            _log.exception("%s failed", request.url.path)
            text = f"an unexpected {type(error).__name__}; this is a bug in inferdeck"
            return shape.answer(500, "internal", text, "the log has the details; please report it")

    async def _answer(self, request: Request) -> Response:
        name = request.url.path.removeprefix(f"{PREFIX}/")
        wish = _wish(request, content(name))
        asked = await self._questions.widget(name, wish.part)
        age = _age(asked.widget, self._clock.now() - asked.at)
        widget = asked.widget
        late = wish.max_age is not None and (age is None or age > wish.max_age)
        key = (name, wish.host, wish.frame, wish.field, wish.part, late)
        drawn = self._drawn.get(key)
        if drawn is None or drawn.widget is not widget:
            shown = _too_old(widget, age, wish.max_age) if late else widget
            body = await _draw(shown, wish, late=late)
            drawn = self._drawn[key] = _Drawn(widget, body)
            while len(self._drawn) > _MOST_DRAWN:
                self._drawn.popitem(last=False)
        state = State.UNKNOWN if late else widget.state
        headers = {"X-Inferdeck-State": state.value, "Cache-Control": "no-store"}
        if age is not None:
            headers["Age"] = str(round(age))
        return Response(drawn.body, headers=headers, media_type=HOSTS[wish.host].media_type)

    def list(self) -> str:
        """Return all widgets as JSON."""
        widgets = list(CONTENTS.values())
        return dumps({"widgets": widgets, "hosts": list(HOSTS), "icons": ICONS})


async def _draw(widget: Widget, wish: _Wish, *, late: bool) -> bytes:
    if len(widget.rows) > _MANY_ROWS:
        return (await run_in_threadpool(lambda: _text(widget, wish, late=late))).encode()
    return _text(widget, wish, late=late).encode()


def _text(widget: Widget, wish: _Wish, *, late: bool) -> str:
    host = HOSTS[wish.host]
    if late and wish.field:
        # Alone, an old figure would look like a new one.
        found = told(widget, wish.field)
        return host.alone(Number(None, found.unit if isinstance(found, Number) else ""), wish.frame)
    return host.draw(widget, wish.frame, wish.field)


def _age(widget: Widget, since: float) -> float | None:
    return None if widget.age_seconds is None else max(0.0, widget.age_seconds + since)


def _too_old(widget: Widget, age: float | None, most: float | None) -> Widget:
    """Return the widget as one whose figures are not to be relied on; in one line that stands first."""
    how = "Nobody knows how old these figures are" if age is None else f"These figures are {seconds(age)} old"
    note = f"{how}; {seconds(most)} are allowed."
    first = Cell("age unknown" if age is None else f"{seconds(age)} old", Look.DIM, State.UNKNOWN)
    line = (first, *(Cell(cell.text, Look.DIM) for cell in widget.line))
    return replace(widget, state=State.UNKNOWN, note=f"{note} {widget.note}".strip(), line=line)


def _wish(request: Request, about: Content) -> _Wish:
    """Read the parameters; raises UsageError that names the one that is wrong."""
    given: dict[str, str] = {}
    for key, value in request.query_params.multi_items():
        if key not in PARAMETERS:
            raise UsageError(f"there is no parameter {key[:60]!a}; there are {', '.join(PARAMETERS)}")
        if key in given:
            raise UsageError(f"{key}: given twice")
        if len(value) > LONGEST_TEXT:
            raise UsageError(f"{key}: longer than {LONGEST_TEXT} characters")
        given[key] = value
    parts = {key: given.get(key, "") for key in Part.__dataclass_fields__}
    refused = [key for key, value in parts.items() if value and key not in about.parameters]
    if refused:
        heeded = ", ".join(about.parameters)
        raise UsageError(f"{refused[0]}: the widget {about.name} does not heed it; it heeds {heeded}")
    host = _one_of("host", given.get("host") or "text", tuple(HOSTS))
    icons = _one_of("icons", given.get("icons") or HOSTS[host].icons, ICONS)
    colour = _yes("colour", given.get("colour", "")) if given.get("colour") else HOSTS[host].colour
    frame = Frame(_size("width", given), _size("height", given), icons, colour)
    return _Wish(host, frame, _field(given.get("field", ""), about), _max_age(given), Part(**parts))


def _one_of(key: str, value: str, known: tuple[str, ...]) -> str:
    if value in known:
        return value
    near = get_close_matches(value, known, 1)
    meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    raise UsageError(f"{key}: there is no {value[:60]!a}; {meant}")


def _size(key: str, given: dict[str, str]) -> int | None:
    text = given.get(key, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LARGEST_SIZE and len(text) < 9):
        raise UsageError(f"{key}: expected a whole number from 1 to {LARGEST_SIZE}")
    return int(text)


def _yes(key: str, text: str) -> bool:
    if text not in ("true", "false", "1", "0"):
        raise UsageError(f"{key}: expected true or false")
    return text in ("true", "1")


def _max_age(given: dict[str, str]) -> float | None:
    text = given.get("max_age", "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise UsageError("max_age: expected seconds")
    return value


def _field(text: str, about: Content) -> str:
    """Return the path; one that can never be of this widget is a mistake, one that is not there now is not."""
    words = list(dict.fromkeys(one.path.removesuffix(".NAME") for one in about.told))
    if text and not any(text == word or text.startswith(f"{word}.") for word in words):
        raise UsageError(f"field: the widget {about.name} has no {text[:60]!a}; it has {', '.join(words)}")
    return text


def _parameter(name: str, kind: str, description: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": {"type": kind, **more},
    }


_DESCRIBED = (
    _parameter("host", "string", "Where it is shown.", enum=list(HOSTS), default="text"),
    _parameter("width", "integer", "Cells in a row.", minimum=1, maximum=LARGEST_SIZE),
    _parameter("height", "integer", "Rows.", minimum=1, maximum=LARGEST_SIZE),
    _parameter("field", "string", "One figure or text by its path."),
    _parameter("icons", "string", "What signs are drawn as; the host's own choice where absent.", enum=list(ICONS)),
    _parameter("colour", "boolean", "Whether colours are drawn; the host's own choice where absent."),
    _parameter("max_age", "number", "Seconds; older figures make the state unknown."),
    _parameter("environment", "string", "One environment."),
    _parameter("gateway", "string", "One gateway, for widgets that tell of gateways."),
    _parameter("stream", "string", "Streams of logs by a part of their name, for logs."),
    _parameter("level", "string", "Lines of this level or worse, for logs."),
)
PARAMETERS = tuple(str(one["name"]) for one in _DESCRIBED)
_HEADERS = {
    "X-Inferdeck-State": {"description": "ok, warning, critical or unknown.", "schema": {"type": "string"}},
    "Age": {"description": "Seconds since the oldest figure that is shown.", "schema": {"type": "integer"}},
}


def routes(shown: WidgetRoutes) -> APIRouter:
    """Return the routes as the interface describes them."""
    router = APIRouter(prefix=PREFIX, responses=FAILURES)

    @router.get("", response_model=WidgetList, summary="All widgets, their figures, and the hosts they are drawn for")
    async def widgets() -> Response:
        return Response(shown.list(), media_type="application/json")

    @router.get(
        "/{name}",
        summary="One widget, drawn for a host: text, or what the host reads",
        openapi_extra={
            "parameters": [*_DESCRIBED],
            "responses": {"200": {"headers": _HEADERS, "content": {"text/plain": {"schema": {"type": "string"}}}}},
        },
        response_class=Response,
    )
    async def widget(request: Request, name: str) -> Response:
        content(name)
        return await shown.answer(request)

    return router


def direct(shown: WidgetRoutes) -> list[Route]:
    """Return a route per widget, for app.Shortcut."""
    return [Route(f"{PREFIX}/{name}", shown.answer, methods=["GET"]) for name in CONTENTS]
