"""Requests: what the gateways count of them now, and the lines that their logs have of single ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inferdeck.faces.terminal.drawing.picture import Row, Span
from inferdeck.faces.terminal.drawing.prose import wrapped
from inferdeck.faces.terminal.screens.page import PageView
from inferdeck.faces.terminal.view import Ask
from inferdeck.faces.terminal.views.logs import LogRows
from inferdeck.faces.terminal.views.outside import fit
from inferdeck.model import cells
from inferdeck.model.answers import Gateway, Number, Status
from inferdeck.model.figure_text import shown
from inferdeck.model.log_lines import LogAnswer

AT_ONCE = "60"
_NAME = 24
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
        return {"status": 1.0, "lines": 1.0}

    def ask(self, key: str) -> Ask:
        if key == "status":
            return lambda client: client.status()
        kept = [word for word in self._words.split() if not word.startswith("!")]
        dropped = [word[1:] for word in self._words.split() if word.startswith("!") and word[1:]]
        fields = {"q": kept or ["POST"], "exclude": dropped, "limit": [AT_ONCE]}
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
        for gateway in status.gateways if status else ():
            rows += [*_gateway(gateway), ()]
        if status is not None and not status.gateways:
            rows += [(("no gateway is watched", "dim"),), ()]
        found: LogAnswer | None = answers.get("lines")
        if found is not None:
            words = self._words or "POST"
            rows.append((("Lines of logs ", "title"), (f"that have {cells.clean(words)!r}", "dim")))
            lines = LogRows(found.lines)
            rows += [lines.row(number, width) for number in reversed(range(lines.height(width)))]
            if not found.lines:
                rows.append((("none; / looks for other words", "dim"),))
        return [fit(row, width) for row in rows]


def _gateway(one: Gateway) -> list[Row]:
    def pair(name: str, number: Number, style: str = "strong") -> tuple[Span, Span]:
        return (f"{name} ", "dim"), (f"{shown(number)}   ", style)

    errors = one.errors.value or 0.0
    return [
        ((cells.fit(cells.clean(one.name), _NAME), "title"), (f"{one.kind} in {cells.clean(one.environment)}", "dim")),
        (
            ("  ", ""),
            *pair("requests", one.requests),
            *pair("errors", one.errors, "critical" if errors >= 0.05 else "warn" if errors >= 0.01 else "strong"),
            *pair("in flight", one.active),
            *pair("queued", one.queued),
            *pair("p50", one.latency_p50),
            *pair("p95", one.latency_p95),
            *pair("TTFT p95", one.ttft_p95),
        ),
        (
            ("  ", ""),
            *(span for name, number in one.tokens.items() for span in pair(name.replace("_", " "), number)),
            *pair("cost", one.cost),
            *pair("from cache", one.cache_hits),
        ),
    ]
