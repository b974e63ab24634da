"""The catalog over a small stack: what is joined, whom is believed, and what is not claimed."""

from __future__ import annotations

import pytest

from inferdeck.errors import NotFoundError, UsageError
from inferdeck.model.labels import Labels, labels
from inferdeck.model.page import LARGEST_LIMIT
from inferdeck.model.stack import Chain, Link
from inferdeck.model.target import Fact, Health
from inferdeck.query.catalog.drafted import Ending
from inferdeck.query.catalog.local import LocalCatalog
from inferdeck.query.gateways import healthy
from inferdeck.query.provider_names import ProviderNames
from inferdeck.query.rows import Named, Row
from inferdeck.query.stack.interface import Wanted
from inferdeck.query.status import status
from tests.unit.query.catalog.small import GATE, OneBook, catalog, deployed, engine, gateway
from tests.unit.query.stack import around, counter, filled, series, state


def names(found: LocalCatalog, sort: str = "name", q: str = "", **filters: str) -> list[str]:
    return [one.name for one in found.models(Wanted(filters, q, limit=LARGEST_LIMIT), sort).items]


SERVED = Fact("model", "org/m", {"status": "available", "context": "8192", "quantization": "Q4_K - Medium"})
BEHIND = deployed("d", "public", "hosted_vllm/org/m", api_base="http://vllm-a:8000/v1", max_input_tokens="4096")


def test_an_engines_model_behind_a_gateway_is_the_gateways_and_each_fact_says_who_told_it() -> None:
    hub = state("huggingface", "huggingface.co", inventory=(Fact("repository", "Org/m", {"parameters": "7000000000"}),))
    found = catalog(gateway(BEHIND), engine("vllm-a", SERVED), hub)
    assert names(found) == ["public"]
    page = found.model("public")
    context = page.facts["context"]
    assert (context.value, context.source) == ("8192", "engine vllm-a")
    assert [(one.value, one.source) for one in context.others] == [("4096", "gateway g:4000")]
    assert (page.row.parameters.value, page.facts["parameters"].source) == (7e9, "Hugging Face")
    assert (page.row.quantization, page.row.link) == ("Q4_K_M", "https://huggingface.co/Org/m")
    [place] = page.places
    assert place.engine == "default/vllm/vllm-a:8000"
    assert "only vllm-a serves org/m" in place.evidence


def test_of_two_engines_of_one_name_the_one_that_the_address_leads_to_is_meant_or_none() -> None:
    both = (engine("vllm-a", SERVED), engine("vllm-b", SERVED))
    [place] = catalog(gateway(BEHIND), *both).model("public").places
    assert (place.engine, place.evidence) == ("", "one of vllm-a, vllm-b, which serve org/m")
    link, none = Link("known", "vllm-b", "default/vllm/vllm-b:8000", evidence=("it says so",)), Link("none")
    chain = Chain("default", "g:4000", "d", "public", "hosted_vllm", "", "", none, link, none, none, (none,))
    [place] = catalog(gateway(BEHIND), *both, chains=(chain,)).model("public").places
    assert (place.engine, place.evidence) == ("default/vllm/vllm-b:8000", "it says so")


def test_an_engine_that_no_gateway_leads_to_stands_for_itself() -> None:
    found = catalog(engine("vllm-a", SERVED))
    page = found.model("org/m")
    [place] = page.places
    assert (place.gateway, place.price.word, page.row.state.value) == ("", "self-hosted", "available")
    assert page.examples[0].key_variable == ""
    assert "http://vllm-a:8000/v1/chat/completions" in page.examples[0].text


def test_a_cloud_that_serves_the_same_name_is_not_joined_to_an_engine_here() -> None:
    cloud = deployed("d", "public", "groq/org/m")
    found = catalog(gateway(cloud), engine("vllm-a", SERVED))
    assert names(found) == ["org/m", "public"]
    assert found.model("public").places[0].engine == ""


