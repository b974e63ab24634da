"""The stack over HTTP: pages, filters, what is refused, and hostile names that stay text up to the terminal."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from inferdeck.cli import arguments
from inferdeck.client.tiny import Address, Client
from inferdeck.errors import UsageError
from inferdeck.model.target import Fact, Health
from inferdeck.query.stack.local import LocalStackQuestions
from tests.unit.api.place import refused, served
from tests.unit.query.stack import NOW_MS, state
from tests.unit.query.stack_facts import asked, container, docker, engine, gateway, nvidia, on_card

HOSTILE = "\x1b[31m<script>\u202ename"
LISTS = ("services", "containers", "gpus", "chains", "routes")
COMMANDS = ("services", "containers", "gpus", "routes")


def whole() -> LocalStackQuestions:
    """Return questions over a gateway, an engine in a container with a hostile name, and cards."""
    litellm = container("litellm", ports="4000->4000/tcp", networks="n", image="litellm:1")
    one = container("vllm-1", ports="8001->8000/tcp", networks="n", pid="50", gpus="0", engine="vllm", model=HOSTILE)
    process = on_card("U0", 51, container=str(one.facts["id"]))
    front = gateway("127.0.0.1:4000", ("d", "http://vllm-1:8000/v1"), name="gate")
    fallback = Fact("fallback", "d", {"to": f"{HOSTILE}, d2", "on": "context window"})
    own = engine("127.0.0.1:8001", HOSTILE, name=HOSTILE)
    front = state("litellm", "127.0.0.1:4000", name="gate", inventory=(*front.inventory, fallback))
    return asked(docker("box", litellm, one), front, own, nvidia("box", 2, process))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("place"), stacked=whole()) as place:
        yield place.url


@pytest.fixture(scope="module")
def empty_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("empty"), stacked=asked()) as place:
        yield place.url


def test_every_list_comes_in_pages_that_the_client_reads(url: str) -> None:
    client, here = Client(Address(url=url)), whole()
    assert client.services() == here.services()
    assert client.containers() == here.containers()
    assert client.gpus() == here.gpus()
    assert client.chains() == here.chains()
    assert client.routes() == here.routes()
    page = client.services(limit="1", offset="1")
    assert (len(page.items), page.total, page.offset, page.limit) == (1, 4, 1, 1)


def test_the_chain_of_one_model_is_asked_for_by_its_name(url: str) -> None:
    (chain,) = Client(Address(url=url)).chains(model="d").items
    links = (chain.address, chain.engine, chain.container, chain.process, *chain.gpus)
    assert [link.state for link in links] == ["known"] * 5
    assert (chain.engine.name, chain.container.name, chain.gpus[0].id) == (HOSTILE, "vllm-1", "U0")


@pytest.mark.parametrize("name", LISTS)
def test_what_there_is_not_is_refused_with_what_there_is(url: str, name: str) -> None:
    assert "there is no" in refused(f"{url}/api/{name}?environment=prod")
    assert "there are default" in refused(f"{url}/api/{name}?environment=prod")
    assert "colour: unknown parameter; there are" in refused(f"{url}/api/{name}?colour=red")
    for wrong in ("limit=0", "limit=1001", "offset=-1", f"offset={'9' * 20}", "limit=x", f"q={'x' * 1001}"):
        assert refused(f"{url}/api/{name}?{wrong}")
    assert Client(Address(url=url))._page(dict, f"/api/{name}", {"q": "no such text"}).total == 0
    assert Client(Address(url=url))._page(dict, f"/api/{name}", {"offset": str(2**53)}).offset == 2**53


def test_a_client_is_told_what_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="health: there is no"):
        Client(Address(url=url)).services(health="fine")


def test_what_a_filter_may_ask_for_is_an_answer_though_nothing_has_it(
    url: str, empty_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (("--state", "exited"), ("--health", "unhealthy"), ("--state", "running", "--health", "starting")):
        text = shown(capsys, "containers", *words, "--url", url)
        assert text.strip().startswith("nothing matches")
        assert all(word in text for word in words)
    assert "--state paused" in shown(capsys, "containers", "--state", "paused", "--url", empty_url)


def test_what_was_seen_long_ago_is_not_shown_as_present(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferdeck.cli.stack_words.columns", lambda: 200)
    one = container("c1", ports="8001->8000/tcp", pid="50", started="1799990000", restarts="2", health="healthy")
    states = (docker("box", one), engine("127.0.0.1:8001", "m"), nvidia("box", 1, on_card("U0", 51)))
    gone = [replace(each, health=Health.DOWN, last_success_ms=NOW_MS - 45_000) for each in states]
    with served(tmp_path, stacked=asked(*gone)) as place:
        row = next(line for line in shown(capsys, "containers", "--url", place.url).splitlines() if "c1" in line)
        assert "? running, 45 s ago" in row
        assert "? healthy" in row
        assert "? 2 h" in row
        row = next(line for line in shown(capsys, "services", "--url", place.url).splitlines() if "vllm" in line)
        assert "✗ down" in row
        assert "? 50 " in row
        text = " ".join(shown(capsys, "gpus", "--url", place.url).split())
        assert "last read 45 s ago" in text


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    options = arguments.parse(words)
    assert arguments.command(options.command)(options) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_commands_fit_the_terminal_and_keep_hostile_names_text(
    url: str, name: str, columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("stack_words",):
        monkeypatch.setattr(f"inferdeck.cli.{module}.columns", lambda: columns)
    text = shown(capsys, name, "--url", url)
    assert text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert all(len(line) <= columns for line in text.splitlines())


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_print_the_answer_as_json(url: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with urllib.request.urlopen(f"{url}/api/{name}", timeout=20) as answer:
        assert json.loads(shown(capsys, name, "--json", "--url", url)) == json.load(answer)


def test_routes_are_trees_down_to_the_cards(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "routes", "--model", "d", "--why", "--url", url)
    assert "✓ d" in text
    assert "├─ ✓ d  openai/d" in text
    assert "→ container vllm-1 → PID 50 → GPU 0 of box" in text
    assert "fallback 2 on context window: d2: the gateway has no such model" in text
    assert "inspect of vllm-1 asks for device 0 on box" in " ".join(text.replace("│", " ").split())


def test_a_long_list_says_how_to_see_the_rest(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "1 to 1 of 4; --offset 1 shows the next" in shown(capsys, "services", "--limit", "1", "--url", url)
    assert "there are 4; --offset 9 is after the last" in shown(capsys, "services", "--offset", "9", "--url", url)


@pytest.mark.parametrize(
    ("name", "reason", "fix"),
    [
        ("services", "Nothing is watched", "inferdeck sources add litellm"),
        ("containers", "No Docker is watched", "inferdeck sources add docker"),
        ("gpus", "No GPU is known", "inferdeck sources add dcgm"),
        ("routes", "The gateway at http://g:4000 tells of no models", ""),
    ],
)
def test_nothing_is_explained(
    empty_url: str, name: str, reason: str, fix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = " ".join(shown(capsys, name, "--url", empty_url).split())
    assert reason in text
    assert fix in text
    assert "nothing matches --q x" in shown(capsys, name, "-q", "x", "--url", empty_url)


def test_help_of_each_command_says_its_filters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        with pytest.raises(SystemExit):
            arguments.parse([name, "--help"])
        text = capsys.readouterr().out
        assert all(flag in text for flag in ("-q TEXT", "--offset", "--limit", "--json", "--environment"))
