"""What a gateway did in the last minutes: requests, latency, errors, answers from the cache."""

from __future__ import annotations

from collections.abc import Sequence

from inferdeck.model import numbers
from inferdeck.model.answers import Gateway, Number, Status
from inferdeck.model.figure_text import shown, worth
from inferdeck.model.widget import Cell, Column, Look, State, Widget
from inferdeck.render.interface import Content, Part, Told
from inferdeck.render.widgets import telling
from inferdeck.render.widgets.telling import Place, Places, Telling, over, per_minute, times, worst

ERRORS_WARNING = 0.05
"""Where the alert HighErrorRate begins."""
ERRORS_CRITICAL = 0.2
"""Where the alert CriticalErrorRate begins."""
SLOW_P95_SECONDS = 10.0
"""Where the alert HighLatencyP95 begins."""
CONTENT = Content(
    name="metrics",
    title="Metrics",
    shows="requests, latency, errors and answers from the cache of each gateway, over the last five minutes",
    warning="more than 5 % of the requests fail, or p95 is above 10 s",
    critical="more than 20 % of the requests fail",
    unknown="no gateway is watched, or none has counted a request",
    told=(
        Told("rate", "requests/min", "requests per minute", "inferdeck_metrics_requests_per_minute"),
        Told("requests", "count", "requests in the window", "inferdeck_metrics_requests"),
        Told("latency.p50", "seconds", "half of the requests were faster", "inferdeck_metrics_latency_p50_seconds"),
        Told("latency.p95", "seconds", "19 of 20 requests were faster", "inferdeck_metrics_latency_p95_seconds"),
        Told("latency.p99", "seconds", "99 of 100 requests were faster", "inferdeck_metrics_latency_p99_seconds"),
        Told("errors", "count", "requests that failed in the window", "inferdeck_metrics_errors"),
        Told("errors.ratio", "ratio", "their share of the requests", "inferdeck_metrics_errors_ratio"),
        Told("cached", "count", "requests that the response cache answered", "inferdeck_metrics_cached"),
        Told("cached.ratio", "ratio", "their share of the requests", "inferdeck_metrics_cached_ratio"),
    ),
    parameters=("environment", "gateway"),
)
_TITLES = {"litellm": "LiteLLM"}


def widget(status: Status, part: Part) -> Widget:
    """Return the widget: four rows per gateway, under its name where there are several; they are never added up."""
    gateways = [one for one in status.gateways if chosen(one.environment, one.name, part)]
    places = Places.of(place_of(one) for one in gateways)
    told = Telling(CONTENT, places)
    rows: list[tuple[Cell, ...]] = []
    for one in gateways:
        figures = _figures(one, status.window_seconds)
        for word, figure in figures.items():
            told.of_place(word, figure, place_of(one))
        if len(gateways) > 1:
            rows.append((Cell(places.where(place_of(one)), Look.STRONG, state_of(one)),))
        rows += _rows(one, figures)
    state = worst(state_of(one) for one in gateways)
    kind = {one.kind for one in gateways}
    named = _TITLES.get(next(iter(kind)), "Gateway") if len(kind) == 1 else "Gateway"
    return Widget(
        name=CONTENT.name,
        title=f"{named} {CONTENT.title} (Last {status.window_seconds / 60:g}m)",
        state=state,
        columns=(Column(), Column()),
        rows=tuple(rows),
        line=_line(gateways, places),
        figures=tuple(told.figures),
        note=_note(gateways, part),
        age_seconds=telling.oldest(figure for one in gateways for figure in (one.requests, one.latency_p95)),
        link="inferdeck status",
    )


def chosen(environment: str, gateway: str, part: Part) -> bool:
    """Tell whether a gateway belongs to what is asked for."""
    return part.environment in ("", environment) and part.gateway in ("", gateway)


def place_of(one: Gateway) -> Place:
    """Return where a gateway stands."""
    return Place(one.environment, one.name)


def state_of(one: Gateway) -> State:
    """Return a gateway's own state; without requests in the window nothing is wrong with them."""
    if one.requests.value is None:
        return State.UNKNOWN
    slow = one.latency_p95.value is not None and one.latency_p95.value > SLOW_P95_SECONDS
    failing = over(one.errors, ERRORS_WARNING, ERRORS_CRITICAL) if one.errors.value is not None else State.OK
    return worst((failing, State.WARNING if slow else State.OK))


