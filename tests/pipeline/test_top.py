"""What the terminal view shows of a fleet that stands still is what its ledger says: figures are read off the screens.

Panels stand alone on the screen while they are read, so that nothing of them is cut.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from inferdeck.dashboards import interpolation
from inferdeck.dashboards.interpolation import Window
from inferdeck.faces.terminal import places
from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.model import numbers, units
from inferdeck.model.dashboard import Dashboard, PanelKind
from inferdeck.query.provider_names import provider_name
from inferdeck.query.status import WINDOW_SECONDS
from inferdeck.simulate.fleet import Gateway
from inferdeck.simulate.servers.dcgm import uuid
from inferdeck.simulate.servers.redis.server import Redis
from tests.pipeline import charts_seen, claimed, panels, screen_claims
from tests.pipeline.applications import ApplicationTruth
from tests.pipeline.charts_seen import Charted
from tests.pipeline.claimed import Claims
from tests.pipeline.collecting import Stage
from tests.pipeline.counters import Claim, Key, stored, summed
from tests.pipeline.engines import EngineTruth
from tests.pipeline.frozen_world import World
from tests.pipeline.gateways import GatewayTruth
from tests.pipeline.oracle import Oracle, bucket
from tests.pipeline.panels import Asked
from tests.pipeline.playing import INTERVAL, NOTE, PORT, Played, fixed_place, played
from tests.pipeline.screens import Watcher, box, named, read, table, watching
from tests.pipeline.snapshots import FOLDER, SIZES, golden
from tests.pipeline.stack import StackTruth
from tests.pipeline.states import OPENED, States, loading, opened, same, shown_places, snapshots_of
from tests.pipeline.test_dashboards import EDGE, GATEWAY, USAGE, Births, Figure, Truth

SCENARIO, BEGIN, COLLECTIONS = "provider-outage", 1620.0, 30
"""In the outage: requests fail, fall back and are kept from providers that cool down."""
SPAN = INTERVAL * COLLECTIONS
RANGE = SPAN + INTERVAL
GROUPS = 6
"""Of screens, of which each takes its time."""
ZONE = "Asia/Kolkata"
"""Where whoever looks is: half an hour beside whole hours, without a summer time."""
SIZE = (200, 60)
MIB = 2**20
ENGINE_PANELS = {
    "requests": "llm_engine_e2e_latency_seconds_count",
    "prefill": "llm_engine_prompt_tokens_total",
    "decode": "llm_engine_generation_tokens_total",
}
GAUGES = {
    "overview": ["services-up", "services-down"],
    "engines": ["containers", *ENGINE_PANELS],
    "gpu": ["cards", "memory", "temperature"],
    "cache": ["keys"],
}
"""Panels that are read for what is no counter of a gateway."""
_WINDOW = re.compile(r"\[(\d+)([smhd])\]")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_BARS = re.compile("[▁▂▃▄▅▆▇█▉▊▋▌▍▎▏·]+")


@dataclass(slots=True)
class Screens:
    """What was seen, by place, and by dashboard and panel."""

    played: Played
    places: dict[str, str] = field(default_factory=dict)
    panels: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """By (dashboard, whose it is, panel)."""
    asked: dict[tuple[str, str, str], Asked] = field(default_factory=dict)
    """By (dashboard, whose it is, panel and query)."""

    @property
    def stage(self) -> Stage:
        return self.played.stage

    @property
    def gateway(self) -> Gateway:
        return self.stage.scenario.fleet.gateways[0]

    @property
    def truth(self) -> GatewayTruth:
        return GatewayTruth(self.stage, self.gateway)

    @property
    def last(self) -> float:
        return self.played.last

    @property
    def first(self) -> float:
        """The first collection that the five minutes before the end hold."""
        return self.last - WINDOW_SECONDS + INTERVAL

    def counted(self, family: str, key: Sequence[str] = (), **where: str) -> Counted:
        """Return what a counter of the gateway did in the window of the status; key: the first labels that it keeps."""
        claims = self.truth.claims()
        claim = next(one for one in claims if one.family == family and dict(one.where).items() >= where.items())
        amounts = summed(claim.truth(self.first, self.last))
        lost = 0.0
        for series, values in stored(self.stage, self.stage.watched[self.gateway.name], family, claim.where):
            labels = dict(series)
            mine = tuple(labels.get(name, "") for name in claim.keep)[: len(key)] == tuple(key)
            if mine and min(values) > round(self.first * 1000):
                lost += values[min(values)]
        whole = sum(amount for one, amount in amounts.items() if one[: len(key)] == tuple(key))
        return Counted(whole, lost, self.last - self.first)


@dataclass(frozen=True, slots=True)
class Counted:
    """An amount of the status' window, what is not seen of it since its series were too young, and of how long."""

    amount: float
    lost: float
    seconds: float

    def shown_as(self, text: str, form: Callable[[float], str], per: float = 1.0) -> bool:
        """Whether a figure is this amount's rate: that of the ledger, where all of it was seen."""
        most = self.amount / self.seconds * per
        if not self.lost:
            return text.lstrip("~") == form(most)
        # What began within the window is not stretched to its beginning.
        least, seen = (self.amount - self.lost) / WINDOW_SECONDS * per, read(text)
        return least - seen.half <= seen.value <= most + seen.half


