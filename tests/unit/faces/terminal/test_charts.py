"""Charts beside tables and on pages."""

from __future__ import annotations

from typing import Any, cast

import pytest

from inferdeck.client.tiny import Client
from inferdeck.errors import QueryTimeoutError
from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.faces.terminal.drawing.picture import wide
from inferdeck.faces.terminal.views import charts, providers
from inferdeck.faces.terminal.views.charts import Wanted, ask, columns, quoted, rows
from inferdeck.faces.terminal.views.logs import told

END = 1_700_000_000.0


class Answering:
    """Answers each question with series that it is given, and keeps what it was asked."""

    def __init__(self, result: list[dict[str, Any]] | Exception) -> None:
        self.result = result
        self.asked: list[dict[str, str]] = []

    def prometheus(self, path: str, fields: dict[str, str]) -> dict[str, Any]:
        self.asked.append(fields)
        if isinstance(self.result, Exception):
            raise self.result
        return {"data": {"result": self.result}}


def series(name: str, value: float) -> dict[str, Any]:
    return {"metric": {"model": name}, "values": [[END - END % 60.0, str(value)]]}


def asked(answering: Answering, **settings: Any) -> charts.Charts:
    wanted = [Wanted("Load", "sum by (model) (rate(x{ENVIRONMENT}[RANGE]))", "rate", "{{model}}")]
    return ask(cast("Client", answering), wanted, END, 3600.0, 60, **settings)


def test_a_question_names_its_environment_and_how_far_a_rate_looks_back() -> None:
    answering = Answering([])
    asked(answering, environment='a"b')
    (fields,) = answering.asked
    assert fields["query"] == 'sum by (model) (rate(x{environment="a\\"b"}[300s]))'
    assert float(fields["end"]) - float(fields["start"]) == 3600.0
    assert float(fields["step"]) == 60.0


def test_series_with_most_are_kept_the_largest_first() -> None:
    found = asked(Answering([series(str(number), number) for number in range(20)]))
    ((_, data),) = found.panels
    assert [one.name for one in data.queries[0].series] == [str(number) for number in range(19, 13, -1)]
    assert all(len(one.values) == 61 and one.values[-1] is not None for one in data.queries[0].series)


@pytest.mark.parametrize("width", [1, 30, 80, 120, 200])
def test_boxes_have_the_width_of_the_window(width: int) -> None:
    drawn = rows(asked(Answering([series("a", 1.0)])), width, Look())
    assert [wide(row) for row in drawn] == [width] * charts.HEIGHT


def test_a_failure_stands_in_its_own_box() -> None:
    drawn = rows(asked(Answering(QueryTimeoutError("the query took too long"))), 80, Look())
    assert "the query took too long" in "".join(text for row in drawn for text, _ in row)


def test_charts_are_spread_evenly() -> None:
    assert [columns(count, 200) for count in (1, 2, 3, 4, 5, 6)] == [1, 2, 3, 4, 3, 3]
    assert [columns(4, width) for width in (80, 120, 200)] == [1, 2, 4]


def test_a_label_cannot_end_its_quotes() -> None:
    assert quoted('a"} or up{x="\n\\') == '"a\\"} or up{x=\\"\\n\\\\"'


def test_a_line_of_json_shows_its_words_first() -> None:
    assert told('{"message": "\\u001b[32mdone\\u001b[0m", "level": "INFO", "component": "proxy"}') == (
        "done  component=proxy"
    )
    assert told('{"a": 1}') == '{"a": 1}'
    assert told("{not json") == "{not json"
    assert told("plain\nmore") == "plain"


def test_a_provider_that_two_gateways_ask_is_named_with_its_gateway() -> None:
    found = [
        {"metric": {"provider": "openai", "gateway": gateway}, "values": [[END - END % 60.0, "1"]]}
        for gateway in ("litellm", "helpdesk")
    ]
    for _, data in ask(cast("Client", Answering(found)), providers.CHARTS, END, 3600.0, 60).panels:
        assert sorted(one.name for one in data.queries[0].series) == ["openai helpdesk", "openai litellm"]
