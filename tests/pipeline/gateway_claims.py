"""What the world says about gateways, providers, models and routes: the figures that may stand in each row."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Sequence

from inferdeck.model import numbers
from inferdeck.model.target import Fact
from inferdeck.query.provider_names import provider_name
from inferdeck.query.status import WINDOW_SECONDS
from inferdeck.simulate.fleet import Deployment
from tests.pipeline.charts_seen import ladder
from tests.pipeline.claimed import Claims
from tests.pipeline.frozen_world import World, told
from tests.pipeline.oracle import bucket

DURATION, FIRST = "llm_request_duration_seconds", "llm_time_to_first_token_seconds"
SIDE_BY_SIDE = ("p50", "p95", "TTFT p95", "errors", "speed", "load", "cached", "cost")
SCORE = re.compile(r"~?(\d\d?|100)")
"""Points, made of the figures beside them as docs/providers say; tests/unit/analysis hold the formula."""
SHARE_OF_TIME = re.compile(r"100 %|10\.0 %")
"""For how much of the time a provider was there: it is read off states, which are words."""


def models(world: World, found: Claims) -> None:
    fleet = world.played.stage.scenario.fleet
    engines = {one.name: one.model for one in fleet.engines}
    for name in {one.model for one in world.gateway.deployments}:
        row, spans = set(), []
        for gateway in counting(world):
            where = f'gateway="{gateway}", model="{name}"'
            row |= used(world, where)
            spans += percentiles(world, where)
        for deployment in world.gateway.deployments:
            if deployment.model == name:
                row |= {f"{deployment.price.input:g}", f"{deployment.price.output:g}"}
                model = engines.get(deployment.target)
                if model is not None:
                    size, count = int(model.weights_bytes), numbers.count(float(int(model.parameters)))
                    row |= {count.replace("G", "B"), numbers.byte_size(size), numbers.count(float(model.context))}
        found.add([name], row, spans)


def model(world: World, found: Claims) -> None:
    """The page of gpt-4o: what each that counts says of it."""
    for gateway in counting(world):
        row = used(world, f'gateway="{gateway}", model="gpt-4o"')
        found.anywhere |= {
            *(f"{gateway}: {', '.join(targets)}" for targets in world.gateway.fallbacks.values()),
            *(f"{one.facts['litellm_model']} {one.facts.get('api_base', '')}" for one in deployments(world)),
        }
        words = ("errors", "cost", "input", "output", "cached_input", "reasoning")
        found.add([gateway], {*row, *(f"{word} {text}" for word in words for text in row)})


def compared(world: World, found: Claims) -> None:
    """Two models side by side: their figures stand in rows of their own."""
    models(world, found)
    for row in list(found.rows):
        if row.words & {"gpt-4o", "llama-3.3-70b"}:
            found.anywhere |= row.texts


def counting(world: World) -> list[str]:
    """Return everything that counts requests."""
    return [world.gateway.name, *(one.name for one in world.played.stage.scenario.fleet.applications)]


def percentiles(world: World, where: str) -> list[tuple[float, float]]:
    """Return the buckets that hold the percentiles of what some requests took."""
    found = []
    for family in (DURATION, FIRST):
        for share in (0.5, 0.95, 0.99):
            text = f"histogram_quantile({share}, sum by (le) (rate({family}_bucket{{{where}}}[{WINDOW_SECONDS:.0f}s])))"
            value = world.ask(text)
            if value is not None and not math.isnan(value):
                found += [holding(bounds, value) for bounds in (world.oracle.bounds(text), ladder(world.oracle, text))]
    return found


def holding(bounds: Sequence[float], value: float) -> tuple[float, float]:
    """Return the bucket that holds a value."""
    place = bucket(bounds, value)
    return (bounds[place - 1] if place else 0.0, bounds[place])


def used(world: World, where: str) -> set[str]:
    """Return rates, shares and costs of what is counted of some requests."""
    requests, failed = (
        world.rate("llm_requests_total", where),
        world.rate("llm_requests_total", f'{where}, status="error"'),
    )
    cached, taken = (
        world.rate("llm_tokens_used_total", f'{where}, token_type="{kind}"') for kind in ("cached_input", "input")
    )
    hits, misses = (world.rate(f"llm_cache_{kind}_total", where) for kind in ("hits", "misses"))
    kinds = ("input", "output", "cached_input", "reasoning", "cache_creation")
    written = world.rate("llm_tokens_used_total", f'{where}, token_type="output"')
    return world.texts(
        (requests, "requests/s"),
        (f"({failed} or 0 * {requests}) / ({requests} > 0)", "ratio"),
        *((world.rate("llm_tokens_used_total", f'{where}, token_type="{kind}"'), "tokens/s") for kind in kinds),
        (f"3600 * {world.rate('llm_cost_total', where)}", "usd/h"),
        (f"{cached} / ({taken} > 0)", "ratio"),
        (f"({hits} or 0 * {misses}) / (({hits} or 0 * {misses}) + {misses})", "ratio"),
        (f"sum(llm_active_requests{{{where}}})", "count"),
        (f"{written} / ({world.rate(f'{DURATION}_sum', where)} > 0)", "tokens/s"),
    )


def requests(world: World, found: Claims) -> None:
    for gateway in counting(world):
        where = f'gateway="{gateway}"'
        found.add([gateway], used(world, where), percentiles(world, where))


def providing(world: World) -> list[tuple[str, str, str, list[Deployment]]]:
    """Return every provider with whose it is, how its series are chosen, and its deployments.

    Of the gateway those that its deployments lead to, of an application those that it names itself.
    """
    by_name: dict[str, list[Deployment]] = defaultdict(list)
    served = {one.id: one for one in world.gateway.deployments}
    for fact in deployments(world):
        by_name[provider_name(fact.facts["provider"], fact.facts.get("api_base", ""))].append(served[fact.name])
    found = [
        (name, world.gateway.name, f'deployment=~"{"|".join(one.id for one in every)}"', every)
        for name, every in by_name.items()
    ]
    asked = [dict(series) for series in world.oracle.world.names["llm_requests_total"]]
    for gateway in counting(world)[1:]:
        names = {one["provider"] for one in asked if one["gateway"] == gateway and "provider" in one}
        found += [(name, gateway, f'provider="{name}"', []) for name in names]
    return found


def providers(world: World, found: Claims) -> None:
    for name, gateway, mine, every in providing(world):
        where = f'gateway="{gateway}", {mine}'
        texts = used(world, where) | {told(float(len({one.model for one in every})), "count")}
        models = "|".join(one.model for one in every)
        spans = percentiles(world, f'gateway="{gateway}", model=~"{models}"' if every else where)
        texts |= attempts(world, gateway, mine, models)
        found.anywhere |= {name, f"{name} ({gateway})"}
        found.add([name, gateway], texts, spans)
        found.add([name], texts, spans, without=counting(world))
        # Side by side each has a column of its own.
        for word in SIDE_BY_SIDE:
            found.add([word], texts, spans, without=counting(world))
    found.shapes = (*found.shapes, SCORE, SHARE_OF_TIME)


def attempts(world: World, gateway: str, mine: str, models: str) -> set[str]:
    """Return what was asked of a provider itself, where its gateway counts that; and how fast it wrote."""
    family = "llm_provider_attempts_total"
    where = f'gateway="{gateway}", {mine}'
    good, bad = (world.rate(family, f'{where}, status="{status}"') for status in ("success", "error"))
    refused = world.rate("llm_requests_total", f'{where}, status="error"')
    answered, missed = world.ask(good) or 0.0, max(world.ask(bad) or 0.0, world.ask(refused) or 0.0)
    written = world.rate("llm_tokens_used_total", f'{where}, token_type="output"')
    busy = world.rate(f"{DURATION}_sum", f'gateway="{gateway}", model=~"{models}"' if models else where)
    found = {told(answered + missed, "requests/s")} | world.texts((f"{written} / ({busy} > 0)", "tokens/s"))
    return found | ({told(missed / (answered + missed), "ratio")} if answered + missed else set())


def routes(world: World, found: Claims) -> None:
    models(world, found)
    stage = world.played.stage
    for one in world.gateway.deployments:
        where = f'gateway="{world.gateway.name}", deployment="{one.id}"'
        attempts, failed = (
            world.rate("llm_provider_attempts_total", f"{where}{more}") for more in ("", ', status="error"')
        )
        good = world.rate("llm_provider_attempts_total", f'{where}, status="success"')
        row = world.texts(
            (good, "requests/s"), (attempts, "requests/s"), (world.rate("llm_requests_total", where), "requests/s")
        )
        share = world.texts((f"{failed} / ({attempts} > 0)", "ratio"))
        row |= {f"{load}, {part} fail" for load in (*row, told(0.0, "requests/s")) for part in share}
        found.add([one.id], row)
        engine = next((engine for engine in stage.scenario.fleet.engines if engine.name == one.target), None)
        if engine is not None:
            gpus = ", ".join(
                f"GPU {gpu.index} of {gpu.host}" for gpu in stage.scenario.fleet.gpus if gpu.name in engine.gpus
            )
            pid = stage.world.processes.all[engine.name].pid
            found.anywhere.add(f"→ {engine.name} → container {engine.name} → PID {pid} → {gpus}")
    for model, targets in world.gateway.fallbacks.items():
        for place, to in enumerate(targets, 1):
            where = f'gateway="{world.gateway.name}", from_model="{model}", to_model="{to}"'
            texts = world.texts((world.rate("llm_fallbacks_total", where), "requests/s"))
            found.add([f"fallback {place}: {to}"], {f"{text} used" for text in texts})
    found.anywhere |= {f"→ {one.facts['api_base']}" for one in deployments(world) if "api_base" in one.facts}


def deployments(world: World) -> list[Fact]:
    """Return the gateway's deployments as it tells them."""
    return [one for one in world.played.stage.watched[world.gateway.name].inventory if one.kind == "deployment"]