@pytest.fixture(scope="module", autouse=True)
def zone() -> Iterator[None]:
    """Be in ZONE."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = ZONE
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


@pytest.fixture(scope="module")
def outage(zone: None) -> Iterator[Played]:
    moments = [BEGIN + INTERVAL * number for number in range(COLLECTIONS + 1)]
    with fixed_place() as folder, played(SCENARIO, moments, folder, PORT, wanted=screen_claims.wanted()) as found:
        yield found


@pytest.fixture(scope="module")
def nothing(zone: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with played("empty-fleet", [BEGIN, BEGIN + INTERVAL], tmp_path_factory.mktemp("nothing")) as found:
        yield found


@pytest.fixture(scope="module")
def screens(outage: Played) -> Screens:
    seen = Screens(outage)
    asyncio.run(look(seen))
    return seen


@pytest.fixture(scope="module")
def charted(outage: Played) -> Charted:
    """All screens once more: dashboards as high as they are, all with what is charted on them."""
    return asyncio.run(charts_seen.look_at_all(outage, shown_places(outage), range_seconds=RANGE))


async def look(seen: Screens) -> None:
    """Go through all places and panels once."""
    compared = "compare gpt-4o demo\tllama-3.3-70b demo"
    async with watching(seen.played, SIZE, range_seconds=RANGE, look=Look(big=False)) as watcher:
        every = [place for place, _ in places.every(watcher.app.dashboards.value)]
        dashboards = {one.uid for one in panels.dashboards()}
        for place in (*every, "model gpt-4o demo", compared, "file /tmp/inferdeck-played/litellm-0.yaml"):
            if place not in dashboards:
                seen.places[place.partition("\t")[0]] = await watcher.show(place)
        for process, figures in subjects(seen):
            await look_at(seen, watcher, process, figures)
        for uid, wanted in GAUGES.items():
            await watcher.show(f"dashboard {uid}")
            for panel in wanted:
                seen.panels[uid, "", panel] = await watcher.panel(panel)


def subjects(seen: Screens) -> Iterator[tuple[str, list[Figure]]]:
    """Yield every program that counts requests with the figures that the dashboards show of it."""
    yield seen.gateway.name, GATEWAY
    for one in seen.stage.scenario.fleet.applications:
        yield one.name, USAGE if one.metrics == "llm" else EDGE


async def look_at(seen: Screens, watcher: Watcher, process: str, figures: list[Figure]) -> None:
    """Look at the panels of these figures, as of one program."""
    by_uid: dict[str, list[str]] = {}
    for one in figures:
        uid, panel, _ = one.place.split("/")
        by_uid.setdefault(uid, []).append(panel)
    for uid, names in by_uid.items():
        dashboard = panels.dashboard(uid)
        given = {"gateway": process, "per": "1h"}
        kept = {name: value for name, value in given.items() if dashboard.variable(name) is not None}
        words = "\t".join(f"{name}={value}" for name, value in kept.items())
        await watcher.show(f"dashboard {uid} {words}".strip())
        for name in dict.fromkeys(names):
            seen.panels[uid, process, name] = await watcher.panel(name)
        await ask(seen, dashboard, process, kept)


async def ask(seen: Screens, dashboard: Dashboard, process: str, given: dict[str, str]) -> None:
    """Note what each panel asks: its windows say what its figures are of."""

    async def none(label: str, selector: str) -> list[str]:
        return []

    end = round(seen.last * 1000)
    window = Window(end - round(RANGE * 1000), end, round(INTERVAL * 1000), round(INTERVAL * 1000))
    chosen = await panels.choose(dashboard, none, window, given)
    for one in panels.queries(dashboard, chosen, window):
        seen.asked[dashboard.uid, process, f"{one.panel.id}/{one.query.ref}"] = one


# Panels of counters.


def test_counters_on_panels_are_those_of_the_ledger(screens: Screens) -> None:
    """Figure by figure: the text that stands beside a name is the ledger's amount in the panel's unit."""
    done: Counter[str] = Counter()
    young = 0
    for process, figures in subjects(screens):
        for figure in figures:
            uid, panel, ref = figure.place.split("/")
            asked = screens.asked[uid, process, f"{panel}/{ref}"]
            text = box(screens.panels[uid, process, panel])
            for key, value in wanted(screens, process, figure, asked.text).items():
                if value is None:
                    young += 1
                    continue
                column = next((one for one in asked.panel.columns if one.key == ref), None)
                unit, decimals = (column.unit, column.decimals) if column else (asked.panel.unit, asked.panel.decimals)
                shown = units.show(unit or asked.panel.unit, value, decimals=decimals)
                told = found_text(text, asked, figure, process, key)
                # What costs nothing is left out of some panels.
                nothing = told in ("", numbers.MISSING)
                assert told == shown or (nothing and not value), (figure.place, process, key, told, value, text)
                done[figure.place] += not nothing
    print(f"{sum(done.values())} figures of {len(done)} panels' queries, {young} too young")
    assert sum(done.values()) >= 90
    assert len(done) >= 25, {one.place for _, every in subjects(screens) for one in every} - set(done)


def found_text(text: str, asked: Asked, figure: Figure, process: str, key: Key) -> str:
    """Return what stands in a panel where the figure of a key is expected, "" for nothing."""
    labels = dict(zip(figure.by, key, strict=True))
    if asked.panel.kind is PanelKind.TABLE:
        heads = {column.key: column.title or column.key for column in asked.panel.columns}
        names = {heads["variant" if name == "model" else name]: value for name, value in labels.items() if value}
        rows = table(text, [heads[asked.query.ref]])
        found = [one[heads[asked.query.ref]] for one in rows if names.items() <= one.items()]
        return found[0] if found else ""
    if not figure.by and asked.panel.kind in (PanelKind.STAT, PanelKind.GAUGE):
        return text.splitlines()[0].split("  ")[0].strip()
    name = interpolation.legend(asked.query.legend, {"gateway": process, **labels}, asked.panel.title)
    return named(_BARS.sub(" ", text), name.strip())


def wanted(screens: Screens, process: str, figure: Figure, text: str) -> dict[Key, float | None]:
    """Return what a query's figures are by the ledger, None where a series is too young to have one."""
    found = _WINDOW.search(text)
    assert found is not None, text
    window = int(found[1]) * _SECONDS[found[2]]
    end, one = screens.last, screens.stage.watched[process]
    begin = max(one.read[0], end - window + INTERVAL)
    truth = Truth(screens.stage, claims(screens, process), Births(screens.stage, process, begin))
    amounts, young = truth.amounts(figure.family, figure.by, figure.where)
    factor = stretched(begin, end, window) * figure.scale / (window if "rate(" in text else 1.0)
    parts: dict[Key, float] = {}
    if figure.over is not None:
        parts, more = truth.amounts(figure.over[0], figure.by, figure.over[1])
        young |= more
        factor = figure.scale
    every: dict[Key, float | None] = {}
    for key, amount in amounts.items():
        if key in young:
            every[key] = None
        elif figure.over is None:
            every[key] = amount * factor
        elif parts.get(key):
            every[key] = amount / parts[key] * factor
    return every


