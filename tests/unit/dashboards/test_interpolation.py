"""Values put into queries as Grafana does, and never out of their quotes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.dashboards.interpolation import Window, fill, fill_plain, legend, references, selector
from inferdeck.errors import UsageError
from inferdeck.model.dashboard import ALL, Variable, VariableKind
from inferdeck.query.promql.ast import VectorSelector
from inferdeck.query.promql.parser import parse
from inferdeck.query.promql.patterns import compiled
from inferdeck.query.promql.walk import nodes

WINDOW = Window(1_000_000, 4_600_000, 60_000)
MULTI = Variable("model", "Model", VariableKind.LABEL_VALUES, "m", "model", multi=True, include_all=True)
PLAIN = Variable("gateway", "Gateway", VariableKind.LABEL_VALUES, "m", "gateway")
SPAN = Variable("span", "Span", VariableKind.INTERVAL)


def filled(text: str, **chosen: str | tuple[str, ...]) -> str:
    values = {name: (value,) if isinstance(value, str) else value for name, value in chosen.items()}
    return fill(text, (MULTI, PLAIN, SPAN), values, WINDOW)


@pytest.mark.parametrize(
    ("text", "chosen", "wanted"),
    [
        # The first as @grafana/prometheus 13.2 sent it when Grafana's own code ran an exported dashboard.
        ('up{model=~"$model"}', {"model": ("m-1", "m.2")}, 'up{model=~"(m-1|m\\\\.2)"}'),
        ('up{model=~"$model"}', {"model": "m.2"}, 'up{model=~"m\\\\.2"}'),
        ('up{model=~"$model"}', {"model": ALL}, 'up{model=~".*"}'),
        ('up{gateway="$gateway"}', {"gateway": "a.b:4000"}, 'up{gateway="a.b:4000"}'),
        ('up{model=~"${model:pipe}"}', {"model": ("a", "b")}, 'up{model=~"a|b"}'),
        ('up{model=~"[[model]]"}', {"model": ("a", "b")}, 'up{model=~"(a|b)"}'),
        ('up{gateway=~"${gateway:regex}"}', {"gateway": "a.b"}, 'up{gateway=~"a\\\\.b"}'),
        ("rate(a[$span])", {"span": "1h"}, "rate(a[1h])"),
        ("rate(a[$__rate_interval])", {}, "rate(a[75s])"),
        ("rate(a[$__range]) * $__range_s", {}, "rate(a[3600s]) * 3600"),
        ("avg_over_time(a[$__interval])", {}, "avg_over_time(a[60s])"),
        ('up{a="$nobody"}', {}, 'up{a="$nobody"}'),
        ("up{gateway='$gateway'}", {"gateway": "it\"s 'x' \\"}, "up{gateway='it\"s \\'x\\' \\\\'}"),
    ],
)
def test_values_stand_in_queries_as_grafana_puts_them(text: str, chosen: dict[str, str], wanted: str) -> None:
    assert filled(text, **chosen) == wanted


def test_a_rate_always_sees_four_samples() -> None:
    assert Window(0, 1, 5_000).values()["__rate_interval"] == "60s"
    assert Window(0, 1, 5_000, 60_000).values()["__rate_interval"] == "240s"
    assert Window(0, 1, 300_000).values()["__rate_interval"] == "315s"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_no_value_leaves_its_quotes_and_each_matches_itself_alone(value: str) -> None:
    text = filled('up{model=~"$model", gateway="$gateway"}', model=value, gateway=value)
    selectors = [node for node in nodes(parse(text)) if isinstance(node, VectorSelector)]
    by_name = {matcher.name: matcher.value for matcher in selectors[0].matchers}
    assert set(by_name) == {"__name__", "model", "gateway"}
    assert by_name["gateway"] == value
    if value != ALL:
        assert compiled(by_name["model"]).fullmatch(value)
        assert not compiled(by_name["model"]).fullmatch(f"{value}x")


@pytest.mark.parametrize("value", ["1h]) or vector(1", "5m # ", "a b", '"'])
def test_outside_of_quotes_only_a_name_or_a_duration_may_stand(value: str) -> None:
    with pytest.raises(UsageError, match="var-span"):
        filled("rate(a[$span])", span=value)


def test_names_of_series_and_links_are_filled() -> None:
    assert legend("{{model}} of {{ team }}{{none}}", {"model": "a", "team": "b"}) == "a of b"
    assert legend("", {}, "fallback") == "fallback"
    assert fill_plain("events?environment=$env&x=$y", {"env": ("a b", "c")}) == "events?environment=a b,c&x=$y"
    assert references('a{b="$c", d="${e:raw}"}[$__range]') == ["c", "e", "__range"]


def test_options_are_asked_for_with_what_was_chosen_before() -> None:
    variable = Variable(
        "model", "Model", VariableKind.LABEL_VALUES, "llm_requests_total", "model", 'gateway="$gateway"'
    )
    assert selector(variable, (PLAIN,), {"gateway": ("x",)}, WINDOW) == 'llm_requests_total{gateway="x"}'
