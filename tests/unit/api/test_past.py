"""`at` over HTTP: every native question takes it in the forms of every other time, and refuses what is no past."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from inferdeck.cli import arguments
from inferdeck.client.tiny import Address, Client
from inferdeck.errors import UsageError
from tests.unit.api.place import refused, served

QUESTIONS = ("status", "services", "containers", "gpus", "chains", "routes", "models", "providers", "models/gpt-4o")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("place")) as place:
        yield place.url


def asked(url: str, name: str, at: str = "") -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/api/{name}{f'?at={quote(at)}' if at else ''}", timeout=20) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_says_which_moment_it_is_about(url: str, name: str) -> None:
    then = time.time() - 900
    moments = (f"{then:.3f}", "15m", f"{datetime.fromtimestamp(then, UTC):%Y-%m-%dT%H:%M:%SZ}")
    for text in moments:
        past = asked(url, name, text)["past"]
        assert past["at"] == pytest.approx(then, abs=60.0)
        assert past["notes"][0].startswith("nothing is known of then: the history begins")
        assert "now" in past["notes"][1]
    assert asked(url, name)["past"] is None


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_is_no_moment_of_the_past_is_refused(url: str, name: str) -> None:
    assert "at: the moment is in the future" in refused(f"{url}/api/{name}?at=9999-01-01T00:00:00Z")
    assert "at: the moment lies before 1970" in refused(f"{url}/api/{name}?at=-1")
    for wrong in ("yesterday", "nan", "1e400", "2026-13-01", "0001-01-01", "%00", "x" * 101):
        assert refused(f"{url}/api/{name}?at={wrong}")


def test_the_client_asks_of_a_moment(url: str) -> None:
    client, then = Client(Address(url=url)), f"{time.time() - 900:.3f}"
    for found in (
        client.status(then),
        client.services(at=then),
        client.containers(at=then),
        client.gpus(at=then),
        client.chains(at=then),
        client.routes(at=then),
        client.models(at=then),
        client.providers(at=then),
        client.model("gpt-4o", at=then),
    ):
        assert found.past is not None and found.past.at == float(then)
    assert {one.health for one in client.status(then).services} == {"unknown"}
    assert {one.health for one in client.status().services} == {"up"}
    with pytest.raises(UsageError, match="not a time"):
        client.services(at="soon")


@pytest.mark.parametrize("command", ["status", "services", "containers", "gpus", "routes", "models", "providers"])
def test_commands_show_a_moment_and_what_is_of_now(
    url: str, command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    options = arguments.parse([command, "--at", "15m", "--url", url])
    assert arguments.command(options.command)(options) == 0
    said = capsys.readouterr().out
    assert said.startswith("at 20") and "nothing is known of then: the history begins" in said.splitlines()[0]
    options = arguments.parse([command, "--at", "15m", "--json", "--url", url])
    assert arguments.command(options.command)(options) == 0
    assert json.loads(capsys.readouterr().out)["past"]["at"] == pytest.approx(time.time() - 900, abs=60.0)


def test_the_past_is_not_watched(url: str) -> None:
    options = arguments.parse(["status", "--at", "15m", "--watch", "--url", url])
    with pytest.raises(UsageError, match="--at: the past does not change"):
        arguments.command(options.command)(options)