def stretched(begin: float, end: float, window: float) -> float:
    """Return by how much PromQL makes an increase larger: it bridges the window's beginning where that is near."""
    gap = begin - (end - window)
    return 1.0 + (gap if gap <= INTERVAL * 1.1 else INTERVAL / 2) / (end - begin)


def claims(screens: Screens, process: str) -> list[Claim]:
    fleet = screens.stage.scenario.fleet
    for one in fleet.applications:
        if one.name == process:
            return ApplicationTruth(screens.stage, one).claims()
    return screens.truth.claims()


def test_engines_say_what_they_computed(screens: Screens) -> None:
    """Tokens a second of each engine over the last minute, as the panels have it."""
    instances = {name: one.target.key.instance for name, one in screens.stage.watched.items()}
    begin, done = screens.last - 60.0 + INTERVAL, 0
    for panel, family in ENGINE_PANELS.items():
        text = box(screens.panels["engines", "", panel])
        for engine in screens.stage.scenario.fleet.engines:
            for claim in EngineTruth(screens.stage, engine).claims():
                if claim.family == family:
                    amount = sum(value for _, value in claim.truth(begin, screens.last))
                    (line,) = [one for one in text.splitlines() if instances[engine.name] in one]
                    shown = named(line, instances[engine.name])
                    unit = panels.dashboard("engines").panel(panel)
                    assert unit is not None
                    assert shown == units.show(unit.unit, amount / (screens.last - begin)), (panel, engine.name, line)
                    done += 1
    assert done >= 8


