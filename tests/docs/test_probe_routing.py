"""docs/probe-routing.md says what the probe does: its commands parse, its file runs, its numbers come out."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from inferdeck import errors
from inferdeck.cli import arguments, probe
from inferdeck.cli.commands import stack
from inferdeck.probing import cases, cases_file, requests, running, statistics
from inferdeck.probing.access import VARIABLES
from inferdeck.probing.cases import Wish
from inferdeck.probing.judging import ALLOW_MOCK
from inferdeck.probing.report import lines as report_lines
from inferdeck.probing.report import summary
from inferdeck.probing.running import total
from inferdeck.probing.values import Case, Cause, Kind, State
from tests.probing.simulated import ROUTES, probed, probed_scenario
from tests.unit.probing.told import deployed, told

PAGE = (Path(__file__).parents[2] / "docs" / "probe-routing.md").read_text(encoding="utf-8")
FILE, SCENARIO = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [
    line.split("#")[0].split(" > ")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table whose heading row begins so."""
    lines = PAGE.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0].split("\n<!--", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_are_understood(command: str) -> None:
    words = [word for word in shlex.split(command) if "=" not in word]
    assert words[0] == "inferdeck"
    assert arguments.parse(words[1:]).command.words in (("probe", "routing"), ("simulate", "serve"))


def test_the_keys_of_a_case_are_those_of_the_schema() -> None:
    fields = cases_file.CaseEntry.model_fields
    assert rows("key of a case") == [[f"`{name}`", field.description] for name, field in fields.items()]


def test_kinds_and_causes_are_all_there_are() -> None:
    assert {row[0] for row in rows("kind")} == {str(kind) for kind in Kind}
    assert [row[0] for row in rows("cause")] == [str(cause) for cause in Cause if cause]
    assert all(f"*{state}*" in PAGE for state in State)


def test_the_exit_codes_are_those_of_the_command() -> None:
    codes = {row[0] for row in rows("exit code")}
    found = {errors.exit_code(kind("")) for kind in (errors.UsageError, errors.UnavailableError, errors.ForbiddenError)}
    assert codes == {"0", "1", str(probe.INTERRUPTED), *map(str, found)}


def test_the_numbers_of_requests_come_out() -> None:
    for weights, needed in rows("weights"):
        shares = statistics.shares([float(one) for one in weights.split(",")])
        assert statistics.needed(shares, statistics.ALPHA) == int(needed)
    assert f"{statistics.power_against_loss(20, (0.5, 0.5), statistics.ALPHA):.2f}" == "0.37"
    assert "20 answers of two even members have power 0.37" in PAGE
    assert statistics.ALPHA == 0.01 and "less than 1 of 100 runs" in PAGE
    assert f"power {statistics.POWER}" in PAGE
    assert f"at least {statistics.LEAST_EXPECTED:g} of them expected" in PAGE


def test_the_limits_are_those_of_the_code() -> None:
    options = arguments.parse(["probe", "routing"])
    assert options.models == cases.MOST_MODELS and f"({cases.MOST_MODELS})" in PAGE
    assert f"`--timeout` ({options.timeout:g} s)" in PAGE
    assert f"more than {cases.MOST_POOL_REQUESTS} requests is not asked" in PAGE
    assert f"At most {running.PARALLEL} requests are\non their way at once" in PAGE
    assert f"answers at most {requests.SHORT} tokens ({requests.LONG} where" in PAGE
    assert f"{requests.MESSAGE_TOKENS} for what a provider adds" in PAGE
    assert "each letter of the prompt as one" in PAGE
    assert all(f"`{name}`" in PAGE for name in VARIABLES)
    assert f"general_settings.{ALLOW_MOCK}: true" in PAGE
    assert set(stack.PROBES) == {str(kind) for kind in Kind}


async def test_the_file_of_the_page_is_right_and_passes(tmp_path: Path) -> None:
    file = tmp_path / "cases.yaml"
    file.write_text(FILE, encoding="utf-8")
    (tmp_path / "model-mappings.yaml").write_text(ROUTES.read_text(encoding="utf-8"), encoding="utf-8")
    given = cases_file.read(file, {"LITELLM_API_KEY": "sk-inferdeck-demo"})
    assert given.key == "sk-inferdeck-demo"
    report = await probed(tmp_path, wanted=given.intended, given=given)
    assert report.count(State.FAILED) == 0, summary(report)
    assert {"direct:gpt-4o", "pool:llama-70b", "capability:vision/claude-sonnet-4"} <= {
        one.id for one in report.results
    }


async def test_the_planted_fault_of_the_page_is_found(tmp_path: Path) -> None:
    file = tmp_path / "no-key.yaml"
    file.write_text(SCENARIO, encoding="utf-8")
    report = await probed_scenario(file, Wish(kinds=(Kind.DIRECT, Kind.MEMBER, Kind.FALLBACK)))
    lines = [line for line, _ in report_lines(report)]
    for shown in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)[0].splitlines():
        assert any(line.startswith(shown) for line in lines), lines
    assert [one.id for one in report.results if one.state is State.FAILED] == ["direct:claude-sonnet-4"]


def test_a_request_is_as_the_page_says() -> None:
    direct, fallback = Case(Kind.DIRECT, "m"), Case(Kind.FALLBACK, "m", order=("n",))
    body = requests.ask(direct).body
    assert (body["disable_fallbacks"], body["num_retries"], body["cache"]) == (True, 0, {"no-cache": True})
    forced = requests.failing(requests.ask(fallback)).body
    assert forced["mock_testing_fallbacks"] is True
    assert "disable_fallbacks" not in forced
    assert requests.ask(direct).body["messages"] != requests.ask(direct).body["messages"]
    pool = cases.make(told(deployed("a", "p"), deployed("b", "p")), [], Wish(kinds=(Kind.POOL,)))
    assert total(pool.cases) > statistics.needed((0.5, 0.5), statistics.ALPHA)