@pytest.mark.parametrize(
    ("word", "told", "wanted"),
    [
        ("available", "", "available"),
        ("available", "error", "degraded"),
        ("loading", "available", "loading"),
        ("error", "available", "error"),
        ("", "", "available"),
    ],
)
def test_the_state_is_the_engines_and_its_gateways_doubt_is_heard(word: str, told: str, wanted: str) -> None:
    label = {**GATE, "model": "m", "deployment": "d"}
    store = filled({series("llm_model_status", **label, status=told): [1.0, 1.0]}) if told else None
    served = Fact("model", "org/m", {"status": word} if word else {})
    found = catalog(gateway(BEHIND), engine("vllm-a", served), store=store).model("public").row.state
    assert found.value == wanted
    if told and told != word:
        assert [(one.value, one.source) for one in found.others] == [(told, "gateway g:4000")]


def test_what_does_not_answer_is_an_error_with_its_name() -> None:
    lost = catalog(gateway(BEHIND), engine("vllm-a", SERVED, health=Health.DOWN)).model("public").row.state
    assert (lost.value, lost.source) == ("error", "engine vllm-a does not answer")
    dark = catalog(gateway(BEHIND, health=Health.DOWN)).model("public").row.state
    assert (dark.value, dark.source) == ("error", "gateway g:4000 does not answer")


def test_a_cloud_model_that_nobody_asked_for_is_unknown_and_one_that_answers_available() -> None:
    cloud = gateway(deployed("d", "public", "openai/gpt-4o"))
    assert catalog(cloud).model("public").row.state.value == "unknown"
    label = {**GATE, "model": "public", "provider": "openai", "deployment": "d"}
    store = filled({series("llm_provider_attempts_total", **label, status="success"): counter(1.0)})
    assert catalog(cloud, store=store).model("public").row.state.value == "available"


def test_capabilities_tell_unknown_from_no_and_who_disagrees() -> None:
    facts = {"supports": "vision, tools", "supports_not": "json"}
    served = Fact("model", "org/m", {"capabilities": "thinking, json"})
    page = catalog(gateway(deployed("d", "m", "hosted_vllm/org/m", **facts)), engine("vllm-a", served)).model("m")
    can = {one.name: one for one in page.capabilities}
    assert (can["vision"].value, can["vision"].sources) == ("yes", ("gateway g:4000",))
    assert (can["reasoning"].value, can["reasoning"].sources) == ("yes", ("engine vllm-a",))
    assert (can["json"].value, can["json"].against) == ("yes", ("gateway g:4000",))
    assert can["pdf"].value == ""
    assert page.row.capabilities == ("vision", "tools", "json", "reasoning")


def test_prices_of_both_sources_stand_side_by_side_with_their_difference() -> None:
    dear = deployed("d", "m", "openai/gpt-4o", input_cost_per_token="0.000003", output_cost_per_token="0.00001")
    price = catalog(gateway(dear)).model("m").row.price
    assert (price.word, price.input.value, price.input.source) == ("priced", 3.0, "gateway g:4000")
    assert [one.source for one in price.offers] == ["gateway g:4000", "book 1"]
    assert price.difference == "gateway g:4000 against book 1: input 3 against 2.5"
    page = catalog(gateway(deployed("d", "m", "openai/gpt-4o"))).model("m")
    assert (page.row.price.input.value, page.row.price.input.source) == (2.5, "book 1")
    assert (page.facts["context"].value, page.facts["context"].source) == ("128000", "book 1")
    unknown = catalog(gateway(deployed("d", "m", "openai/other"))).model("m").row.price
    assert (unknown.word, unknown.input.value, unknown.input.quality) == ("unpriced", None, "unpriced")