# Cards, containers and services.


def test_cards_are_those_of_the_world(screens: Screens) -> None:
    """Load, memory, heat and power of every card, in the list and on the dashboard."""
    heads = ["Card", "Host", "Used", "Memory", "of", "Full", "Heat", "Power"]
    listed = table(box(screens.panels["gpu", "", "cards"]), ["Host", "Busy"])
    rows = {(row["Host"], row["Card"].partition(" ")[0]): row for row in table(screens.places["gpus"], heads)}
    board = {(row["Host"], row["Card"]): row for row in listed}
    truth, fleet = StackTruth(screens.stage), screens.stage.scenario.fleet
    users = {(one.host, str(one.index)): [e.name for e in fleet.engines if one.name in e.gpus] for one in fleet.gpus}
    assert rows.keys() == board.keys() == users.keys()
    for gpu in fleet.gpus:
        state, place = screens.played.cards[gpu.name], (gpu.host, str(gpu.index))
        row, other = rows[place], board[place]
        busy, used, full = min(1.0, state.busy), int(state.memory_bytes) // MIB * MIB, gpu.memory_bytes // MIB * MIB
        assert read(row["Used"]).holds(round(busy * 100) / 100), row
        assert row["Memory"] == numbers.byte_size(used) and row["of"] == numbers.byte_size(full), row
        assert row["Full"] == numbers.percent(used / full)
        assert row["Power"] == f"{state.watts:.0f} W"
        cooled = math.exp((state.time - screens.last) / gpu.heat_seconds)
        celsius = state.settle_celsius + (state.celsius - state.settle_celsius) * cooled
        # A card tells whole degrees.
        assert row["Heat"] == f"{math.floor(celsius)} °C", (row, celsius)
        assert other["Busy"] == row["Used"] and other["Temperature"] == row["Heat"]
        assert read(other["Power"]).holds(round(state.watts, 3))
        assert f"{gpu.index} {gpu.model}".startswith(row["Card"].rstrip("…")) and other["Model"] == gpu.model
        users_shown = row["Used by"].split(", ")
        assert all(
            name.startswith(part.rstrip("…")) for part, name in zip(users_shown, sorted(users[place]), strict=True)
        )
        for chart, shown in (("temperature", row["Heat"]), ("memory", row["Memory"])):
            assert named(box(screens.panels["gpu", "", chart]), f"{gpu.host} {gpu.index}") == shown
        assert truth.cards(fleet.engines[0])  # the world has cards at all
        assert other["UUID"] == uuid(gpu)


