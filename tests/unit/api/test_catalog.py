"""Models and providers over HTTP and on the terminal: pages, filters, refusals, hostile names that stay text."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from inferdeck.cli import arguments
from inferdeck.client.tiny import Address, Client
from inferdeck.errors import NotFoundError, UsageError
from tests.unit.api.place import refused, served
from tests.unit.query.catalog.small import HOSTILE, catalog, deployed, gateway, small_catalog


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("place"), models=small_catalog()) as place:
        yield place.url


@pytest.fixture(scope="module")
def empty_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("empty"), models=catalog()) as place:
        yield place.url


def test_the_client_reads_what_the_questions_answer(url: str) -> None:
    client, here = Client(Address(url=url)), small_catalog()
    assert client.models() == here.models()
    assert client.providers() == here.providers()
    for name in ("gpt-4o", HOSTILE):
        assert client.model(name) == here.model(name)
    page = client.models(sort="-name", limit="1", offset="1")
    assert ([one.name for one in page.items], page.total, page.offset) == ([HOSTILE], 2, 1)
    assert [one.name for one in client.models(capability="vision").items] == ["gpt-4o"]


@pytest.mark.parametrize("name", ["models", "providers"])
def test_what_there_is_not_is_refused_with_what_there_is(url: str, name: str) -> None:
    assert "there are default" in refused(f"{url}/api/{name}?environment=prod")
    assert "colour: unknown parameter; there are" in refused(f"{url}/api/{name}?colour=red")
    assert "there are name" in refused(f"{url}/api/{name}?sort=beauty")
    for wrong in ("limit=0", "limit=1001", "offset=-1", "limit=x", f"q={'x' * 1001}"):
        assert refused(f"{url}/api/{name}?{wrong}")
    with urllib.request.urlopen(f"{url}/api/{name}?q=no+such+text", timeout=20) as answer:
        assert json.load(answer)["total"] == 0


def test_a_model_that_is_not_there_is_not_found(url: str) -> None:
    with pytest.raises(NotFoundError, match='no model is called "a/b"'):
        Client(Address(url=url)).model("a/b")
    assert "unknown parameter" in refused(f"{url}/api/models/gpt-4o?colour=red")


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    options = arguments.parse(words)
    assert arguments.command(options.command)(options) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("words", [("models",), ("models", "gpt-4o"), ("models", HOSTILE), ("providers",)])
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_commands_keep_hostile_names_text(
    url: str,
    words: tuple[str, ...],
    columns: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("models", "providers"):
        monkeypatch.setattr(f"inferdeck.cli.{module}.columns", lambda: columns)
    text = shown(capsys, *words, "--url", url)
    assert "\x1b" not in text
    assert "\u202e" not in text
    if len(words) == 1:
        assert all(len(line) <= columns for line in text.splitlines())


@pytest.mark.parametrize("path", ["models", f"models/{quote(HOSTILE, safe='')}", "providers"])
def test_commands_print_the_answer_as_json(url: str, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    command, _, _ = path.partition("/")
    name = [HOSTILE] if "/" in path else []
    with urllib.request.urlopen(f"{url}/api/{path}", timeout=20) as answer:
        assert json.loads(shown(capsys, command, *name, "--json", "--url", url)) == json.load(answer)


def test_one_model_says_what_is_known_of_it_and_how_to_ask(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "models", "gpt-4o", "--url", url)
    assert "ends on 2027-02-01, in 17 days, says gateway g:4000, cost map" in " ".join(text.split())
    assert "it still gets 2" in " ".join(text.split())
    assert "PRICE  priced; USD per million tokens" in text
    assert "book 1" in text
    assert 'api_key=os.environ["LITELLM_API_KEY"]' in text
    assert "unknown: " in text
    assert "falls back, g:4000: \\x1b[31m<script>" in text


def test_providers_show_their_score(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "providers", "--url", url)
    assert "RECOMMENDATION" in text
    assert "~100" in text
    assert "Primary" in text
    assert "no traffic" in text


def test_nothing_is_explained(empty_url: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no gateway or engine that is watched tells of a model" in shown(capsys, "models", "--url", empty_url)
    assert "no watched gateway tells of a provider" in shown(capsys, "providers", "--url", empty_url)
    assert "no model fits that" in shown(capsys, "models", "--q", "nothing", "--url", url)
    assert "there are 2 such models; --offset 9 leaves out all of them" in shown(
        capsys, "models", "--offset", "9", "--url", url
    )
    assert "1 to 1 of 2" in shown(capsys, "models", "--limit", "1", "--url", url)


def test_a_name_and_a_filter_do_not_go_together(url: str) -> None:
    options = arguments.parse(("models", "gpt-4o", "--type", "LLM", "--url", url))
    with pytest.raises(UsageError, match="--type: chooses among models"):
        arguments.command(options.command)(options)


def test_a_model_is_reached_whatever_its_name_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("two\nlines", "a/b c", "100%25?#&", "..", "\r\n\u2028x")
    front = gateway(*(deployed(f"d{place}", name, f"openai/{place}") for place, name in enumerate(names)))
    with served(tmp_path, models=catalog(front)) as place:
        client = Client(Address(url=place.url))
        assert {client.model(name).row.name for name in names} == set(names)
        assert "two\\x0alines" in shown(capsys, "models", "two\nlines", "--url", place.url)


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(tmp_path: Path) -> None:
    with served(tmp_path, models=small_catalog()) as place:
        client = Client(Address(url=place.url))
        for wrong in ("GPT", "gpt-4p", "gpt4o"):
            with pytest.raises(NotFoundError, match=r'no model is called "\S+"; did you mean gpt-4o\?'):
                client.model(wrong)
        with pytest.raises(NotFoundError, match='"quite else"; `inferdeck models` names'):
            client.model("quite else")
