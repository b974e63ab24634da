"""Charts of providers have a series for each row of the table, also where two rows share a provider's name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pytest

from inferdeck.faces.terminal.views.charts import Wanted
from inferdeck.faces.terminal.views.providers import CHARTS, charts_of, columns_of, compared, entry_of
from inferdeck.faces.terminal.views.table import Table
from inferdeck.model.labels import Labels
from inferdeck.model.model_catalog import ProviderRow, ProviderSeries
from inferdeck.model.target import Fact, TargetKey, TargetState
from inferdeck.query.local import LocalQueryService
from inferdeck.store.metrics.memory import MemoryStore
from tests.unit.query.catalog.small import catalog, deployed
from tests.unit.query.stack import NOW_MS, counter, filled, series, state

OWN = "http://own:30000/v1"
RATES = {("a", "x"): 1.0, ("b", "y"): 2.0, ("c", "z"): 3.0}
"""Requests per second of each deployment and its model."""
HERE = (deployed("a", "x", "openai/x"), deployed("b", "y", "openai/y", api_base=OWN), deployed("c", "z", "azure/z"))
ELSEWHERE = (deployed("a", "x", "openai/x"), deployed("b", "y", "openai/y"), deployed("c", "z", "azure/z"))
NEARBY = (deployed("a", "x", "openai/x", api_base=OWN), deployed("b", "y", "openai/y", api_base=OWN))


def gate(name: str, facts: Sequence[Fact], environment: str = "default") -> TargetState:
    return state("litellm", name, inventory=tuple(facts), key=TargetKey("litellm", name, environment))


def counted(*gateways: str, environments: Sequence[str] = ("default",)) -> MemoryStore:
    values: dict[Labels, list[float]] = {}
    for environment, gateway in product(environments, gateways):
        for (deployment, model), rate in RATES.items():
            told = {"job": "litellm", "instance": gateway, "gateway": gateway, "environment": environment}
            told |= {"provider": "azure" if deployment == "c" else "openai", "model": model}
            values[series("llm_requests_total", **told, deployment=deployment, status="success")] = counter(rate)
            for le, share in (("1", 0.0 if model == "y" else 1.0), ("4", 1.0), ("+Inf", 1.0)):
                values[series("llm_request_duration_seconds_bucket", **told, le=le)] = counter(rate * share)
    return filled(values)


async def charted(store: MemoryStore, one: Wanted) -> dict[tuple[str, ...], float]:
    """Return the values of a chart at the end of its range, by provider, gateway and environment."""
    service = LocalQueryService(store)
    try:
        text = one.expr.replace("ENVIRONMENT", 'environment=~".*"').replace("RANGE", "300s")
        found = await service.instant(text, NOW_MS)
    finally:
        service.close()
    names = [dict(labels) for labels in found.series]
    return {
        (told["provider"], told["gateway"], told["environment"]): float(value)
        for told, value in zip(names, found.values[:, 0], strict=True)
    }


def key(one: ProviderRow) -> tuple[str, ...]:
    return one.name, one.gateway, one.environment


@pytest.mark.parametrize(
    ("gateways", "names"),
    [
        ({"g:4000": HERE}, {"openai", "openai at own:30000", "azure"}),
        ({"g:4000": HERE, "h:4000": ELSEWHERE}, {"openai", "openai at own:30000", "azure"}),
        ({"g:4000": NEARBY, "h:4000": HERE}, {"openai", "openai at own:30000", "azure"}),
        ({"g:4000": ELSEWHERE}, {"openai", "azure"}),
    ],
)
async def test_each_row_has_its_own_series(gateways: dict[str, Sequence[Fact]], names: set[str]) -> None:
    store = counted(*gateways)
    found = catalog(*(gate(name, facts) for name, facts in gateways.items()), store=store).providers().items
    rows = [one for one in found if one.requests.value]
    assert {one.name for one in rows} == names
    latency, load = charts_of(rows)
    assert await charted(store, load) == pytest.approx({key(one): one.requests.value for one in rows})
    seconds = await charted(store, latency)
    assert seconds == pytest.approx({key(one): one.latency_p95.value for one in rows})
    assert len({round(one, 3) for one in seconds.values()}) > 1


async def test_environments_are_not_added_up() -> None:
    store = counted("g:4000", environments=("prod", "test"))
    found = catalog(gate("g:4000", HERE, "prod"), gate("g:4000", ELSEWHERE, "test"), store=store).providers().items
    assert len([one for one in found if one.requests.value]) == 5
    latency, load = charts_of(found)
    assert await charted(store, load) == pytest.approx({key(one): one.requests.value for one in found})
    assert latency.legend == "{{provider}} {{gateway}} {{environment}}"
    assert entry_of(found[0], several=True).fields[1].text == "g:4000 prod"
    both = "".join(text for text, _ in compared([one for one in found if one.name == "azure"], 200)[0])
    assert "azure (g:4000 prod)" in both and "azure (g:4000 test)" in both


def test_where_names_are_enough_nothing_else_is_asked() -> None:
    found = catalog(gate("g:4000", ELSEWHERE), store=counted("g:4000")).providers().items
    assert all(one.series is None for one in found)
    assert charts_of(found) == CHARTS


def test_a_name_cannot_end_its_quotes() -> None:
    row = _row('o"} or x{$1', ProviderSeries('o"}', False, ('d"|.',), ()))
    (_, load) = charts_of([row])
    assert '"o\\"} or x{$$1"' in load.expr and 'deployment=~"d\\"\\\\|\\\\."' in load.expr


def test_the_gateway_stays_where_there_are_several() -> None:
    one = _row("openai", None)
    drops = {column.title: column.drop for column in columns_of([one])}
    assert drops["Gateway"] > 0
    both = columns_of([one, _row("openai", None, "h:4000")])
    assert {column.title: column.drop for column in both} == {**drops, "Gateway": 0}


def test_rows_are_told_apart_in_80_columns() -> None:
    rows = [_row("openai", None, gateway) for gateway in ("litellm-eu", "litellm-us", "x" * 60)]
    rows.append(_row("openai at " + "y" * 60, None, "litellm-eu"))
    table = Table(columns_of(rows))
    table.take([entry_of(one) for one in rows])
    drawn = ["".join(text for text, _ in table.row(place, 80)) for place in range(len(rows))]
    assert len({one[:50] for one in drawn}) == 4
    assert "litellm-eu" in drawn[0] and "litellm-us" in drawn[1] and "0 %" in drawn[0]


def _row(name: str, own: ProviderSeries | None, gateway: str = "g:4000") -> ProviderRow:
    (found, *_) = catalog(gate("g:4000", ELSEWHERE), store=counted("g:4000")).providers().items
    values = {field: getattr(found, field) for field in found.__dataclass_fields__}
    return ProviderRow(**{**values, "name": name, "series": own, "gateway": gateway})