def test_services_are_up_where_the_world_let_them_be_read(screens: Screens) -> None:
    rows = {row["Service"]: row for row in table(screens.places["services"], ["Service", "State", "PID", "Uptime"])}
    stage, truth = screens.stage, StackTruth(screens.stage)
    assert rows.keys() == stage.watched.keys()
    checked = 0
    for name, one in stage.watched.items():
        up = one.read[-1:] == [screens.last]
        assert rows[name]["State"].split(" ")[0] == ("up" if up else "down")
        process = stage.world.processes.all.get(name)
        if process is not None and process.kind in ("engine", "gateway", "cache", "application"):
            assert rows[name]["PID"] == str(truth.pid(name))
            checked += 1
    all_up = sum(one.read[-1:] == [screens.last] for one in stage.watched.values())
    for place, text in screens.places.items():
        assert f" {all_up}/{len(stage.watched)} up " in text.splitlines()[0], place
    assert box(screens.panels["overview", "", "services-up"]).splitlines()[0] == str(all_up)
    assert box(screens.panels["overview", "", "services-down"]).split()[0] == str(len(stage.watched) - all_up)
    assert checked >= 9


def test_containers_run_since_their_programs_began(screens: Screens) -> None:
    heads = ["Container", "State", "Uptime", "Restarts"]
    rows = {row["Container"]: row for row in table(screens.places["containers"], heads)}
    board = {row["Container"]: row for row in table(box(screens.panels["engines", "", "containers"]), ["Container"])}
    for engine in screens.stage.scenario.fleet.engines:
        process = screens.stage.world.processes.all[engine.name]
        begun = [*screens.stage.ledger.beginnings(float("-inf"), screens.last, engine.name)]
        row = rows[engine.name]
        assert row["State"] == ("running" if process.up else "exited")
        assert row["Restarts"] == str(len(begun) - 1) == board[engine.name]["Restarts"]
        assert row["Engine"] == f"{engine.kind} {board[engine.name]['Version']}"
        assert board[engine.name]["GPUs"] == ",".join(one.rpartition("-")[2] for one in engine.gpus)
        assert row["Host"] == engine.host


# Gateways, providers, models, routes.


