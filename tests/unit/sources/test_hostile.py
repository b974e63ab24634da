"""Every bad target at once beside a healthy one, read by the real runner and client in a process that is measured."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sources import endpoint as bad
from tests.unit.sources.endpoint import GOOD, answering, raw, serving

ROOT = Path(__file__).parents[3]
ODD = (
    b"# HELP requests_total \xff\xfe\n"
    b"nan_gauge NaN\n"
    b"huge 1e400\n"
    b"falling_total -5\n"
    b'bytes{x="\xff\xfe"} 1\n'
    b"name[with] 1\n"
    b"\x1b]0;title\x07red 1\n"
    b'markup{x="[bold red]\x1b[31mred\x1b[0m"} 1\n'
)
FAILING = {
    "hangs": "no full answer within 1 s",
    "drips": "no full answer within 1 s",
    "fails": "answers HTTP 500",
    "circles": "redirects more than 3 times",
    "endless": "answers more than 67108864 bytes",
    "bomb": "answers more than 67108864 bytes",
    "half_gzip": "cut off inside its gzip stream",
    "cut_off": "cut off before its end",
    "not_http": "does not answer in HTTP",
    "silent": "closed the connection without an answer",
    "binary": "no readable metric",
}


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """Return what the collector printed, after it read every target below."""
    return asyncio.run(_measured())


async def _measured() -> dict[str, Any]:
    names = ("good", "hangs", "drips", "fails", "circles", "endless", "bomb", "half_gzip")
    handlers = {name: getattr(bad, name) for name in names}
    handlers["odd"] = answering(ODD)
    handlers["many"] = answering(bad.many_series(200_000))
    handlers["binary"] = answering(bytes(range(256)) * 1000)
    broken = {"cut_off": bad.cut_off, "not_http": bad.not_http, "silent": bad.silent}
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(*((f"/{name}", one) for name, one in handlers.items())))
        places = {name: f"{url}/{name}" for name in handlers}
        for name, answer in broken.items():
            places[name] = await stack.enter_async_context(raw(answer))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.unit.sources.hostile_collector",
            *(f"{name}={place}" for name, place in places.items()),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await process.communicate()
        assert process.returncode == 0
    found: dict[str, Any] = json.loads(printed)
    assert set(found["targets"]) == set(handlers) | set(broken)
    return found


def test_the_healthy_target_is_read_through_it_all(measured: dict[str, Any]) -> None:
    good = measured["targets"]["good"]
    assert (good["health"], good["failures"], good["error"]) == ("up", 0, "")
    assert good["series"] == GOOD.count(b"\n") - GOOD.count(b"#")


@pytest.mark.parametrize(("name", "cause"), FAILING.items())
def test_a_failing_target_is_named_with_its_cause(measured: dict[str, Any], name: str, cause: str) -> None:
    target = measured["targets"][name]
    assert target["health"] == "down"
    assert cause in target["error"]
    assert target["error"].startswith("http://127.0.0.1:")


def test_odd_lines_cost_themselves_alone_and_are_shown_without_control_characters(measured: dict[str, Any]) -> None:
    odd = measured["targets"]["odd"]
    assert (odd["health"], odd["series"]) == ("up", 3)
    assert odd["warnings"] == [
        "line 3 dropped: '1e400' is outside the range of a 64-bit float",
        "line 5 dropped: not UTF-8 at byte 9",
        "line 6 dropped: not a sample: 'name[with] 1'",
        "line 7 dropped: not a sample: '\\x1b]0;title\\x07red 1'",
    ]


def test_200_000_series_are_cut_to_the_limit_and_counted(measured: dict[str, Any]) -> None:
    many = measured["targets"]["many"]
    assert (many["health"], many["series"], many["dropped"]) == ("up", 50_000, 150_000)
    assert many["warnings"] == ["150000 series over max_series (50000) are not stored"]


def test_peak_memory_stays_bounded(measured: dict[str, Any]) -> None:
    assert measured["peak_bytes"] < 350e6
