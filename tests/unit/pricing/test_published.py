"""Published prices: the real release through its process, the rules of matching, and what can go wrong."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.pricing.matching import PROVIDERS, Clause, first_match, private, reference, self_hosted
from inferdeck.pricing.published import PublishedPrices, extracted

NOW = datetime(2026, 11, 21, tzinfo=UTC).timestamp()


@cache
def table() -> bytes:
    return extracted()


def real() -> PublishedPrices:
    found = PublishedPrices(table)
    found.load()
    return found


def made(**models: Mapping[str, Any]) -> PublishedPrices:
    plain = [[{"input_mtok": 1.0}, "", "", ""]]
    given_models = [{"id": name, "prices": plain, **rest} for name, rest in models.items()]
    one = {"api": r"https://api\.openai\.com", "fallback": [], "models": given_models}
    whole = {"version": "9", "as_of": "2026-11-01", "providers": {"openai": one}}
    found = PublishedPrices(lambda: orjson.dumps(whole))
    found.load()
    return found


def test_the_installed_release_is_read_with_its_age() -> None:
    source = real().source(NOW)
    assert (source.name, source.trouble) == ("genai-prices", "")
    assert source.as_of >= "2026-11-01"
    assert source.age_days is not None
    assert 0 <= source.age_days < 30
    assert "90 days old" not in source.trouble
    assert "days old; a newer release" in real().source(NOW + 200 * 86400).trouble


def test_prices_are_those_that_the_package_itself_computes() -> None:
    from genai_prices import Usage, calc_price

    when = datetime.fromtimestamp(NOW, UTC)
    for provider, name, theirs in (
        ("openai", "gpt-4o", "openai"),
        ("anthropic", "claude-sonnet-4-5-20250929", "anthropic"),
        ("openai", "gpt-4o-mini", "openai"),
        ("gemini", "gemini-2.5-pro", "google"),
        ("mistral", "mistral-large-latest", "mistral"),
        ("deepseek", "deepseek-chat", "deepseek"),
    ):
        found = real().look_up(provider, f"{provider}/{name}", "", NOW)
        assert found is not None, name
        for kind, value in (("input_tokens", found.offer.input), ("output_tokens", found.offer.output)):
            usage = Usage(**{kind: 1000})
            price = calc_price(usage, name, provider_id=theirs, genai_request_timestamp=when)
            assert value == pytest.approx(float(price.total_price) * 1000), (name, kind)


def test_every_provider_of_the_table_is_one_that_the_release_knows() -> None:
    assert set(PROVIDERS.values()) <= set(orjson.loads(table())["providers"])


@pytest.mark.parametrize(
    ("provider", "target", "endpoint"),
    [
        ("openai", "openai/gpt-4o", "http://127.0.0.1:8000/v1"),
        ("openai", "openai/gpt-4o", "https://proxy.example/v1"),
        ("openai", "openai/no-such-model", ""),
        ("hosted_vllm", "hosted_vllm/gpt-4o", ""),
        ("", "gpt-4o", ""),
        ("openai", "", ""),
        ("openai", "openai/my-gpt-4o-clone", ""),
    ],
)
def test_what_is_not_surely_it_has_no_price(provider: str, target: str, endpoint: str) -> None:
    assert real().look_up(provider, target, endpoint, NOW) is None


def test_a_listed_name_comes_before_a_beginning_and_a_beginning_ends_at_a_separator() -> None:
    clauses = [Clause(frozenset({"a"}), ("m-1",), ()), Clause(frozenset({"m-1-mini"}), (), ())]
    assert first_match("m-1-mini", clauses) == 1
    assert first_match("m-1-2025", clauses) == 0
    assert first_match("m-1", clauses) == 0
    assert first_match("m-10", clauses) is None
    assert first_match("x-m-1", clauses) is None


@given(st.text(), st.text())
def test_no_name_breaks_the_rules(provider: str, target: str) -> None:
    real_table = made(m={})
    real_table.look_up(provider, target, target, NOW)
    reference(provider, target)
    self_hosted(provider, target)


def test_a_price_that_begins_later_or_holds_at_some_hours_holds_then() -> None:
    periods = [[{"input_mtok": 1.0}, "", "", ""], [{"input_mtok": 2.0}, "2026-12-01", "", ""]]
    book = made(
        m={"prices": periods}, night={"prices": [*periods[:1], [{"input_mtok": 0.5}, "", "22:00:00", "06:00:00"]]}
    )

    def at(name: str, month: int, day: int, hour: int = 0) -> float | None:
        when = datetime(2026, month, day, hour, tzinfo=UTC).timestamp()
        found = book.look_up("openai", f"openai/{name}", "", when)
        return found.offer.input if found else None

    assert (at("m", 11, 30, 23), at("m", 12, 1)) == (1.0, 2.0)
    assert [at("night", 12, 1, hour) for hour in (5, 6, 21, 22)] == [0.5, 1.0, 1.0, 0.5]


def test_tiers_show_the_base_and_say_the_rest() -> None:
    found = made(m={"prices": [[{"input_mtok": [1.0, [200_000, 2.0]]}, "", "", ""]]}).look_up("openai", "m", "", NOW)
    assert found is not None
    assert found.offer.input == 1.0
    assert found.offer.detail == "openai/m; more above 200,000 input tokens"
    assert found.offer.output is None


def failing() -> bytes:
    raise subprocess.CalledProcessError(1, ["python"])


@pytest.mark.parametrize(
    "read", [failing, lambda: b"", lambda: b"{}", lambda: b'{"version": 1, "as_of": 2, "providers": {"x": 3}}']
)
def test_a_list_that_cannot_be_read_is_said_and_prices_nothing(read: object) -> None:
    book = PublishedPrices(read)  # type: ignore[arg-type]
    assert book.source(NOW).trouble == "not read yet"
    book.load()
    assert book.source(NOW).trouble.startswith("cannot be read")
    assert book.look_up("openai", "openai/gpt-4o", "", NOW) is None


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("10.0.0.4", True),
        ("vllm-a", True),
        ("api.openai.com", False),
        ("8.8.8.8", False),
        ("gpu.lan", True),
        ("::1", True),
    ],
)
def test_which_hosts_are_near(host: str, near: bool) -> None:
    assert private(host) is near


@pytest.mark.parametrize(
    ("provider", "endpoint", "own"),
    [
        ("openai", "", False),
        ("openai", "https://api.openai.com/v1", False),
        ("openai", "http://sglang:30000/v1", True),
        ("hosted_vllm", "", True),
        ("ollama_chat", "https://ollama.com", False),
        ("ollama", "http://127.0.0.1:11434", True),
        ("groq", "", False),
    ],
)
def test_which_deployments_run_on_own_machines(provider: str, endpoint: str, own: bool) -> None:
    assert self_hosted(provider, endpoint) is own