def test_the_head_says_how_the_busiest_gateway_is_doing(screens: Screens) -> None:
    """On every screen: requests and tokens a second, the slowest twentieth, what an hour costs."""
    requests = screens.counted("llm_requests_total")
    output = screens.counted("llm_tokens_used_total", token_type="output")
    cost = screens.counted("llm_cost_total")
    times = sorted(one.time - one.request.time for one in screens.truth.good(screens.first, screens.last))
    exact = times[math.ceil(0.95 * len(times)) - 1]
    assert screens.played.world is not None
    oracle, family = Oracle(screens.played.world), "llm_request_duration_seconds_bucket"
    instance = screens.stage.watched[screens.gateway.name].target.key.instance
    ladders = (oracle.bounds(family, instance), charts_seen.ladder(oracle, family, instance))
    for place, text in screens.places.items():
        line = text.splitlines()[0]
        found = re.search(r" (\S+ (?:k)?/s)  out (\S+ (?:k )?tok/s)  p95 (\S+ \S+)  (\S+/h) ", line)
        assert found is not None, (place, line)
        assert requests.shown_as(found[1], numbers.rate), (place, line, requests)
        assert output.shown_as(found[2], lambda value: numbers.rate(value, unit="tok")), (place, line, output)
        # A percentile of buckets is as wrong as its bucket is wide: of LiteLLM's own, or of those of the vocabulary.
        shown = read(found[3]).value
        assert any(bucket(bounds, shown) == bucket(bounds, exact) for bounds in ladders), (place, line, exact)
        assert cost.shown_as(found[4], per_hour, 3600), (place, line, cost)


def per_hour(value: float) -> str:
    return f"{numbers.money(value)}/h"


def test_requests_are_those_that_the_gateway_answered(screens: Screens) -> None:
    heads = ["Gateway", "Requests", "Errors", "Input", "Output", "Cost"]
    row = {one["Gateway"]: one for one in table(screens.places["requests"], heads)}[screens.gateway.name]
    answers = screens.truth.answers(screens.first, screens.last)
    failed = sum(one.fault is not None for one in answers)
    assert screens.counted("llm_requests_total").shown_as(row["Requests"], numbers.rate), row
    assert read(row["Errors"]).value == pytest.approx(failed / len(answers), abs=0.02)
    for kind in ("input", "output"):
        amount = screens.counted("llm_tokens_used_total", token_type=kind)
        assert amount.shown_as(row[kind.title()], lambda value: numbers.rate(value, unit="tok")), (kind, row, amount)
    assert screens.counted("llm_cost_total").shown_as(row["Cost"], per_hour, 3600), row


def test_providers_have_the_load_of_their_answers(screens: Screens) -> None:
    heads = ["Provider", "Gateway", "State", "Load", "Cost", "Models"]
    rows = {row["Provider"]: row for row in table(screens.places["providers"], heads) if row["Gateway"] == "litellm"}
    facts = screens.stage.watched[screens.gateway.name].inventory
    names = {
        one.name: provider_name(one.facts["provider"], one.facts.get("api_base", ""))
        for one in facts
        if one.kind == "deployment"
    }
    served = {one.id: one.model for one in screens.gateway.deployments}
    assert rows.keys() == set(names.values())
    models = Counter(provider for provider, _ in {(names[key], served[key]) for key in names})
    checked = 0
    for name, row in rows.items():
        assert row["Models"] == str(models[name])
        good = [
            one
            for one in screens.truth.good(screens.first, screens.last)
            if not one.cached and names[one.deployment] == name
        ]
        if len(good) >= 10:
            cost = math.fsum(one.usage.cost for one in good) / (screens.last - screens.first) * 3600
            assert read(row["Cost"]).value == pytest.approx(cost, rel=0.05, abs=0.005), (name, row, cost)
            checked += 1
        if row["State"] == "failing":
            assert not good
    down = {names[one.id] for one in screens.gateway.deployments if one.target == "openai"}
    assert {name for name, row in rows.items() if row["State"] == "failing"} == down
    assert checked >= 3


