"""The application: which view is shown, which time is looked at, and what keys do; it asks and draws nothing itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.app import SystemCommand
from textual.binding import Binding
from textual.screen import Screen

from inferdeck import __version__
from inferdeck.client.tiny import Client
from inferdeck.faces import leaving
from inferdeck.faces.terminal import places, themes
from inferdeck.faces.terminal.actions import Action, find, mapped, of_scope
from inferdeck.faces.terminal.asking import Asker, Errands, reason
from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.faces.terminal.dressed import DressedApp
from inferdeck.faces.terminal.held import Held
from inferdeck.faces.terminal.screens.help import HelpScreen
from inferdeck.faces.terminal.screens.prompt import Prompt
from inferdeck.faces.terminal.span import DAY, Span, length
from inferdeck.faces.terminal.view import View, left
from inferdeck.faces.terminal.views.head import no_environment
from inferdeck.faces.terminal.views.moments import local
from inferdeck.faces.terminal.writing import written
from inferdeck.model import cells
from inferdeck.model.answers import Status
from inferdeck.model.dashboard_answers import DashboardList

INTERVALS = (2.0, 3.0, 5.0, 10.0, 15.0, 30.0, 60.0)
"""Seconds between questions."""
BLURRED = 4
"""Times as rarely while another window has the keys."""
LISTS_EVERY_SECONDS = 60.0
MOST_VISITED = 12
Visited = tuple[str, Mapping[str, Any]]
"""A place, and what its view kept."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may set."""

    interval_seconds: float = 5.0
    range_seconds: float = 3600.0
    history_seconds: float = 30 * DAY
    view: str = "overview"
    theme: str = ""
    own_themes: Sequence[themes.UserTheme] = ()
    look: Look = field(default_factory=Look)
    keys: dict[str, str] = field(default_factory=dict)
    readonly: bool = False
    environment: str = ""
    until: float | None = None
    """The moment of the past that is looked at first, Unix seconds."""


