"""Models: the list, up to four side by side, and one page for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from inferdeck.faces.terminal.actions import LIST, MARKS
from inferdeck.faces.terminal.drawing.picture import Row
from inferdeck.faces.terminal.drawing.prose import wrapped
from inferdeck.faces.terminal.screens.charted import CHARTS, ChartedView
from inferdeck.faces.terminal.screens.listing import BELOW, ListingView
from inferdeck.faces.terminal.view import Ask
from inferdeck.faces.terminal.views import models
from inferdeck.faces.terminal.views.charts import Wanted
from inferdeck.faces.terminal.views.table import Entry
from inferdeck.model.model_catalog import ModelPage, Models

MOST = "1000"
MOST_COMPARED = 4


class ModelsView(ListingView):
    """All models of all gateways and engines."""

    SCOPES: ClassVar[Sequence[str]] = (LIST, MARKS)
    TITLE = "Models"
    ABOUT = (
        "Every model that a gateway or an engine offers, with what is known of it. Enter opens its page; mark up to "
        "four with space, then m shows them side by side."
    )
    COLUMNS = models.COLUMNS
    CHARTS = models.CHARTS
    EMPTY = "no watched gateway or engine offers a model"
    DETAILS = "model"

    def questions(self) -> Mapping[str, float]:
        return {self.LIST: 2.0, BELOW: 6.0}

    def ask(self, key: str) -> Ask:
        if key == BELOW:
            return self.charts_question()
        environment, at = self.terminal.environment, self.terminal.span.moment
        return lambda client: client.models(limit=MOST, environment=environment, at=at)

    def entries(self, answer: Models) -> Sequence[Entry]:
        return [models.entry_of(one) for one in answer.items]

    def do(self, action: str) -> bool:
        if action == "compare":
            chosen = self.marked[-MOST_COMPARED:]
            if len(chosen) < 2:
                self.terminal.notify("mark two to four models with space first", timeout=3)
            else:
                self.terminal.go("compare " + "\t".join(chosen))
            return True
        return super().do(action)


class ModelView(ChartedView):
    """Everything that is known of one model."""

    TITLE = "Model"
    ABOUT = "Everything that is known of one model, with who says so: gateways, engines, prices, capabilities, use."

    def __init__(self, words: str) -> None:
        self._model, _, self._environment = words.rpartition(" ") if " " in words else (words, "", "")
        super().__init__()

    def heading(self) -> str:
        return f"Model {self._model}"

    def wanted(self) -> Sequence[Wanted]:
        return models.charts_of([self._model])

    def ask(self, key: str) -> Ask:
        if key == CHARTS:
            return self.charts_question()
        at = self.terminal.span.moment
        return lambda client: client.model(self._model, self._environment, at)

    def above(self, answer: ModelPage, width: int) -> list[Row]:
        return models.first_rows(answer, width)

    def beneath(self, answer: ModelPage, width: int) -> list[Row]:
        return models.further_rows(answer, width)


class CompareView(ChartedView):
    """Up to four models side by side."""

    TITLE = "Compare"
    ABOUT = "Models side by side; what they differ in is strong."

    def __init__(self, words: str) -> None:
        # Keys of rows as a table marked them, or names as somebody typed them.
        keys = words.split("\t") if "\t" in words else words.split()
        self._keys = [key for key in keys if key][:MOST_COMPARED]
        super().__init__()

    def wanted(self) -> Sequence[Wanted]:
        return models.charts_of([key.rpartition(" ")[0] or key for key in self._keys]) if self._keys else ()

    def ask(self, key: str) -> Ask:
        if key == CHARTS:
            return self.charts_question()
        at = self.terminal.span.moment
        return lambda client: client.models(limit=MOST, at=at)

    def above(self, answer: Models, width: int) -> list[Row]:
        if not self._keys:
            return wrapped("no model is chosen: mark two to four in models with space, or : compare NAME NAME", width)
        by_key = {one.name: one for one in reversed(answer.items)} | {models.key_of(one): one for one in answer.items}
        missing = ", ".join(key for key in self._keys if key not in by_key)
        said = wrapped(f"there is no model {missing}", width, "warn") if missing else []
        chosen = [by_key[key] for key in self._keys if key in by_key]
        return [*said, *models.compared(chosen, width), ()]
