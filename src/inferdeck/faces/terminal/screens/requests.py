"""Requests: what the gateways count of them now, and the lines that their logs have of single ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inferdeck.faces.terminal.drawing.picture import Row
from inferdeck.faces.terminal.drawing.prose import wrapped
from inferdeck.faces.terminal.screens.page import PageView
from inferdeck.faces.terminal.view import Ask
from inferdeck.faces.terminal.views import charts, requests
from inferdeck.faces.terminal.views.charts import Charts
from inferdeck.faces.terminal.views.layout import NARROW
from inferdeck.faces.terminal.views.logs import LogRows
from inferdeck.faces.terminal.views.outside import fit
from inferdeck.model import cells
from inferdeck.model.answers import Status
from inferdeck.model.log_lines import LogAnswer

AT_ONCE = "60"
CHARTS = "charts"
_NEEDS = (
    "Single requests with their latency, tokens, cost and payload are shown once request records are kept "
    "(needs: records). Until then: what the gateways count, and what their logs tell of requests."
)


class RequestsView(PageView):
    """What is known of requests today."""

    TITLE = "Requests"
    ABOUT = f"Live requests as gateways count them, and what logs tell of single ones. {_NEEDS}"

    def __init__(self, words: str = "") -> None:
        self._words = words
        super().__init__()

    def questions(self) -> Mapping[str, float]:
        return {"status": 1.0, "lines": 1.0, CHARTS: 6.0}

    def ask(self, key: str) -> Ask:
        span, at = self.terminal.span, self.terminal.span.moment
        if key == CHARTS:
            end = self.terminal.now() if span.until is None else span.until
            width, environment = self.size.width, self.terminal.environment
            return lambda client: charts.ask(client, requests.CHARTS, end, span.range_seconds, width, environment)
        if key == "status":
            return lambda client: client.status(at)
        kept = [word for word in self._words.split() if not word.startswith("!")]
        dropped = [word[1:] for word in self._words.split() if word.startswith("!") and word[1:]]
        fields = {"q": kept or ["POST"], "exclude": dropped, "limit": [AT_ONCE], "until": [at] if at else []}
        return lambda client: client.logs({name: values for name, values in fields.items() if values})

    @property
    def filtered(self) -> str | None:
        return self._words

    def filter(self, text: str) -> None:
        self._words = text
        self.renew()

    def kept(self) -> dict[str, Any]:
        return {**super().kept(), "words": self._words}

    def recall(self, kept: Mapping[str, Any]) -> None:
        super().recall(kept)
        self._words = kept["words"]

    def heading(self) -> str:
        return f"Requests{f' /{self._words}' if self._words else ''}"

    def rows(self, answers: Mapping[str, Any], width: int) -> list[Row]:
        rows: list[Row] = [*wrapped(_NEEDS, width, "dim"), ()]
        status: Status | None = answers.get("status")
        look = self.terminal.look
        if status is not None and status.gateways:
            rows += [*requests.rows(status.gateways, width, look), ()]
        elif status is not None:
            rows += [(("no gateway is watched", "dim"),), ()]
        drawn: Charts | None = answers.get(CHARTS)
        if drawn is not None and width >= NARROW:
            rows += charts.rows(drawn, width, look)
        found: LogAnswer | None = answers.get("lines")
        if found is not None:
            rows += self._lines(found, width)
        return [fit(row, width) for row in rows]

    def _lines(self, found: LogAnswer, width: int) -> list[Row]:
        words = cells.clean(self._words or "POST")
        head: Row = (("Newest lines of logs ", "title"), (f"that have {words!r}; : logs shows all", "dim"))
        if not found.lines:
            return [head, (("none; / looks for other words", "dim"),)]
        lines = LogRows(found.lines)
        return [head, *(lines.row(number, width) for number in reversed(range(lines.height(width))))]