def test_an_end_comes_from_the_user_then_the_cost_map_then_the_price_list() -> None:
    ending = deployed("d", "m", "openai/gpt-4o", deprecation_date="2027-02-01")
    told = catalog(gateway(ending)).model("m").row.deprecation
    assert told is not None
    assert (told.date, told.days_left, told.source) == ("2027-02-01", 17, "gateway g:4000, cost map")
    own = catalog(gateway(ending), endings={"m": Ending("2027-01-10", "n")}).model("m").row.deprecation
    assert own is not None
    assert (own.date, own.days_left, own.replacement, own.source) == ("2027-01-10", -5, "n", "configuration")
    instead = catalog(gateway(ending), endings={"m": Ending("", "n")}).model("m").row.deprecation
    assert instead is not None
    assert (instead.date, instead.replacement) == ("2027-02-01", "n")
    flagged = catalog(gateway(deployed("d", "m", "openai/gpt-4o")), book=OneBook(deprecated=True)).model("m").row
    assert flagged.deprecation is not None
    assert (flagged.deprecation.date, flagged.deprecation.days_left) == ("", None)
    assert catalog(gateway(deployed("d", "m", "openai/x"))).model("m").row.deprecation is None


def test_use_is_each_gateways_own_and_nothing_is_added_up() -> None:
    def asked(gate: str, rate: float) -> dict[Labels, list[float]]:
        label = {"job": "litellm", "instance": gate, "gateway": gate, "model": "m", "status": "success"}
        return {series("llm_requests_total", **label): counter(rate)}

    states = [state("litellm", gate, inventory=(deployed("d", "m", "openai/gpt-4o"),)) for gate in ("g:4000", "h:4000")]
    found = catalog(*states, store=filled({**asked("g:4000", 2.0), **asked("h:4000", 3.0)}))
    page = found.model("m")
    assert {one.gateway: round(one.requests.value or 0, 6) for one in page.use} == {"g:4000": 2.0, "h:4000": 3.0}
    assert page.row.requests.value == pytest.approx(3.0)
    assert page.row.gateways == ("g:4000", "h:4000")
    assert len(page.places) == 2


MANY = gateway(
    deployed("1", "b", "openai/gpt-4o", mode="chat", supports="vision"),
    deployed("2", "a", "anthropic/claude", mode="chat", input_cost_per_token="0.001"),
    deployed("3", "c", "cohere/e", mode="embedding"),
    Fact("model_group", "d", {"mode": "rerank", "providers": "cohere, voyage"}),
)


