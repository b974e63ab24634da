"""docs/query.md: its commands run, its routes and limits are those there are, its script passes."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from inferdeck.api import guard
from inferdeck.api.prometheus import questions, routes
from inferdeck.config.schema import QueryConfig
from inferdeck.query import workers
from inferdeck.query.promql import limits
from inferdeck.query.promql.eval.budget import Limits
from tests.real.daemon import Place
from tests.served import served

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "query.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.+?)```", PAGE, re.DOTALL)


COMMANDS = [line for block in blocks("sh") for line in block.splitlines()]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    found = Place.of(tmp_path_factory.mktemp("asking"), "host: {interval: {interval}}")
    (script,) = blocks("promqltest")
    (found.directory / "rates.test").write_text(script)
    with found.up():
        found.status_when(lambda status: any(one["health"] == "up" for one in status["services"]))
        yield found


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_works(place: Place, command: str) -> None:
    words = shlex.split(command.replace(":4633", f":{place.port}"))
    if words[0] == "curl":
        if shutil.which("curl") is None:
            pytest.skip("curl is not installed")
        done = subprocess.run([*words, "--fail-with-body"], capture_output=True, text=True, timeout=60, check=False)
    else:
        assert words[0] == "inferdeck"
        done = place.run(*words[1:])
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_mistake_is_shown_as_written(place: Place) -> None:
    (shown,) = blocks("text")
    done = place.run("query", "rat(up[5m])")
    assert done.returncode == 2
    assert shown.strip() in done.stderr


def test_the_script_is_not_empty(place: Place) -> None:
    assert "2 passed, 0 failed" in place.run("query", "test", "rates.test").stdout


async def test_the_routes_are_those_there_are(tmp_path: Path) -> None:
    async with served(tmp_path) as site:
        rows = re.findall(r"^\| `(/[^`]+)` \| ([A-Z ]+) \|", PAGE, re.MULTILINE)
        for path, methods in rows:
            for method in ("GET", "POST"):
                async with site.session.request(method, site.url + path.replace("{name}", "job")) as answer:
                    refused = answer.status in (403, 405)
                    assert refused is (method not in methods.split()), (method, path)
                    assert answer.status != 404, path
    source = Path(routes.__file__).read_text(encoding="utf-8")
    there = {f"/api/v1{re.sub(':[a-z_]+}', '}', path)}" for path in re.findall(r'_Entry\("(/[^"]+)"', source)}
    assert {path for path, _ in rows} == there | {"/federate", routes.WRITE_PATH}


def test_the_limits_are_those_there_are() -> None:
    rows = re.findall(r"^\| ([a-z][^|]+?) \| ([\d,]+)(?: \((.+)\))? \|$", PAGE, re.MULTILINE)
    own, config = Limits(), QueryConfig()
    assert [int(number.replace(",", "")) for _, number, _ in rows] == [
        limits.LONGEST_TEXT,
        limits.DEEPEST,
        questions.MOST_POINTS,
        own.samples,
        own.series,
        own.seconds,
        config.parallel,
        workers.MOST_WAITING,
        guard.LARGEST_BODY_BYTES,
    ]
    assert (own.points, own.samples, own.seconds) == (questions.MOST_POINTS, config.max_samples, config.timeout)
    for name in re.findall(r"`query\.(\w+)`", PAGE):
        assert name in QueryConfig.model_fields


def test_the_line_that_lets_another_server_answer_is_valid() -> None:
    (line,) = blocks("yaml")
    found = YAML(typ="safe").load(line)["query"]
    assert set(found) <= set(QueryConfig.model_fields)
    config = QueryConfig.model_validate({**found, "key": "from the environment"})
    assert (config.tenant, config.tls.ca) == ("team-a", "/etc/ssl/own-ca.pem")
