"""Models as rows, up to four side by side, and everything that is known of one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from inferdeck.faces.terminal.drawing.grid import Column, Field
from inferdeck.faces.terminal.drawing.picture import Row, Span
from inferdeck.faces.terminal.drawing.prose import wrapped
from inferdeck.faces.terminal.views.charts import Wanted, quoted
from inferdeck.faces.terminal.views.outside import fit
from inferdeck.faces.terminal.views.table import Entry, Rank, entry, figure, text
from inferdeck.model import cells, numbers
from inferdeck.model.answers import Number
from inferdeck.model.figure_text import shown
from inferdeck.model.model_catalog import Deprecation, EngineUse, Known, ModelPage, ModelRow, Place, Price, Use

COLUMNS = (
    Column("Model", most=44),
    Column("State"),
    Column("Type", drop=6),
    Column("Load", right=True),
    Column("Providers", drop=10, most=28),
    Column("Gateways", drop=1, most=20),
    Column("Parameters", right=True, drop=7),
    Column("Quant", drop=5, most=10),
    Column("Size", right=True, drop=4),
    Column("Context", right=True, drop=9),
    Column("In $/M", right=True, drop=11),
    Column("Out $/M", right=True, drop=11),
    Column("Can", drop=3, most=36),
    Column("Ends", drop=8, most=12),
    Column("Licence", drop=2, most=16),
)
CHARTS = (
    Wanted(
        "Requests",
        "sum by (gateway, model) (rate(llm_requests_total{ENVIRONMENT}[RANGE]))",
        "rate",
        "{{model}} {{gateway}}",
    ),
    Wanted(
        "Latency p95",
        "histogram_quantile(0.95, sum by (le, gateway, model)"
        " (rate(llm_request_duration_seconds_bucket{ENVIRONMENT}[RANGE])))",
        "seconds",
        "{{model}} {{gateway}}",
    ),
    Wanted(
        "Output",
        'sum by (gateway, model) (rate(llm_tokens_used_total{ENVIRONMENT, token_type="output"}[RANGE]))',
        "tokens_per_second",
        "{{model}} {{gateway}}",
    ),
    Wanted(
        "Cost",
        "3600 * sum by (gateway, model) (rate(llm_cost_total{ENVIRONMENT}[RANGE]))",
        "money_per_hour",
        "{{model}} {{gateway}}",
    ),
)
_STATES = {"available": "ok", "loading": "warn", "degraded": "warn", "error": "critical"}
_SOON_DAYS = 60
_FACT = 36
"""Cells of a fact, before who says so."""


def key_of(one: ModelRow) -> str:
    """Return what tells a model from all others: its name, and its environment behind a blank."""
    return f"{one.name} {one.environment}"


def entry_of(one: ModelRow) -> Entry:
    """Return a model as a row."""
    return entry(
        key_of(one),
        (
            text(one.name),
            _state(one.state),
            text(one.type, "dim"),
            figure(one.requests),
            text(", ".join(one.providers)),
            text(", ".join(one.gateways), "dim"),
            _parameters(one.parameters),
            text(one.quantization),
            figure(one.size),
            figure(one.context),
            _price(one.price, one.price.input),
            _price(one.price, one.price.output),
            text(", ".join(one.capabilities), "dim"),
            _ends(one.deprecation),
            text(one.licence, "dim"),
        ),
    )


def _state(known: Known) -> tuple[Field, Rank]:
    return Field(known.value or "unknown", _STATES.get(known.value, "dim")), known.value or None


def _parameters(number: Number) -> tuple[Field, Rank]:
    field, rank = figure(number)
    # As its makers write it: 70.6 B, not 70.6 G.
    return Field(field.text.replace("G", "B"), field.style), rank


def _price(price: Price, number: Number) -> tuple[Field, Rank]:
    if number.value is None:
        return Field(price.word or numbers.MISSING, "dim"), None
    return Field(f"{shown(number)}{'+' if price.varies else ''}"), number.value


def _ends(end: Deprecation | None) -> tuple[Field, Rank]:
    if end is None:
        return Field("", ""), None
    days = end.days_left
    style = "warn" if days is None or days < _SOON_DAYS else ""
    return Field(end.date or "deprecated", "critical" if days is not None and days < 0 else style), end.date or None


def charts_of(names: Sequence[str]) -> list[Wanted]:
    """Return what is charted of these models."""
    matcher = f"ENVIRONMENT, model=~{quoted('|'.join(re.escape(name) for name in names))}"
    return [replace(one, expr=one.expr.replace("ENVIRONMENT", matcher)) for one in CHARTS]


def page_rows(page: ModelPage, width: int) -> list[Row]:
    """Return everything that is known of one model, part under part."""
    return [*first_rows(page, width), *further_rows(page, width)]


def first_rows(page: ModelPage, width: int) -> list[Row]:
    """Return what a model is, where it is served, and how it is used."""
    return _parts(
        (
            ("", list(_facts(page, width))),
            ("Where it is served", [_place(one, width) for one in page.places]),
            ("Use", [_use(one, width) for one in page.use]),
            ("Engines", [_engine(one, width) for one in page.engines]),
        ),
        width,
    )


def further_rows(page: ModelPage, width: int) -> list[Row]:
    """Return what is tried after a model, what it can do, and how to ask for it."""
    return _parts(
        (
            ("Then tried", [fit(((cells.clean(one), ""),), width) for one in page.fallbacks]),
            ("Capabilities", list(_capabilities(page, width))),
            ("How to ask for it", list(_examples(page, width))),
        ),
        width,
    )


def _parts(parts: Sequence[tuple[str, list[Row]]], width: int) -> list[Row]:
    rows: list[Row] = []
    for title, part in parts:
        if part:
            rows += [*([fit(((title, "title"),), width)] if title else []), *part, fit((), width)]
    return rows


def _facts(page: ModelPage, width: int) -> Iterator[Row]:
    row = page.row
    head: list[Span] = [(cells.clean(row.name), "strong"), (f"  {row.type or 'type unknown'}  ", "dim")]
    state, _ = _state(row.state)
    yield fit((*head, (state.text, state.style)), width)
    end = row.deprecation
    if end is not None:
        after = f"; use {end.replacement}" if end.replacement else ""
        yield fit(((f"ends {end.date or 'soon'}, says {end.source}{after}", "warn"),), width)
    for name, known in page.facts.items():
        if known.value:
            value = cells.fit(_fact(name, known.value), _FACT)
            others = "".join(f"; {one.source} says {one.value}" for one in known.others)
            said = ((f"  {cells.clean(known.source)}{cells.clean(others)}", "dim"),)
            yield fit(((name.replace("_", " ").ljust(18), "dim"), (f"{value} ", ""), *said), width)
    price = row.price
    told = price.word or f"{shown(price.input)} in, {shown(price.output)} out, $ per million tokens"
    yield fit((("price".ljust(18), "dim"), (told, ""), (f"  {cells.clean(price.difference)}", "warn")), width)
    for offer in price.offers:
        yield fit((("".ljust(18), ""), (cells.clean(f"{offer.source} {offer.detail}"), "dim")), width)


def _fact(name: str, value: str) -> str:
    """Return a fact as people write it: 12.2 B parameters, 7.54 GiB, 8.19 k tokens of context."""
    form = {"parameters": "count", "size_bytes": "bytes", "context": "tokens"}.get(name)
    try:
        number = Number(float(value), form or "", "measured")
    except ValueError:
        return cells.clean(value)
    text = shown(number) if form else value
    return cells.clean(text.replace("G", "B") if name == "parameters" else text)


def _place(one: Place, width: int) -> Row:
    state, _ = _state(one.state)
    spans = (
        (cells.fit(cells.clean(one.gateway), 18), "dim"),
        (cells.fit(cells.clean(one.deployment), 28), ""),
        (cells.fit(cells.clean(one.provider), 16), ""),
        (cells.fit(state.text, 12), state.style),
        (cells.clean(f"{one.target} {one.endpoint} {one.engine}"), "dim"),
    )
    return fit(spans, width)


def _use(one: Use, width: int) -> Row:
    tokens = "  ".join(f"{name} {shown(number)}" for name, number in one.tokens.items() if number.value is not None)
    words = f"{shown(one.requests)}  errors {shown(one.errors)}  cost {shown(one.cost)}  {tokens}"
    return fit(((cells.fit(cells.clean(one.gateway), 18), "dim"), (words, "")), width)


def _engine(one: EngineUse, width: int) -> Row:
    state, _ = _state(one.state)
    words = f"running {shown(one.running)}  waiting {shown(one.waiting)}  KV {shown(one.kv_cache)}  "
    words += f"prefill {shown(one.prefill)}  decode {shown(one.decode)}"
    name = cells.fit(cells.clean(f"{one.name} ({one.kind} {one.version})"), 36)
    return fit(((name, ""), (cells.fit(state.text, 12), state.style), (words, "")), width)


def _capabilities(page: ModelPage, width: int) -> Iterator[Row]:
    for one in page.capabilities:
        against = f"; against: {', '.join(one.against)}" if one.against else ""
        said = cells.clean(f"  {', '.join(one.sources)}{against}")
        yield fit(
            ((one.name.ljust(18), ""), (one.value.ljust(8), "ok" if one.value == "yes" else ""), (said, "dim")), width
        )


def _examples(page: ModelPage, width: int) -> Iterator[Row]:
    for one in page.examples:
        yield fit(((one.name, "strong"),), width)
        for line in one.text.splitlines():
            yield fit((("  " + cells.clean(line), ""),), width)


_COMPARED: tuple[tuple[str, Callable[[ModelRow], str]], ...] = (
    ("state", lambda one: one.state.value or "unknown"),
    ("type", lambda one: one.type or numbers.MISSING),
    ("providers", lambda one: ", ".join(one.providers) or numbers.MISSING),
    ("gateways", lambda one: ", ".join(one.gateways) or numbers.MISSING),
    ("load", lambda one: shown(one.requests)),
    ("parameters", lambda one: _parameters(one.parameters)[0].text),
    ("quantization", lambda one: one.quantization or numbers.MISSING),
    ("size", lambda one: shown(one.size)),
    ("context", lambda one: shown(one.context)),
    ("in $/M", lambda one: _price(one.price, one.price.input)[0].text),
    ("out $/M", lambda one: _price(one.price, one.price.output)[0].text),
    ("can", lambda one: ", ".join(one.capabilities) or numbers.MISSING),
    ("licence", lambda one: one.licence or numbers.MISSING),
    ("ends", lambda one: (one.deprecation.date or "yes") if one.deprecation else numbers.MISSING),
)
_NAME = 14


def compared(chosen: Sequence[ModelRow], width: int) -> list[Row]:
    """Return models side by side, what they differ in at full strength."""
    if not chosen:
        return []
    room = max(8, (width - _NAME) // len(chosen))
    rows = [
        fit(
            ((" " * _NAME, ""), *((cells.fit(cells.clean(one.name), room - 1) + " ", "title") for one in chosen)), width
        )
    ]
    for name, get in _COMPARED:
        values = [cells.clean(get(one)) for one in chosen]
        style = "strong" if len(set(values)) > 1 else "dim"
        columns = [wrapped(value, room - 1) or [()] for value in values]
        for line in range(max(len(column) for column in columns)):
            spans: list[Span] = [((name if not line else "").ljust(_NAME), "dim")]
            for column in columns:
                part = "".join(text for text, _ in column[line]) if line < len(column) else ""
                spans.append((cells.fit(part, room - 1) + " ", style))
            rows.append(fit(spans, width))
    return rows