def test_the_list_is_filtered_sorted_and_paged() -> None:
    found = catalog(MANY)
    assert names(found) == ["a", "b", "c", "d"]
    assert names(found, "-name") == ["d", "c", "b", "a"]
    assert names(found, "-price") == ["a", "b", "c", "d"]
    assert names(found, type="Embedding") == ["c"]
    assert names(found, provider="cohere") == ["c", "d"]
    assert names(found, capability="vision") == ["b"]
    assert names(found, q="CLAUDE") == ["a"]
    assert names(found, status="available") == []
    page = found.models(Wanted(offset=1, limit=2))
    assert ([one.name for one in page.items], page.total, page.offset, page.limit) == (["b", "c"], 4, 1, 2)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda found: names(found, type="Foo"), 'there is no "Foo"; there are Embedding, LLM, Reranker'),
        (lambda found: names(found, "beauty"), 'sort: there is no "beauty"; there are name, type'),
        (lambda found: names(found, colour="red"), "colour: unknown filter"),
        (lambda found: found.providers(sort="x"), 'sort: there is no "x"'),
    ],
)
def test_unknown_values_are_answered_with_the_possible_ones(ask: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        ask(catalog(MANY))  # type: ignore[operator]


def test_a_name_of_two_environments_needs_one_and_none_is_not_found() -> None:
    other = engine("vllm-a", SERVED)
    dev = state("vllm", "dev:8000", inventory=(SERVED,), key=type(other.key)("vllm", "dev:8000", "dev"))
    found = catalog(other, dev)
    with pytest.raises(UsageError, match="several environments; say which one with environment: default, dev"):
        found.model("org/m")
    assert found.model("org/m", "dev").row.environment == "dev"
    with pytest.raises(NotFoundError, match='no model is called "org/m" in prod; it is one of default, dev'):
        found.model("org/m", "prod")
    with pytest.raises(NotFoundError, match="`inferdeck models` names them all"):
        found.model("x")
    assert names(found, environment="dev") == ["org/m"]


def test_an_empty_stack_has_no_models_and_no_providers() -> None:
    assert catalog().models().items == ()
    assert catalog().providers().items == ()


def test_machines_nearby_are_no_cloud_though_they_speak_its_protocol() -> None:
    gate = gateway(deployed("d", "a", "openai/gpt-4o"), deployed("e", "b", "openai/m", api_base="http://own:30000/v1"))
    renamed = ProviderNames([gate]).apply

    def provider(**labels: str) -> str:
        given = dict(series("x", **GATE, **labels))
        renamed(given)
        return given["provider"]

    assert provider(provider="openai", deployment="d") == "openai"
    assert provider(provider="openai", deployment="e") == "openai at own:30000"
    assert provider(provider="openai", model="b") == "openai at own:30000"
    assert provider(provider="openai", model="elsewhere") == ""
    assert provider(provider="mistral") == "mistral"
    counted = {one.name: one.models for one in catalog(gate).providers().items}
    assert counted == {"openai": 1, "openai at own:30000": 1}


def row(value: float, **told: str) -> Row:
    return Row(Named(labels({"environment": "e", "gateway": "g", "provider": "p", **told})), value, 0.0)


def test_health_is_of_deployments_and_a_stuck_twin_does_not_count_while_the_other_is_well() -> None:
    key = ("e", "g", "p")
    twin = row(1.0, deployment="d", status="error", model="public")
    well = [row(1.0, deployment="d", status="available"), twin]
    ill = [row(0.0, deployment="d", status="available"), twin]
    half = [row(1.0, deployment="c", status="available"), row(0.0, deployment="c", status="error"), *ill]
    assert healthy([], well) == {key: 1.0}
    assert healthy([], ill) == {key: 0.0}
    assert healthy([], half) == {key: 0.5}
    assert healthy([row(0.0)], []) == {key: 0.0}
    assert healthy([row(0.0)], well) == {key: 1.0}


def test_a_provider_that_fails_behind_a_fallback_shows_its_own_errors() -> None:
    label = {**GATE, "provider": "openai", "deployment": "d", "model": "a"}
    store = filled(
        {
            series("llm_requests_total", **label, status="success"): counter(0.0),
            series("llm_provider_attempts_total", **label, status="success"): counter(1.0),
            series("llm_provider_attempts_total", **label, status="error"): counter(3.0),
        }
    )
    [found] = catalog(gateway(deployed("d", "a", "openai/gpt-4o")), store=store).providers().items
    assert found.errors.value == pytest.approx(0.75)
    assert found.requests.value == pytest.approx(4.0)
    assert found.state == "failing"
    assert found.score is not None
    assert found.score.quality == "estimated"


def test_a_provider_of_an_estimated_model_has_estimated_figures_in_every_answer() -> None:
    values = {}
    for provider, model in (("openai", "a"), ("mistral", "b")):
        label = {**GATE, "provider": provider, "model": model}
        values[series("llm_requests_total", **label, deployment=model, status="success")] = counter(2.0)
        values |= {series("llm_request_duration_seconds_bucket", **label, le=le): counter(2.0) for le in ("1", "+Inf")}
    marks = {"quality": "estimated", "reason": "fallback_served_model", "model": "a"}
    values[series("inferdeck_quality", **GATE, **marks, family="llm_request_duration_seconds")] = [1.0] * 21
    store = filled(values)
    page = {one.name: one.latency_p95 for one in catalog(gateway(), store=store).providers().items}
    overview = {one.name: one.latency_p95 for one in status(store, around(gateway()), ()).providers}
    assert page == overview
    assert (page["openai"].quality, page["mistral"].quality) == ("estimated", "measured")
