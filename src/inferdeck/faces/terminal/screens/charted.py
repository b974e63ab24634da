"""A page of words and figures with charts below, over the time that is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from inferdeck.faces.terminal.drawing.picture import Row
from inferdeck.faces.terminal.screens.page import PageView
from inferdeck.faces.terminal.view import Ask
from inferdeck.faces.terminal.views import charts
from inferdeck.faces.terminal.views.charts import Charts, Wanted

CHARTS = "charts"


class ChartedView(PageView):
    """One page whose first question is ABOVE; what is charted may depend on its answer."""

    ABOVE: ClassVar[str] = "page"

    def wanted(self) -> Sequence[Wanted]:
        """Return what is charted."""
        return ()

    def above(self, answer: Any, width: int) -> list[Row]:
        """Return the page without its charts."""
        return []

    def beneath(self, answer: Any, width: int) -> list[Row]:
        """Return what stands below the charts."""
        return []

    def questions(self) -> Mapping[str, float]:
        return {self.ABOVE: 1.0, CHARTS: 3.0}

    def can_ask(self, key: str) -> bool:
        return key != CHARTS or self.held[self.ABOVE].value is not None

    def charts_question(self) -> Ask:
        """Return the question of the charts."""
        span, terminal, wanted = self.terminal.span, self.terminal, self.wanted()
        points = max(20, self.size.width * 2 // charts.columns(len(wanted), self.size.width))
        end = terminal.now() if span.until is None else span.until
        environment = terminal.environment
        return lambda client: charts.ask(client, wanted, end, span.range_seconds, points, environment)

    def answered(self, key: str) -> None:
        super().answered(key)
        if key == self.ABOVE and not self.held[CHARTS].changes:
            self.look()

    def rows(self, answers: Mapping[str, Any], width: int) -> list[Row]:
        if self.ABOVE not in answers:
            return []
        found = self.above(answers[self.ABOVE], width)
        drawn: Charts | None = answers.get(CHARTS)
        rest = self.beneath(answers[self.ABOVE], width)
        if drawn is None:
            return [*found, *rest]
        lines = -(-len(drawn.panels) // charts.columns(len(drawn.panels), width))
        height = min(charts.HIGHEST, max(charts.HEIGHT, (self.widget.size.height - len(found)) // max(1, lines)))
        return [*found, *charts.rows(drawn, width, self.terminal.look, height), *([()] if rest else []), *rest]

    def on_resize(self) -> None:
        self.drawn()
