"""`inferdeck models`: all models as a table, or everything that is known of one."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace

from inferdeck.cli import board, daemons
from inferdeck.cli.figures import day, figure, parameters, shown
from inferdeck.cli.stack_words import then
from inferdeck.cli.text import Cell, Page, coloured, columns
from inferdeck.client.tiny import Client
from inferdeck.errors import UsageError
from inferdeck.model import numbers
from inferdeck.model.answers import Number
from inferdeck.model.json_form import dumps
from inferdeck.model.model_catalog import (
    Capability,
    Deprecation,
    Known,
    ModelPage,
    ModelRow,
    Models,
    Offer,
    Price,
    PriceSource,
    Use,
)

FILTERS = ("q", "type", "provider", "capability", "status", "sort")
SOON_DAYS = 60
_SIGNS = {"yes": Cell("yes", "green"), "no": Cell("no", "red"), "": Cell("unknown", "dim")}
_FACTS = (
    "type",
    "version",
    "parameters",
    "size_bytes",
    "quantization",
    "context",
    "output",
    "family",
    "format",
    "licence",
    "repository",
    "adapter_of",
    "pipeline",
    "gated",
    "updated",
    "tags",
    "sleeping",
    "description",
)


def models(options: argparse.Namespace) -> int:
    """Show the models that match, or one model's page."""
    client = daemons.client(options)
    if options.name:
        given = [name for name in FILTERS if getattr(options, name)]
        if given:
            raise UsageError(f"--{given[0]}: chooses among models; leave out NAME, which asks for one")
        return _one(client, options)
    chosen = {name: getattr(options, name) or "" for name in FILTERS}
    paging = {name: str(value) for name in ("offset", "limit") if (value := getattr(options, name)) is not None}
    answer = client.models(environment=options.environment or "", at=options.at or "", **chosen, **paging)
    if options.json:
        print(dumps(answer, indent=2))
        return 0
    page = _page()
    then(page, answer.past)
    draw(page, answer, asked=any(chosen.values()) or bool(options.environment))
    sys.stdout.write(page.text())
    return 0


def _one(client: Client, options: argparse.Namespace) -> int:
    answer = client.model(options.name, options.environment or "", options.at or "")
    if options.json:
        print(dumps(answer, indent=2))
        return 0
    page = _page()
    then(page, answer.past)
    draw_one(page, answer)
    sys.stdout.write(page.text())
    return 0


def draw(page: Page, answer: Models, *, asked: bool) -> None:
    """Add the list of models."""
    if not answer.items:
        page.line(_empty(answer, asked=asked))
        if not asked and not answer.total:
            page.line("inferdeck sources list says what is watched; sources add litellm URL --key-env NAME adds one")
        return
    several = len({one.environment for one in answer.items}) > 1
    rows = [
        (
            board.STATES.get(one.state.value, Cell(one.state.value)),
            f"{one.environment}/{one.name}" if several else one.name,
            one.type or numbers.MISSING,
            ", ".join(one.providers) or numbers.MISSING,
            figure(one.context),
            _parameters(one.parameters),
            one.quantization,
            _price(one.price, one.price.input),
            _price(one.price, one.price.output),
            figure(one.requests),
            ", ".join(one.capabilities),
            _ending(one.deprecation),
        )
        for one in answer.items
    ]
    headings = (
        *("STATE", "NAME", "TYPE", "PROVIDERS", "CONTEXT", "PARAMS", "QUANT", "IN", "OUT", "REQUESTS", "CAN"),
        "ENDS",
    )
    page.table(headings, rows, right="CONTEXT PARAMS IN OUT REQUESTS", spare="CAN QUANT PARAMS CONTEXT TYPE")
    page.line("IN and OUT: USD per million tokens; inferdeck models NAME says more", "dim")
    _foot(page, answer)


def _empty(answer: Models, *, asked: bool) -> str:
    if answer.total:
        return f"there are {answer.total} such models; --offset {answer.offset} leaves out all of them"
    return "no model fits that" if asked else "no gateway or engine that is watched tells of a model"