def test_models_have_the_load_that_was_asked_of_them(screens: Screens) -> None:
    """In the list, on a model's page, side by side and in the routes."""
    rows = {row["Model"]: row for row in table(screens.places["models"], ["Model", "State", "Load", "Context"])}
    assert rows.keys() == {one.model for one in screens.gateway.deployments}
    truth = StackTruth(screens.stage)
    for name, row in rows.items():
        asked = screens.counted("llm_requests_total", [name])
        load = row["Load"]
        assert asked.shown_as(load, numbers.rate) if asked.amount else load == numbers.MISSING, (name, row, asked)
        assert re.search(rf"[●◐○◔] {re.escape(name)}(  {re.escape(load)})?\n", screens.places["routes"]), name
    page, compared = screens.places["model gpt-4o demo"], screens.places["compare gpt-4o demo"]
    assert f"{rows['gpt-4o']['Load']}  errors" in page
    line = next(line for line in compared.splitlines() if line.strip().startswith("load"))
    assert re.findall(r"\S+ /s", line) == [rows[name]["Load"] for name in ("gpt-4o", "llama-3.3-70b")]
    for one in screens.gateway.deployments:
        engine = truth.engine(one)
        if engine is not None and truth.pid(engine.name):
            assert f"container {engine.name} → PID {truth.pid(engine.name)} " in screens.places["routes"], engine.name


def test_routes_say_what_fell_back_and_what_failed(screens: Screens) -> None:
    text = screens.places["routes"]
    happened = screens.stage.ledger.fallbacks.between(screens.first, screens.last)
    pairs = {(one.request.model, one.to) for one in happened}
    assert pairs
    for model, to in pairs:
        used = screens.counted("llm_fallbacks_total", [model, to])
        begin = re.search(rf"^ ?[●◐○◔] {re.escape(model)}  ", text, re.MULTILINE)
        assert begin is not None
        part = re.split(r"\n ?[●◐○◔] ", text[begin.end() :])[0]
        found = re.search(rf"fallback \d: {re.escape(to)}  (\S+ /s) used", part)
        assert found is not None and used.shown_as(found[1], numbers.rate), (model, to, used, part)


# What is no counter.


def test_the_cache_has_the_keys_of_the_redis(screens: Screens) -> None:
    for cache in screens.stage.scenario.fleet.caches:
        program = screens.stage.site.programs[cache.name]
        assert isinstance(program, Redis)
        instance = screens.stage.watched[cache.name].target.key.instance
        shown = named(box(screens.panels["cache", "", "keys"]), f"{instance} db0")
        assert shown == numbers.count(float(len(program.keys.entries)))
        (row,) = [r for r in table(screens.places["services"], ["Service", "Memory"]) if r["Service"] == cache.name]
        assert read(row["Memory"]).value == pytest.approx(program.resident_bytes(), rel=0.05)


def test_logs_end_with_what_was_written_last(screens: Screens) -> None:
    logs = screens.stage.site.logs
    assert logs is not None
    every = [
        (line.time, process, line.text.split("\n")[-1])
        for process in screens.stage.world.processes.all
        for line in logs.journal.since(process, 0)
    ]
    newest = max(every)
    lines = [line for line in screens.places["logs"].splitlines() if re.match(r" ?\d\d:\d\d:\d\d", line)]
    last = lines[-1].split()
    moment = time.strftime("%H:%M:%S", time.localtime(newest[0]))
    assert last[0].startswith(moment) and last[2] == newest[1], (last, newest)


def test_what_people_noted_and_configured_is_there(screens: Screens) -> None:
    (row,) = table(screens.places["events"], ["When", "What", "Words"])
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(screens.played.now - 120))
    assert (row["When"], row["What"], row["Words"]) == (moment, "deployment", NOTE)
    (file,) = table(screens.places["config"], ["File", "State", "Gateway", "Size"])
    path = "/tmp/inferdeck-played/litellm-0.yaml"
    assert (file["File"], file["State"], file["Gateway"]) == (path, "read", screens.gateway.name)
    assert file["Size"] == numbers.byte_size(float(Path(path).stat().st_size))
    assert "listen.port" in screens.places["settings"] and "4633" in screens.places["settings"]


# Everything that is shown.


