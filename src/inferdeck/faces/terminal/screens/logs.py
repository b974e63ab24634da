"""Logs: the newest lines of all streams or of one, filtered while one types, or those around a moment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.events import Click

from inferdeck.faces.terminal.actions import LOG
from inferdeck.faces.terminal.drawing.picture import fit
from inferdeck.faces.terminal.exporting import rows_svg
from inferdeck.faces.terminal.screens.prompt import Prompt
from inferdeck.faces.terminal.view import Ask, View
from inferdeck.faces.terminal.views.logs import LEVELS, LogRows
from inferdeck.faces.terminal.views.moments import CLOCK, local
from inferdeck.faces.terminal.widgets.lines import LinesView
from inferdeck.faces.terminal.widgets.one_line import OneLine
from inferdeck.model import cells
from inferdeck.model.json_form import dumps
from inferdeck.model.log_lines import LogAnswer, LogLine

MOST_LINES = 5000
"""Kept on the screen; older ones are asked for again."""
AT_ONCE = 500
LINES = "lines"
_MOMENT = re.compile(r"(?:^|\s)@(\d{1,11}(?:\.\d+)?)$")
"""Behind a stream's name, or in its place: the moment that is looked around, Unix seconds."""


class LogsView(View):
    """Lines of logs. words: a stream's name or a part of it, "" for all; @SECONDS behind it: those around a moment."""

    OPENS = True
    SCOPES: ClassVar[Sequence[str]] = (LOG,)
    TITLE = "Logs"
    ABOUT = (
        "What the programs wrote, secrets masked, the newest line last. Filter with words and !words, choose the least "
        "level, stop following and look around; a opens the lines around a moment, of all streams."
    )

    def __init__(self, words: str = "") -> None:
        moment = _MOMENT.search(words)
        self._stream = words[: moment.start()].strip() if moment else words
        self._words = ""
        self._level = ""
        self._following = moment is None
        self._around: float | None = float(moment.group(1)) if moment else None
        self._kept: list[LogLine] = []
        self._newer = ""
        self._warnings: tuple[str, ...] = ()
        self._rows = LogRows(())
        self.widget, self._remark = LinesView(self._rows, id="log"), OneLine(id="remark")
        super().__init__()

    def questions(self) -> Mapping[str, float]:
        return {LINES: 1.0}

    def ask(self, key: str) -> Ask:
        fields: dict[str, list[str]] = {"limit": [str(AT_ONCE)]}
        if self._stream:
            fields["stream"] = [self._stream]
        if self._level:
            fields["level"] = [self._level]
        kept = [word for word in self._words.split() if not word.startswith("!")]
        dropped = [word[1:] for word in self._words.split() if word.startswith("!") and word[1:]]
        if kept:
            fields["q"] = kept
        if dropped:
            fields["exclude"] = dropped
        until = self.terminal.span.until
        if self._around is not None:
            fields |= {"around": [f"{self._around:.3f}"], "before": ["200"], "after": ["200"]}
            del fields["limit"]
        elif until is not None:
            fields["until"] = [f"{until:.3f}"]
        elif self._newer:
            fields["cursor"] = [self._newer]
        return lambda client: client.logs(fields)

    def heading(self) -> str:
        parts = [f"Logs {self._stream}".strip()]
        parts += [f"{self._level} or worse"] if self._level else []
        parts += [f"/{self._words}"] if self._words else []
        if self._around is not None:
            parts.append(f"around {local(self._around, CLOCK)}")
        elif not self._following:
            parts.append("not following")
        return " ".join(parts)

    def body(self) -> ComposeResult:
        yield self.widget
        yield self._remark

    def on_mount(self) -> None:
        super().on_mount()
        self.widget.focus()
        self._drawn()

    def answered(self, key: str) -> None:
        held = self.held[LINES]
        if held.value is None or held.error:
            self._drawn()
            return
        answer: LogAnswer = held.value
        going_on = bool(self._newer) and self._around is None and self.terminal.span.until is None
        self._kept = ([*self._kept, *answer.lines] if going_on else list(answer.lines))[-MOST_LINES:]
        self._newer = answer.newer if self._around is None and self.terminal.span.until is None else ""
        self._warnings = answer.warnings
        selected = self._rows.selected
        self._rows = LogRows(self._kept)
        self._rows.selected = selected if not going_on else None
        self._drawn()
        if self._around is not None:
            self.held[LINES] = held.__class__(held.value, held.answered, "", float("inf"), 0, held.changes)

    def _drawn(self) -> None:
        if not self.is_mounted:
            return
        widget = self.widget
        widget.show(self._rows)
        if self._following and self._around is None:
            widget.scroll_end(animate=False)
        remark = self._remark
        held = self.held[LINES]
        if self._warnings:
            remark.show(((f"! {self._warnings[0]}", "warn"),))
        elif not self._kept:
            words = "loading" if held.value is None else "no line is like that; esc drops the filter"
            remark.show(((held.error or words, "dim"),))
        else:
            remark.show(((f"{len(self._kept)} lines", "dim"),))

    def _again(self) -> None:
        """Ask for other lines."""
        self._newer, self._kept = "", []
        self._rows = LogRows(())
        self.forget()
        self._drawn()
        self.draw_lines()

    def renew(self) -> None:
        self._newer = ""
        super().renew()

    def kept(self) -> dict[str, Any]:
        return {
            "stream": self._stream,
            "words": self._words,
            "level": self._level,
            "following": self._following,
            "around": self._around,
        }

    def recall(self, kept: Mapping[str, Any]) -> None:
        self._stream, self._words, self._level = kept["stream"], kept["words"], kept["level"]
        self._following, self._around = kept["following"], kept["around"]

    # What keys do.

    @property
    def filtered(self) -> str | None:
        return self._words

    def filter(self, text: str) -> None:
        self._words = text
        self._again()

    def do(self, action: str) -> bool:
        if action == "level":
            self._level = LEVELS[(LEVELS.index(self._level) + 1) % len(LEVELS)]
            self._again()
        elif action == "follow":
            self._following = not self._following
            self._around = None if self._following else self._around
            self._again() if self._following else self.draw_lines()
        elif action == "around":
            self._ask_moment()
        elif action == "back" and self._around is not None:
            self._around = None
            self._again()
        elif action == "details":
            self._open(self.widget.scroll_offset.y + self.widget.size.height - 1)
        else:
            return False
        return True

    def _ask_moment(self) -> None:
        lines = self._kept
        selected = self._rows.selected
        line = lines[selected] if selected is not None and selected < len(lines) else (lines[-1] if lines else None)
        moment = line.time if line is not None and line.time is not None else self.terminal.now()
        shown = local(moment)

        def chosen(found: str | None) -> None:
            if not found:
                return
            try:
                self._around = datetime.fromisoformat(found).astimezone().timestamp()
            except (ValueError, OverflowError):
                self.terminal.notify(f"{found}: not a moment; write it like {shown}", markup=False, severity="warning")
                return
            self._stream, self._following = "", False
            self._again()

        self.terminal.prompt(Prompt("around", "YYYY-MM-DD HH:MM:SS", (), shown, replaced=True), chosen)

    def _open(self, row: int) -> None:
        place = self._rows.place(row, self.widget.row_width)
        self._rows.selected = None if self._rows.selected == place else place
        self._following = False
        self.widget.show(self._rows)
        self.draw_lines()

    def on_click(self, event: Click) -> None:
        row = event.y - self.widget.region.y + self.widget.scroll_offset.y
        if 0 <= row < self._rows.height(self.widget.row_width):
            self._open(row)

    # What leaves.

    def copied(self) -> str:
        place = self._rows.selected
        return "" if place is None or place >= len(self._kept) else _plain(self._kept[place].text)

    def exported(self) -> Mapping[str, str]:
        width = self.widget.row_width
        rows = [self._rows.row(number, width) for number in range(self._rows.height(width))]
        return {
            "json": dumps(self._kept, indent=1) + "\n",
            "txt": "".join(f"{_plain(line.text)}\n" for line in self._kept),
            "svg": rows_svg([fit(row, width) for row in rows[-200:]], self.widget.paint, "logs"),
        }


def _plain(text: str) -> str:
    """Return a line's text so that no terminal obeys it, wherever it is shown again."""
    return "\n".join(cells.clean(line) for line in text.splitlines())