def _foot(page: Page, answer: Models) -> None:
    if answer.total > len(answer.items):
        first = answer.offset + 1
        page.line(f"{first} to {answer.offset + len(answer.items)} of {answer.total}; --offset and --limit", "dim")
    _list_prices(page, answer.prices)


def _list_prices(page: Page, source: PriceSource) -> None:
    if source.trouble:
        page.line(f"published prices: {source.name} {source.version}: {source.trouble}", "yellow")
    else:
        age = "" if source.age_days is None else f", at most {source.age_days} days old"
        page.line(f"published prices: {source.name} {source.version}{age}", "dim")


def _parameters(number: Number) -> Cell:
    return figure(number) if number.value is None else replace(figure(number), text=parameters(number.value))


def _price(price: Price, number: Number) -> Cell:
    if number.value is None:
        return Cell(price.word if number.quality == "unpriced" else numbers.MISSING, "dim")
    if number.value == 0:
        return Cell("free")
    return Cell(f"{'≤' if price.varies else ''}{number.value:g}")


def _ending(found: Deprecation | None) -> Cell:
    if found is None:
        return Cell("")
    text = found.date or "deprecated"
    instead = f" → {found.replacement}" if found.replacement else ""
    over = found.days_left is not None and found.days_left <= 0
    soon = found.days_left is None or found.days_left <= SOON_DAYS
    return Cell(text + instead, "red" if over else "yellow" if soon else "")


def draw_one(page: Page, answer: ModelPage) -> None:
    """Add everything that is known of one model."""
    row = answer.row
    page.section(row.name, row.id if row.id != row.name else "")
    sign = board.STATES.get(row.state.value, Cell(row.state.value))
    page.line(f"{sign.text}{_by(row.state)}", sign.style)
    _notice(page, row, answer.time)
    _facts(page, answer)
    _places(page, answer)
    _prices(page, answer)
    _use(page, answer)
    _engines(page, answer)
    _capabilities(page, answer.capabilities)
    for example in answer.examples:
        page.section(example.name.upper(), f"the key is in ${example.key_variable}" if example.key_variable else "")
        for line in example.text.splitlines():
            page.whole(line, "  ")


def _by(known: Known) -> str:
    if not known.source:
        return ""
    age = f", {numbers.age(known.age_seconds)}" if known.age_seconds is not None else ""
    others = "".join(f"; {one.source} says {one.value}" for one in known.others)
    return f", says {known.source}{age}{others}"


def _notice(page: Page, row: ModelRow, now: float) -> None:
    found = row.deprecation
    if found is None:
        return
    when = "is deprecated"
    if found.days_left is not None:
        days = abs(found.days_left)
        plural = "" if days == 1 else "s"
        when = f"ends on {found.date}, in {days} day{plural}"
        if found.days_left <= 0:
            when = f"ended on {found.date}"
    instead = f"; use {found.replacement}" if found.replacement else ""
    busy = row.requests.value
    still = f"; it still gets {shown(row.requests)}" if busy else ""
    clock = time.strftime("%Y-%m-%d", time.gmtime(now))
    page.wrapped(f"! {when}, says {found.source} (today is {clock}){instead}{still}", "", "yellow")


def _facts(page: Page, answer: ModelPage) -> None:
    rows = []
    for name in _FACTS:
        found = answer.facts.get(name, Known())
        if found.value:
            others = "".join(f"; {one.source} says {_value(name, one.value)}" for one in found.others)
            rows.append((name.replace("_", " "), _value(name, found.value), f"{found.source}{others}"))
    if answer.row.link:
        rows.append(("page", answer.row.link, ""))
    if rows:
        page.table(("WHAT", "VALUE", "SAYS"), rows, wrap=True)


def _value(name: str, text: str) -> str:
    forms = {"parameters": parameters, "size_bytes": numbers.byte_size, "context": numbers.tokens, "updated": day}
    form = forms.get("context" if name == "output" else name)
    try:
        return form(float(text)) if form else text
    except ValueError:
        return text