def test_charts_show_what_the_programs_counted(outage: Played, charted: Charted) -> None:
    """Every panel and chart: each value is what the programs' own series give, a percentile within its bucket."""
    assert outage.world is not None
    oracle = Oracle(outage.world)
    done = {place: sum(charts_seen.compare(oracle, one) for one in every) for place, every in charted.charts.items()}
    print(f"{sum(done.values())} values of {sum(map(len, charted.charts.values()))} charts are those of the programs")
    assert sum(done.values()) > 3000
    boards = [place for place in done if place.removeprefix("dashboard ") in {one.uid for one in panels.dashboards()}]
    assert len(boards) == len(panels.dashboards()) and not [place for place in boards if not done[place]]


def test_no_figure_stands_on_a_screen_that_nobody_compared(outage: Played, charted: Charted) -> None:
    """Every number of every screen, and of its snapshots, is one that the world claims, or on the list of the rest."""
    assert outage.world is not None
    world = World(outage, Oracle(outage.world))
    left = []
    for place, text in charted.texts.items():
        said, first = screen_claims.claims(world, place), screen_claims.head(world, place)
        for lines in (text.splitlines(), *(claimed.fresh(golden(place, size).read_text("utf-8")) for size in SIZES)):
            boxes, rest = claimed.cut(lines)
            found = [
                f"{one.title}: {chunk}" for one in boxes for chunk in claimed.in_box(one, charted.charts[place], said)
            ]
            found += [*claimed.outside(rest[:1], first), *claimed.outside(rest[1:], said)]
            left += [f"{place}: {one}" for one in dict.fromkeys(found)]
    assert not left, "\n".join([*left[:40], f"{len(left)} figures that no assertion covers"])


def test_a_figure_that_is_wrong_is_found(outage: Played, charted: Charted) -> None:
    """One digit more, in a table and in a chart: nobody claims it."""
    assert outage.world is not None
    world = World(outage, Oracle(outage.world))
    for place, shown in (("services", r"(72\.\d) %"), ("containers", r"(34) min 36 s"), ("gpus", r"(322) W")):
        text = charted.texts[place]
        found = re.search(shown, text)
        assert found is not None
        wrong = text[: found.start(1)] + "9" * len(found[1]) + text[found.end(1) :]
        _, rest = claimed.cut(wrong.splitlines())
        assert len(claimed.outside(rest[1:], screen_claims.claims(world, place))) == 1
    boxes, _ = claimed.cut(charted.texts["host"].replace("52.5 %", "53.5 %").splitlines())
    assert [one for box_ in boxes for one in claimed.in_box(box_, charted.charts["host"], Claims())]


# Snapshots.


@pytest.mark.parametrize("group", range(GROUPS))
def test_screens_are_as_they_were_looked_at(
    group: int, outage: Played, nothing: Played, request: pytest.FixtureRequest
) -> None:
    """All screens in three sizes and two themes: fresh, stale, empty, in error and loading."""
    states: States = defaultdict(dict)
    mine = shown_places(outage)[group::GROUPS]
    asyncio.run(snapshots_of(outage, mine, states, ("fresh", "stale"), range_seconds=RANGE))
    asyncio.run(snapshots_of(nothing, mine, states, ("empty",), range_seconds=RANGE))
    asyncio.run(snapshots_of(nothing, mine, states, ("error",), range_seconds=RANGE))
    asyncio.run(loading(outage, mine, states, range_seconds=RANGE))
    same(states, request)


def test_what_opens_over_a_screen_is_as_it_was_looked_at(outage: Played, request: pytest.FixtureRequest) -> None:
    """Help, palette and every line to type into, in three sizes and two themes."""
    states: States = defaultdict(dict)
    asyncio.run(opened(outage, states, range_seconds=RANGE))
    same(states, request)


def test_no_snapshot_is_of_a_screen_that_is_gone(outage: Played, request: pytest.FixtureRequest) -> None:
    wanted = {golden(place, size) for place in (*shown_places(outage), *OPENED) for size in SIZES}
    if request.config.getoption("--write-golden"):
        for path in {*FOLDER.glob("*.txt")} - wanted:
            path.unlink()
    assert {*FOLDER.glob("*.txt")} == wanted