class Terminal(DressedApp):
    """`inferdeck top`. find: where the daemon answers now."""

    CSS_PATH = "styles/base.tcss"
    ENABLE_COMMAND_PALETTE = True
    TITLE = "inferdeck"

    def __init__(
        self,
        find: Callable[[], Client | None],
        options: Options,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.all_actions = mapped(options.keys)
        super().__init__(options.look, options.theme, options.own_themes)
        self.asker = Asker(find)
        self.errands = Errands(self._handle_exception)
        self.options = options
        self.interval = min(max(options.interval_seconds, INTERVALS[0]), INTERVALS[-1])
        self.span = Span(options.range_seconds, options.until, max(options.history_seconds, options.range_seconds))
        self.environment = options.environment
        self.readonly = options.readonly
        self.paused = False
        self.status: Held[Status] = Held()
        self.dashboards: Held[DashboardList] = Held()
        self.now = now
        self.monotonic = monotonic
        self.lost = ""
        """Why there is nothing to show, "" where there is."""
        self.said = ""
        """What is told at the beginning."""
        self._flying: set[str] = set()
        self._visited: list[Visited] = []
        self._left: list[Visited] = []
        self._place = ""
        for key in dict.fromkeys(key for action in self.all_actions for key in action.keys):
            # Before Textual's own: its ctrl+c only says how to leave.
            bound = Binding(key, f"press({key!r})", show=False, id=f"press.{key}")
            self._bindings.key_to_bindings.setdefault(key, []).insert(0, bound)

    def on_mount(self) -> None:
        if not self.is_headless:
            leaving.heed_signals(lambda: self.exit(0))
        self.dress()
        self.go(self.options.view)
        self.set_interval(1.0, self.tick)
        self.tick()
        if self.said:
            self.notify(self.said, timeout=10)

    def on_unmount(self) -> None:
        self.errands.cancel()

    # What is shown.

    @property
    def view(self) -> View | None:
        """The view that is shown, also behind a prompt."""
        return next((one for one in reversed(self.screen_stack) if isinstance(one, View)), None)

    def go(self, place: str, *, remember: bool = True, kept: Mapping[str, Any] | None = None) -> None:
        """Show another place: the name of a view and what it is about, such as `dashboard gateway`.

        kept: what the view gave when it was left.
        """
        made = places.make(place, self.dashboards.value)
        if made is None:
            self.lost = "" if self.view else places.unknown(place, self.dashboards.value)
            self.notify(f"there is no view {place!r}; : and a tab show what there is", severity="warning")
            return
        if remember and self._place:
            self._visited = [*self._visited, self._here()][-MOST_VISITED:]
            self._left.clear()
        if kept:
            made.recall(kept)
        self._place = place
        if len(self.screen_stack) > 1:
            self.switch_screen(made)
        else:
            self.push_screen(made)

    def back(self) -> None:
        """Show the view before this one."""
        self._turn(self._visited, self._left)

    def _turn(self, ahead: list[Visited], behind: list[Visited]) -> None:
        if ahead:
            behind.append(self._here())
            place, kept = ahead.pop()
            self.go(place, remember=False, kept=kept)

    def _here(self) -> Visited:
        return self._place, self.view.kept() if self.view is not None else {}

    def tick(self) -> None:
        """Once a second: the daemon's status is asked when it is due, and so is what the view needs."""
        now = self.monotonic()
        if not self.paused:
            if self.status.next_try <= now:
                self._keep("status")
            if self.dashboards.next_try <= now:
                self._keep("dashboards")
        if (view := self.view) is not None and view.is_current:
            view.tick()

    def _keep(self, what: str) -> None:
        if what not in self._flying:
            self._flying.add(what)
            if what == "status":
                self.status = self.status.waiting(self.monotonic())
            self.errands.begin(self._kept(what))

    async def _kept(self, what: str) -> None:
        asked = self.monotonic()
        try:
            if what == "status":
                at = self.span.moment
                value = await self.asker.ask(lambda client: client.status(at), "kept status")
                if at != self.span.moment:
                    # Another time is looked at by now.
                    self._flying.discard(what)
                    self._keep(what)
                    return
                before = self.status.value.own.version if self.status.value else ""
                if self.status.value is None and (said := no_environment(value, self.environment)):
                    self.lost = said
                    self.notify(said, severity="warning", timeout=10)
                now = self.monotonic()
                self.status = self.status.came(value, now, left(self.interval, asked, now))
                if value.own.version not in ("", before, __version__):
                    said = f"the daemon is inferdeck {value.own.version}, and this is {__version__}: start it again"
                    self.notify(said, timeout=10, severity="warning")
            else:
                found = await self.asker.ask(Client.dashboards, "kept dashboards")
                first = self.dashboards.value is None
                self.dashboards = self.dashboards.came(found, self.monotonic(), LISTS_EVERY_SECONDS)
                if first:
                    self._named()
        except Exception as error:
            if what == "status":
                self.status = self.status.failed(reason(error), self.monotonic(), self.interval)
            else:
                self.dashboards = self.dashboards.failed(reason(error), self.monotonic(), self.interval)
        self._flying.discard(what)
        self._drawn()

    def _named(self) -> None:
        """See what the first place means, now that all names are known: it may be the beginning of one, or nothing."""
        place = places.named(self._place, self.dashboards.value)
        if not place:
            self.lost = places.unknown(self._place, self.dashboards.value)
        elif place != self._place:
            self.go(place, remember=False)

    def past(self) -> str:
        """Return the moment of the past that is looked at."""
        until = self.span.until
        return "" if until is None else local(until)

    # What keys do.

    def actions_here(self) -> tuple[Action, ...]:
        """Return what can be done in the view that is shown."""
        view = self.view
        return of_scope(self.all_actions, view.SCOPES if view else (), readonly=self.readonly)

    def action_press(self, key: str) -> None:
        """Do what a key means here."""
        scoped = sorted(self.actions_here(), key=lambda one: not one.scope)
        action = next((one for one in scoped if key in one.keys), None)
        if action is not None:
            self.do(action.id)

    def do(self, identity: str) -> None:
        """Do one thing of the table of actions: the view first, else the application."""
        view = self.view
        if view is not None and view.do(identity):
            return
        handler = getattr(self, f"_do_{identity}", None)
        if handler is not None:
            handler()
        else:
            self.notify(f"{find(identity).title}: nothing to do here", timeout=3)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield everything for the palette: actions, then places."""
        for action in self.actions_here():
            if action.id != "palette":
                title = f"{action.title}  {action.key}" if action.keys else action.title
                yield SystemCommand(title, action.help, lambda identity=action.id: self.do(identity))
        for place, about in places.every(self.dashboards.value):
            yield SystemCommand(cells.clean(f"Go to {place}"), cells.clean(about), lambda place=place: self.go(place))
        yield from self.theme_commands()

    def _do_quit(self) -> None:
        self.exit(0)

    def _do_refresh(self) -> None:
        self.status = self.status.at_once()
        self._keep("status")
        if self.view is not None:
            self.view.again()

    def _do_config(self) -> None:
        self.go("config")

    def _do_help(self) -> None:
        if self.view is not None:
            self.push_screen(HelpScreen(self.view, self.actions_here()))

    def _do_palette(self) -> None:
        self.action_command_palette()

    def _do_go(self) -> None:
        names = [place for place, _ in places.every(self.dashboards.value)]
        self.prompt(Prompt(":", "a view: overview, gateway, models …", names), self._went)

    def _went(self, place: str | None) -> None:
        if place:
            self.go(place)

    def _do_filter(self) -> None:
        view = self.view
        if view is None or view.filtered is None:
            self.notify("nothing to filter here", timeout=3)
            return
        self.prompt(Prompt("/", "words; !word leaves out", (), view.filtered, view.filter))

    def _do_back(self) -> None:
        if self.view is not None and self.view.filtered:
            self.view.filter("")
        else:
            self.back()

    def _do_forward(self) -> None:
        self._turn(self._left, self._visited)

    def _do_pause(self) -> None:
        self.paused = not self.paused
        self._drawn()

    def _do_slower(self) -> None:
        self._every(next((one for one in INTERVALS if one > self.interval), INTERVALS[-1]))

    def _do_faster(self) -> None:
        self._every(next((one for one in reversed(INTERVALS) if one < self.interval), INTERVALS[0]))

    def _every(self, interval: float) -> None:
        self.interval = interval
        self._drawn()

    def _do_earlier(self) -> None:
        self._look_at(self.span.moved(-0.5, self.now()))

    def _do_later(self) -> None:
        self._look_at(self.span.moved(0.5, self.now()))

    def _do_now(self) -> None:
        self._look_at(self.span.at(None))

    def _do_zoom_in(self) -> None:
        self._look_at(self.span.zoomed(-1))

    def _do_zoom_out(self) -> None:
        self._look_at(self.span.zoomed(1))

    def _do_range(self) -> None:
        spans = {length(one): one for one in self.span.ranges()}

        def chosen(found: str | None) -> None:
            if found in spans:
                self._look_at(self.span.of_range(spans[found]))

        self.prompt(Prompt("range", "how long a time charts show", tuple(spans), chosen_from=True), chosen)

    def _look_at(self, span: Span) -> None:
        if span != self.span:
            self.span = span
            self._keep("status")
            if self.view is not None:
                self.view.renew()
            self._drawn()

    def _do_environment(self) -> None:
        status = self.status.value
        names = sorted({one.environment for one in status.services}) if status else []
        choices = ["", *names]
        place = choices.index(self.environment) if self.environment in choices else 0
        self.environment = choices[(place + 1) % len(choices)]
        self.notify(f"environment: {self.environment or 'all'}", timeout=3)
        if self.view is not None:
            self.view.renew()

    def _do_theme(self) -> None:
        self.next_theme()

    def _do_copy(self) -> None:
        text = self.view.copied() if self.view is not None else ""
        if text:
            self.copy_to_clipboard(text)
            self.notify(f"copied {len(text)} characters", timeout=3)
        else:
            self.notify("nothing is selected", timeout=3)

    def _do_export(self) -> None:
        found = self.view.exported() if self.view is not None else {}
        part = self.view.part() if self.view is not None else ""
        if not found:
            self.notify("nothing to export here", timeout=3)
            return

        def chosen(form: str | None) -> None:
            if form is not None and form in found:
                about = (self._place, part, self.past())
                self.notify(written(form, found[form], about, Path()), timeout=8)

        self.prompt(Prompt("export", "as", tuple(found), chosen_from=True), chosen)

    def _drawn(self) -> None:
        if self.view is not None:
            self.view.draw_lines()

    def _fatal_error(self) -> None:
        # Whoever runs us raises it again: a traceback on the screen helps nobody.
        self._close_messages_no_wait()


def run(app: Terminal) -> int:
    """Run it until it is left or its terminal is closed; returns what the program ends with."""
    with leaving.with_its_terminal():
        code = app.run()
    if app._exception is not None:
        raise app._exception
    return code or 0