def _figures(one: Gateway, window: float) -> dict[str, Number]:
    errors = _part(one.requests, one.errors.value)
    return {
        "rate": per_minute(one.requests),
        "requests": times(one.requests, window),
        "latency.p50": one.latency_p50,
        "latency.p95": one.latency_p95,
        "latency.p99": one.latency_p99,
        "errors": times(errors, window),
        "errors.ratio": one.errors,
        "cached": times(one.cached, window),
        "cached.ratio": _share(one.cached, one.requests),
    }


def _part(rate: Number, share: float | None) -> Number:
    # Where nothing was asked nothing failed; where nobody knows what was asked nobody knows what failed.
    if rate.value is None or (share is None and rate.value != 0):
        return Number(None, rate.unit)
    return times(rate, share or 0.0, rate.unit)


def _share(part: Number, whole: Number) -> Number:
    if part.value is None or not whole.value:
        return Number(None, "ratio", source=part.source)
    return Number(min(1.0, part.value / whole.value), "ratio", part.quality, part.age_seconds, part.source)


def _rows(one: Gateway, figures: dict[str, Number]) -> list[tuple[Cell, ...]]:
    latency = " ".join(f"{word.upper()}={shown(figures[f'latency.{word}'])}" for word in ("p50", "p95", "p99"))
    slow = one.latency_p95.value is not None and one.latency_p95.value > SLOW_P95_SECONDS
    failing = over(one.errors, ERRORS_WARNING, ERRORS_CRITICAL) if one.errors.value is not None else State.OK
    return [
        _row("Requests:", figures["requests"], f"{total(figures['requests'])} total ({shown(figures['rate'])})"),
        _row("Latency:", one.latency_p95, latency, State.WARNING if slow else State.OK),
        _row("Errors:", figures["errors"], _with_share(figures, "errors"), failing),
        _row("Cache Hits:", figures["cached"], _with_share(figures, "cached")),
    ]


def _row(title: str, figure: Number, text: str, state: State = State.OK) -> tuple[Cell, Cell]:
    return Cell(title), telling.cell(figure, state, text if figure.value is not None else numbers.MISSING)


def total(figure: Number) -> str:
    """Return a count that was extrapolated to the edges of its window, as the whole number nearest to it."""
    if figure.value is None:
        return numbers.MISSING
    return worth(figure, numbers.count(round(figure.value)))


def _with_share(figures: dict[str, Number], word: str) -> str:
    share = figures[f"{word}.ratio"]
    return (
        f"{total(figures[word])} ({numbers.percent(share.value)})" if share.value is not None else total(figures[word])
    )


def _line(gateways: Sequence[Gateway], places: Places) -> tuple[Cell, ...]:
    cells: list[Cell] = []
    for one in gateways:
        state = state_of(one)
        name = f"{places.where(place_of(one))} " if len(gateways) > 1 else ""
        cells.append(Cell(f"{name}{shown(per_minute(one.requests))}", telling.LOOKS[state], state))
        if one.requests.value:
            cells.append(telling.cell(one.latency_p95, text=f"p95 {shown(one.latency_p95)}"))
            failing = over(one.errors, ERRORS_WARNING, ERRORS_CRITICAL)
            cells.append(telling.cell(one.errors, failing, f"err {shown(one.errors)}"))
    return tuple(cells) or (Cell("no gateway", Look.DIM, State.UNKNOWN),)


def _note(gateways: Sequence[Gateway], part: Part) -> str:
    if not gateways:
        return no_gateway(part)
    if all(one.requests.value is None for one in gateways):
        return "No gateway has counted a request yet. Run inferdeck doctor to see whether its metrics are read."
    return "" if any(one.requests.value for one in gateways) else "No request in this window."


def no_gateway(part: Part) -> str:
    """Return why no gateway is there, and what to do."""
    where = " ".join(
        text
        for text in (
            f"called {part.gateway}" if part.gateway else "",
            f"in the environment {part.environment}" if part.environment else "",
        )
        if text
    )
    if where:
        return f"No gateway {where} is watched. inferdeck status lists all of them."
    return "No gateway is watched. Run inferdeck doctor: it says which line of configuration adds one."