def _places(page: Page, answer: ModelPage) -> None:
    if not answer.places:
        return
    page.section("PLACES", "where it is served")
    names = {one.id: one.name for one in answer.engines}
    rows = [
        (
            board.STATES.get(one.state.value, Cell(one.state.value)),
            one.gateway or "(the engine itself)",
            one.deployment,
            one.provider,
            one.target,
            one.endpoint,
            names.get(one.engine, one.engine),
            one.evidence,
        )
        for one in answer.places
    ]
    headings = ("STATE", "GATEWAY", "DEPLOYMENT", "PROVIDER", "MODEL", "ENDPOINT", "ENGINE", "BECAUSE")
    page.table(headings, rows, spare="DEPLOYMENT PROVIDER", wrap=True)
    for text in answer.fallbacks:
        page.line(f"falls back, {text}")


def _prices(page: Page, answer: ModelPage) -> None:
    page.section("PRICE", f"{answer.row.price.word}; USD per million tokens")
    offers = [_offer(one) for one in answer.row.price.offers]
    if offers:
        headings = ("SOURCE", "IN", "OUT", "CACHED IN", "CACHE WRITE", "OLD", "ENTRY")
        page.table(headings, offers, right="IN OUT OLD", spare="OLD")
    if answer.row.price.difference:
        page.wrapped(f"! {answer.row.price.difference}", "", "yellow")
    _list_prices(page, answer.prices)


def _offer(one: Offer) -> tuple[str, ...]:
    prices = (one.input, one.output, one.cached_input, one.cache_creation)
    told = (numbers.MISSING if value is None else f"{value:g}" for value in prices)
    return one.source, *told, numbers.age(one.age_seconds), one.detail


def _use(page: Page, answer: ModelPage) -> None:
    if not answer.use:
        page.section("USE", "no gateway counted a request for it")
        return
    page.section("USE", f"over the last {answer.window_seconds / 60:.0f} min; each gateway by itself, never added up")
    headings = ("GATEWAY", "REQUESTS", "ERRORS", "P50", "P95", "TTFT", "IN", "OUT", "CACHED", "COST")
    page.table(headings, [_used(one) for one in answer.use], right=board.RIGHT, spare="CACHED P50")


def _used(one: Use) -> tuple[Cell | str, ...]:
    return (
        one.gateway,
        shown(one.requests),
        figure(one.errors, warn=0.01, critical=0.05),
        figure(one.latency_p50),
        figure(one.latency_p95, warn=10.0),
        figure(one.ttft_p95, warn=5.0),
        *(figure(one.tokens.get(kind, Number())) for kind in ("input", "output", "cached_input")),
        figure(one.cost),
    )


def _engines(page: Page, answer: ModelPage) -> None:
    if not answer.engines:
        return
    page.section("ENGINES")
    rows = [
        (
            board.STATES.get(one.state.value, Cell(one.state.value)),
            one.name,
            one.kind,
            one.version,
            figure(one.running),
            figure(one.waiting, warn=1.0),
            figure(one.kv_cache, warn=0.8, critical=0.95),
            figure(one.prefill),
            figure(one.decode),
        )
        for one in answer.engines
    ]
    headings = ("STATE", "NAME", "KIND", "VERSION", "RUNNING", "WAITING", "KV", "PREFILL", "DECODE")
    page.table(headings, rows, right=board.RIGHT, spare="VERSION KIND")


def _capabilities(page: Page, found: tuple[Capability, ...]) -> None:
    known = [one for one in found if one.value]
    page.section("CAN", "" if known else "nobody says what it can do")
    if not known:
        return
    rows = [
        (
            one.name.replace("_", " "),
            _SIGNS[one.value],
            ", ".join(one.sources) + (f"; not so {', '.join(one.against)}" if one.against else ""),
        )
        for one in known
    ]
    page.table(("WHAT", "", "SAYS"), rows, wrap=True)
    page.line(f"unknown: {', '.join(one.name.replace('_', ' ') for one in found if not one.value)}", "dim")


def _page() -> Page:
    return Page(columns(), colour=coloured(sys.stdout))
