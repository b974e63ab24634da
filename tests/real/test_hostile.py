"""Questions that would take for ever: the running daemon ends each with a clear limit, and answers others meanwhile."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from inferdeck.model.labels import labels
from tests.differential.test_windows_prometheus import send
from tests.real.daemon import Place

pytestmark = pytest.mark.real

SERIES, SAMPLES = 300, 240
NOW = int(time.time())
"""When the tests were collected, which may be long before they run."""
HOURS = (("start", str(NOW - 7200)), ("end", str(NOW)), ("step", "1"))
EXPLODING = "(a+)+b" + "(x{1000}){1000}"


@dataclass(frozen=True, slots=True)
class Case:
    """A question below /api/v1, and how it ends."""

    path: str
    fields: tuple[tuple[str, str], ...]
    status: int
    words: str
    """A pattern that the message holds, or for 200 the body."""


def query(text: str, status: int, words: str) -> Case:
    return Case("query", (("query", text), ("timeout", "30s")), status, words)


NESTED = r"nests more than 100 levels"
LONG = r"characters, at most 100,000"
CASES = {
    "10 kB of additions": query("+".join(["1"] * 5000), 422, NESTED),
    "20,000 parentheses": query("(" * 20_000 + "1" + ")" * 20_000, 422, NESTED),
    "20,000 open parentheses": query("(" * 20_000, 422, NESTED),
    "50,000 signs": query("-" * 50_000 + "1", 422, NESTED),
    "half a megabyte": query("up" * 250_000, 422, LONG),
    "a megabyte": query("up" * 550_000, 413, "larger than 1 MiB"),
    "an expression that explodes": query(f'm_total{{row=~"{EXPLODING}"}}', 400, "error parsing regexp"),
    "an expression that backtracks": query('m_total{row=~"(.*)*(.*)*(.*)*(.*)*y"}', 200, '"result":\\[\\]'),
    "a replacement that explodes": query(f'label_replace(m_total, "a", "b", "row", "{EXPLODING}")', 422, "expression"),
    "a million steps": Case(
        "query_range", (("query", "m_total"), ("start", "0"), ("end", "1000000"), ("step", "1")), 400, "11,000"
    ),
    "a subquery of a million steps": query("count_over_time(m_total[1000000s:1s])", 422, "values at once"),
    "a subquery of a hundred years": query("sum_over_time(m_total[100y:1ms])", 422, "values at once|samples"),
    "subqueries in each other": query("max_over_time(max_over_time(m_total[30d:1s])[30d:1s])", 422, "values at once"),
    "a subquery on every step": Case(
        "query_range",
        (("query", "max_over_time(rate(m_total[1h])[7d:1s])"), *HOURS, ("timeout", "30s")),
        422,
        "values at once",
    ),
    "a slow function": Case(
        "query_range",
        (("query", "count(quantile_over_time(0.5, m_total[1h:5s]))"), *HOURS, ("timeout", "1s")),
        503,
        "timed out|took",
    ),
    "selectors without end": Case("series", tuple(("match[]", f"a{n}") for n in range(2000)), 400, "fields|1,?000"),
    "a selector that is too long": Case("series", (("match[]", "a" * 200_000),), 422, LONG),
    "a text to be laid out": Case("format_query", (("query", "(" * 20_000),), 422, NESTED),
    "a text to be read": Case("parse_query", (("query", "1+" * 20_000 + "1"),), 422, NESTED),
    "exemplars": Case("query_exemplars", (("query", "-" * 50_000 + "1"),), 422, NESTED),
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = Place.of(tmp_path_factory.mktemp("hostile"), "host: {interval: {interval}}")
    with place.up() as daemon:
        series = [labels({"row": str(row)}, "m_total") for row in range(SERIES)]
        times = (NOW - 3600 + 15 * np.arange(SAMPLES, dtype=np.int64)) * 1000
        send(daemon.url, series, times, np.add.outer(np.arange(float(SERIES)), np.arange(float(SAMPLES))))
        yield daemon.url


def ask(url: str, path: str, fields: tuple[tuple[str, str], ...]) -> tuple[int, str]:
    """POST a form and return status and body; a minute without an answer is an error."""
    try:
        with urllib.request.urlopen(f"{url}/api/v1/{path}", urllib.parse.urlencode(fields).encode(), 60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize("name", list(CASES))
def test_it_ends_with_a_limit_while_others_are_served(url: str, name: str) -> None:
    case, ended = CASES[name], threading.Event()
    others: list[tuple[int, str]] = []

    def others_ask() -> None:
        while not others or not ended.is_set():
            others.append(ask(url, "query", (("query", "count(m_total)"), ("time", str(NOW)))))

    asking = threading.Thread(target=others_ask)
    asking.start()
    try:
        status, body = ask(url, case.path, case.fields)
    finally:
        ended.set()
        asking.join()
    assert status == case.status, body[:500]
    said = json.loads(body).get("error", body)
    assert re.search(case.words, said if isinstance(said, str) else said["message"]), body[:500]
    assert len(body) < 2000
    assert {status for status, _ in others} == {200}
    assert all(json.loads(body)["data"]["result"][0]["value"][1] == str(SERIES) for _, body in others)
