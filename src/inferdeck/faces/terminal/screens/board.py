"""A dashboard: all panels that can be seen, at the time that is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.events import Click

from inferdeck.client.tiny import Client
from inferdeck.faces.terminal.actions import BOARD
from inferdeck.faces.terminal.drawing.frame import Moment
from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.faces.terminal.drawing.picture import Row, words
from inferdeck.faces.terminal.exporting import panel_csv, panel_json, rows_svg
from inferdeck.faces.terminal.held import Phase
from inferdeck.faces.terminal.screens.prompt import Prompt
from inferdeck.faces.terminal.view import SLACK_SECONDS, Ask, View
from inferdeck.faces.terminal.views import native
from inferdeck.faces.terminal.views.joined import joined
from inferdeck.faces.terminal.views.layout import Slot, alone, arrange, filtered
from inferdeck.faces.terminal.views.links import Destination, destinations
from inferdeck.faces.terminal.views.native import Native
from inferdeck.faces.terminal.views.panels import Answer, Panels
from inferdeck.faces.terminal.widgets.fixed import Fixed
from inferdeck.faces.terminal.widgets.lines import LinesView
from inferdeck.model.dashboard import ALL, Panel
from inferdeck.model.dashboard_answers import DashboardData, Definition, PanelData, QueryData, Variables
from inferdeck.model.past import Past

DEFINITION, DATA, VARIABLES = "definition", "data", "variables"
_WINDOWS = (
    "How far a panel's rates look back stands at its edge (1m is a minute; longer where the range is); "
    "the figures of the first line say theirs before them, in every view."
)
_NO_MOMENT = Moment(0.0, 0.0, 1.0, 0.0)


class BoardView(View):
    """One dashboard by its uid."""

    OPENS = True
    SCOPES: ClassVar[Sequence[str]] = (BOARD,)

    def __init__(self, uid: str, chosen: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self.uid = uid
        self.chosen: dict[str, tuple[str, ...]] = dict(chosen or {})
        self._opened: set[int] = set()
        self._shut: set[int] = set()
        self._alone = ""
        self._filter = ""
        self._numbers: dict[str, int] = {}
        """All panels in their order, with their digit keys: also while only some of them are shown."""
        self._row = 0
        """The first row, as long as the panels do not stand."""
        self._whole: DashboardData | None = None
        self._asked_for: tuple[Any, ...] = ()
        self._natives: dict[str, Native] = {}
        self._panels = Panels((), Look())
        self._view = LinesView(self._panels, id="board")
        super().__init__()

    def about(self) -> str:
        """Return what the dashboard and its selected panel show."""
        found: Definition | None = self.held[DEFINITION].value
        if found is None:
            return "A dashboard."
        panel = found.dashboard.panel(self._panels.selected)
        told = f" {panel.title}: {panel.help}" if panel is not None and panel.help else ""
        return f"{found.dashboard.title}. {found.dashboard.description}{told} {_WINDOWS}"

    def heading(self) -> str:
        found: Definition | None = self.held[DEFINITION].value
        title = found.dashboard.title if found else self.uid
        return f"{title} /{self._filter}" if self._filter else title

    def chosen_words(self) -> str:
        data: DashboardData | None = self._whole
        chosen = data.variables if data else {}
        return " ".join(
            f"{name}={','.join(values)}" for name, values in chosen.items() if any(values) and ALL not in values
        )

    def questions(self) -> Mapping[str, float]:
        return {DEFINITION: 60.0, DATA: 1.0, VARIABLES: 12.0}

    def ask(self, key: str) -> Ask:
        if key == DEFINITION:
            return lambda client: client.dashboard(self.uid)
        fields = [*self.terminal.span.asked(), *self._variables()]
        if key == VARIABLES:
            return lambda client: client.dashboard_variables(self.uid, fields)
        return self._data_question(fields)

    def pasts(self) -> Iterator[Past]:
        for one in self._natives.values():
            past = getattr(one.value, "past", None)
            if isinstance(past, Past):
                yield past

    def can_ask(self, key: str) -> bool:
        return key == DEFINITION or bool(self._panels.slots)

    def _data_question(self, fields: list[tuple[str, str]]) -> Ask:
        wanted = self._wanted()
        points = max(60, min(600, self.size.width * 2))
        fields = [*fields, ("points", str(points)), ("panels", ",".join(wanted))]
        asked = (self.uid, self.terminal.span, tuple(self._variables()), tuple(wanted), points)
        before = self._whole if asked == self._asked_for and self.terminal.span.until is None else None
        range_seconds = self.terminal.span.range_seconds

        until = self.terminal.span.until

        def question(client: Client) -> tuple[tuple[Any, ...], DashboardData, dict[str, Native]]:
            since = [("since", repr(before.end))] if before is not None else []
            found = client.dashboard_data(self.uid, [*fields, *since])
            if before is not None and found.since is not None:
                found = (
                    joined(before, found, range_seconds)
                    if found.end > before.end
                    else replace(before, at=found.at, panels=_instants(before, found), marks=found.marks)
                )
            return asked, found, native.ask(client, found, until)

        return question

    def _variables(self) -> list[tuple[str, str]]:
        chosen = dict(self.chosen)
        found: Definition | None = self.held[DEFINITION].value
        environment = self.terminal.environment
        if environment and found is not None and found.dashboard.variable("environment") is not None:
            chosen.setdefault("environment", (environment,))
        return [(f"var-{name}", value) for name, values in chosen.items() for value in values]

    def body(self) -> ComposeResult:
        yield self._view

    def on_mount(self) -> None:
        super().on_mount()
        self._view.focus()
        self.watch(self._view, "scroll_y", self._scrolled, init=False)

    def on_resize(self) -> None:
        self._arranged()

    def answered(self, key: str) -> None:
        if key == DEFINITION:
            self._arranged()
            self.look()
            return
        held = self.held[DATA]
        if key == DATA and held.value is not None and not held.error:
            asked, data, self._natives = held.value
            self._asked_for, self._whole = asked, data
            tick = min(data.tick, 60.0)
            if self.terminal.span.until is None and tick > self.terminal.interval:
                # There is nothing new before the next step.
                self.held[DATA] = replace(held, next_try=(held.answered or 0.0) + tick - SLACK_SECONDS)
        self._told()

    def aged(self) -> None:
        held = self.held[DATA]
        if held.error or held.asked is not None:
            self._told()

    def _arranged(self) -> None:
        """Place the panels anew: another size, a row turned over, one panel alone."""
        found: Definition | None = self.held[DEFINITION].value
        if found is None or not self.is_mounted:
            return
        # A window of one cell has none beside its scroll bar.
        width, height = max(1, self._view.row_width), self._view.size.height
        every = arrange(found.dashboard, width, self._opened, self._shut)
        self._numbers = {slot.panel.id: slot.number for slot in every if slot.panel}
        panel = found.dashboard.panel(self._alone)
        if panel is not None:
            slots = alone(panel, width, height, self._numbers.get(panel.id, 0))
        else:
            slots = filtered(found.dashboard, self._filter, width, self._numbers) if self._filter else every
        before = self._panels
        self._panels = Panels(slots, self.terminal.look)
        self._panels.selected, self._panels.cursor = before.selected, before.cursor
        self._told()
        self._view.show(self._panels if slots or not self._filter else Fixed(self._none))
        if self._row:
            self._view.scroll_to(y=self._row, animate=False)
            self._row = 0

    def _none(self, width: int) -> list[Row]:
        """Return the words that stand where the filter keeps nothing."""
        return [words(f"no panel's title has {self._filter!r}; esc shows all {len(self._numbers)}", width, "dim")]

    def _told(self) -> None:
        """Give the panels what is known now."""
        held = self.held[DATA]
        now = self.terminal.monotonic()
        age = held.age(now)
        stale = age if held.phase(now, self.terminal.interval) is Phase.STALE else None
        retry = max(0.0, held.next_try - now) if held.error else None
        data = self._whole
        moment = Moment.of(data) if data is not None else _NO_MOMENT
        known = {panel.id: panel for panel in data.panels} if data is not None else {}
        answers: dict[str, Answer] = {}
        for slot in self._panels.slots:
            if slot.panel is None:
                continue
            found = known.get(slot.panel.id)
            error = held.error if found is None else ""
            view = self._natives.get(slot.panel.id)
            answers[slot.panel.id] = Answer(found, moment, stale, error, retry if error else None, view)
        self._panels.variables = data.variables if data is not None else {}
        self._panels.answer(answers)
        self._view.changed()

    def _wanted(self) -> list[str]:
        """Return the panels that can be seen, and those within a page of it."""
        page = max(10, self._view.size.height)
        first = self._view.scroll_offset.y
        return self._panels.visible(first - page // 2, first + page + page // 2) or ["-"]

    def _scrolled(self) -> None:
        known = {panel.id for panel in self._whole.panels} if self._whole else set()
        first = self._view.scroll_offset.y
        seen = self._panels.visible(first, first + self._view.size.height - 1)
        if any(one not in known for one in seen):
            self.held[DATA] = self.held[DATA].at_once()
            self.look()

    def kept(self) -> dict[str, Any]:
        panels = self._panels
        return {
            **super().kept(),
            "chosen": dict(self.chosen),
            "opened": set(self._opened),
            "shut": set(self._shut),
            "alone": self._alone,
            "filter": self._filter,
            "selected": panels.selected,
            "cursor": panels.cursor,
            "row": self._view.scroll_offset.y,
        }

    def recall(self, kept: Mapping[str, Any]) -> None:
        super().recall(kept)
        self.chosen, self._opened, self._shut = kept["chosen"], kept["opened"], kept["shut"]
        self._alone, self._row, self._filter = kept["alone"], kept["row"], kept["filter"]
        self._panels.selected, self._panels.cursor = kept["selected"], kept["cursor"]

    # What keys do.

    def do(self, action: str) -> bool:
        if action.startswith("panel_"):
            return self._select_number(int(action.removeprefix("panel_")))
        handler = getattr(self, f"_do_{action}", None)
        return bool(handler()) if handler is not None else False

    def _select_number(self, number: int) -> bool:
        chosen = next((name for name, one in self._numbers.items() if one == number), "")
        slot = self._panels.slot(chosen)
        if self._alone and chosen:
            self._show_alone(chosen)
        elif slot is not None:
            self._select(slot)
        return True

    def _show_alone(self, identity: str) -> None:
        """Give one panel the whole window; "": all of them again."""
        self._alone = identity
        if identity and identity != self._panels.selected:
            self._panels.selected, self._panels.cursor = identity, None
        self._view.scroll_to(y=0, animate=False)
        self._arranged()
        self._scrolled()

    @property
    def filtered(self) -> str | None:
        return self._filter

    def filter(self, text: str) -> None:
        self._filter = text
        self._show_alone("")
        if self._panels.slot(self._panels.selected) is None:
            self._panels.selected = ""
        self.draw_lines()

    def _select(self, slot: Slot) -> None:
        if slot.panel is None:
            return
        self._panels.selected = "" if slot.panel.id == self._panels.selected else slot.panel.id
        self._panels.cursor = None
        self._seen(slot)
        self._view.changed()

    def _seen(self, slot: Slot) -> None:
        top, high = self._view.scroll_offset.y, self._view.size.height
        if slot.y < top:
            self._view.scroll_to(y=slot.y, animate=False)
        elif slot.bottom > top + high:
            self._view.scroll_to(y=min(slot.y, slot.bottom - high), animate=False)

    def _do_next(self) -> bool:
        return self._step(1)

    def _do_previous(self) -> bool:
        return self._step(-1)

    def _step(self, by: int) -> bool:
        names = [one.panel.id for one in self._panels.slots if one.panel]
        if self._alone:
            names = list(self._numbers)
        if names:
            place = names.index(self._panels.selected) + by if self._panels.selected in names else min(0, by)
            chosen = names[place % len(names)]
            slot = self._panels.slot(chosen)
            if self._alone or slot is None:
                self._show_alone(chosen)
                return True
            self._panels.selected, self._panels.cursor = chosen, None
            self._seen(slot)
            self._view.changed()
        return True

    def _do_maximise(self) -> bool:
        self._show_alone("" if self._alone else self._panels.selected or self._first())
        return True

    def _first(self) -> str:
        return next((one.panel.id for one in self._panels.slots if one.panel), "")

    def _do_details(self) -> bool:
        """Go where the selected panel leads; where there are several places, one is chosen."""
        found = self._destinations()
        if not found:
            return True if self._alone else self._do_maximise()
        if len(found) == 1:
            self._leave(found[0])
            return True
        titles = [one.title for one in found]

        def chosen(answer: str | None) -> None:
            if answer in titles:
                self._leave(found[titles.index(answer)])

        self.terminal.prompt(Prompt("open", "where this panel leads", titles, chosen_from=True), chosen)
        return True

    def _destinations(self) -> list[Destination]:
        found: Definition | None = self.held[DEFINITION].value
        panel = found.dashboard.panel(self._panels.selected) if found else None
        if panel is None:
            return []
        answer, data = self._panels.known(panel.id), self._whole
        return destinations(panel, answer.data if answer else None, data.variables if data else {}, self._panels.cursor)

    def _leave(self, where: Destination) -> None:
        if where.url:
            self.terminal.copy_to_clipboard(where.url)
            self.terminal.notify(f"copied {where.url}", timeout=6)
        else:
            self.terminal.go(where.place)

    def _do_back(self) -> bool:
        if self._alone:
            self._alone = ""
            self._arranged()
            return True
        if self._panels.selected:
            self._panels.selected, self._panels.cursor = "", None
            self._view.changed()
            return True
        return False

    def _do_cursor_left(self) -> bool:
        return self._read(-1)

    def _do_cursor_right(self) -> bool:
        return self._read(1)

    def _read(self, by: int) -> bool:
        data = self._whole
        if data is None or data.step <= 0:
            return True
        self._panels.selected = self._panels.selected or self._first()
        stride = data.step * max(1, round((data.end - data.start) / data.step / 120))
        place = self._panels.cursor if self._panels.cursor is not None else data.end - min(0, by) * stride
        self._panels.cursor = min(max(place + by * stride, data.start), data.end)
        self._view.changed()
        return True

    def _do_variable(self) -> bool:
        found: Variables | None = self.held[VARIABLES].value
        if found is None or not found.variables:
            self.terminal.notify("this dashboard has nothing to choose", timeout=3)
            return True
        names = [
            f"{one.name} {value}"
            for one in found.variables
            for value in ((ALL,) if one.include_all else ()) + tuple(one.options)
        ]
        shown = [name.replace(ALL, "All") for name in names]

        def chosen(answer: str | None) -> None:
            if answer in shown:
                name, _, value = names[shown.index(answer)].partition(" ")
                self.chosen[name] = (value,)
                self._whole, self._asked_for = None, ()
                self.renew()

        self.terminal.prompt(Prompt("choose", "a variable and its value", shown, chosen_from=True), chosen)
        return True

    def on_click(self, event: Click) -> None:
        x, y = event.x, event.y - self._view.region.y + self._view.scroll_offset.y
        slot = self._panels.at(x, y)
        if slot is None:
            return
        if slot.panel is None:
            self._turn(slot)
        elif event.chain > 1:
            self._panels.selected = slot.panel.id
            self._do_maximise()
        else:
            self._select(slot)

    def _turn(self, slot: Slot) -> None:
        """Open or close a row of panels."""
        (self._opened if slot.closed else self._shut).add(slot.row)
        (self._shut if slot.closed else self._opened).discard(slot.row)
        self._arranged()
        self._scrolled()

    # What leaves.

    def _shown_panel(self) -> tuple[Panel, PanelData] | None:
        found: Definition | None = self.held[DEFINITION].value
        panel = found.dashboard.panel(self._panels.selected) if found else None
        answer = self._panels.known(panel.id) if panel is not None else None
        return (panel, answer.data) if panel is not None and answer is not None and answer.data is not None else None

    def copied(self) -> str:
        found = self._shown_panel()
        rows = self._panels.drawn(found[0].id) if found else ()
        return self.dated("\n".join("".join(text for text, _ in row).rstrip() for row in rows))

    def exported(self) -> Mapping[str, str]:
        found = self._shown_panel()
        if found is None or self._whole is None:
            return {}
        panel, data = found
        title = data.title or panel.title
        return {
            "csv": panel_csv(data, title, self._whole),
            "json": panel_json(data, title, self._whole),
            "svg": rows_svg(self._panels.drawn(panel.id), self._view.paint, self.dated(title, " ")),
        }

    def part(self) -> str:
        found = self._shown_panel()
        return found[0].id if found else ""


def _instants(before: DashboardData, found: DashboardData) -> tuple[PanelData, ...]:
    """Return the panels with the instant answers of `found` and the ranges of `before`: no step has passed."""
    old = {panel.id: panel for panel in before.panels}
    return tuple(
        replace(panel, queries=tuple(_newest(old.get(panel.id), query) for query in panel.queries))
        for panel in found.panels
    )


def _newest(old: PanelData | None, query: QueryData) -> QueryData:
    if query.instant or old is None:
        return query
    return next((one for one in old.queries if one.ref == query.ref), query)
