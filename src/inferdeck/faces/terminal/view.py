"""What every view has: questions that are asked while it is shown, their answers, a head, a body and a line of keys."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from inferdeck.client.tiny import Client
from inferdeck.faces.terminal.actions import Action
from inferdeck.faces.terminal.asking import Errands, reason
from inferdeck.faces.terminal.held import Held, Phase
from inferdeck.faces.terminal.views.head import Standing, head, keys
from inferdeck.faces.terminal.widgets.one_line import OneLine
from inferdeck.model.past import Past

if TYPE_CHECKING:
    from inferdeck.faces.terminal.app import Terminal

Ask = Callable[[Client], Any]
NEVER = float("inf")
SLACK_SECONDS = 0.2


class View(Screen[None], inherit_bindings=False):
    """One screen. It asks only while it is shown, each question when it is due, and never twice at once."""

    SCOPES: ClassVar[Sequence[str]] = ()
    """Whose keys work here; see actions.py."""
    ABOUT: ClassVar[str] = ""
    """What the view shows, for the help."""
    PAST: ClassVar[bool] = True
    """Whether it can show a moment of the past."""
    OPENS: ClassVar[bool] = False
    """Whether `details` opens something here."""
    TITLE = "view"

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, Held[Any]] = {key: Held() for key in self.questions()}
        self._flying: set[str] = set()
        self._early: set[str] = set()
        self._generation = 0
        self._errands = Errands(lambda error: self.terminal._handle_exception(error))
        # Held, not looked up: a view that is on its way out is still told of answers.
        self._head, self._foot = OneLine(id="head"), OneLine(id="foot")

    @property
    def terminal(self) -> Terminal:
        """The application, by its own type."""
        return cast("Terminal", self.app)

    # What a view says of itself.

    def questions(self) -> Mapping[str, float]:
        """Return what is asked, and every how many intervals; 0 for once."""
        return {}

    @abstractmethod
    def ask(self, key: str) -> Ask:
        """Return the question as it is to be asked now."""

    def can_ask(self, key: str) -> bool:
        """Return whether what the question needs is known."""
        return True

    @abstractmethod
    def body(self) -> ComposeResult:
        """Yield what stands between the head and the line of keys."""

    def answered(self, key: str) -> None:
        """Draw what has come: an answer, or the reason why there is none."""

    def aged(self) -> None:
        """Draw what depends on the time alone, about once a second."""

    def do(self, action: str) -> bool:
        """Do something of the table of actions; False where it is not this view's."""
        return False

    def filter(self, text: str) -> None:
        """Keep what has these words."""

    @property
    def filtered(self) -> str | None:
        """The words of the filter; None where there is nothing to filter."""
        return None

    def kept(self) -> dict[str, Any]:
        """Return what whoever comes back finds again: a selection, words of a filter, an order."""
        return {"held": self.held}

    def recall(self, kept: Mapping[str, Any]) -> None:
        """Take what `kept` of a view of the same place gave; called before the view is shown."""
        # The answers of then stand until there are new ones.
        self.held |= {key: held.at_once() for key, held in kept.get("held", {}).items() if held.value is not None}
        self._early |= {key for key, held in self.held.items() if held.value is not None}

    def copied(self) -> str:
        """Return what `copy` takes, "" where nothing is selected."""
        return ""

    def exported(self) -> Mapping[str, str]:
        """Return what `export` writes: a text by its format (csv, json, svg)."""
        return {}

    def part(self) -> str:
        """Return which part of the view is exported, "" where it is all of it."""
        return ""

    # How it works.

    def compose(self) -> ComposeResult:
        yield self._head
        yield from self.body()
        yield self._foot

    def on_mount(self) -> None:
        self.draw_lines()
        self.call_after_refresh(self._catch_up)

    def on_unmount(self) -> None:
        self._errands.cancel()

    def _catch_up(self) -> None:
        """Draw what was answered before there was anything to draw on."""
        early, self._early = self._early, set()
        for key in sorted(early):
            self.answered(key)

    def on_resize(self) -> None:
        self.draw_lines()

    def on_screen_resume(self) -> None:
        self.draw_lines()
        self.look(first=self.terminal.paused)

    def look(self, *, first: bool = False) -> None:
        """Ask what is due; first: only what was never asked."""
        now = self.terminal.monotonic()
        for key, held in list(self.held.items()):
            if first and held.changes:
                continue
            if held.next_try <= now and key not in self._flying and self.can_ask(key):
                self._flying.add(key)
                self.held[key] = held.waiting(now)
                self._errands.begin(self._asked(key, self._generation))

    def again(self) -> None:
        """Ask at once what is not being asked already."""
        self.held = {key: held if key in self._flying else held.at_once() for key, held in self.held.items()}
        self.look()

    def renew(self) -> None:
        """Ask everything again at once, and heed no answer to what was asked before: the time or a choice is new."""
        self._generation += 1
        self._flying.clear()
        self.held = {key: held.at_once() for key, held in self.held.items()}
        self.look()

    def forget(self) -> None:
        """Drop all answers: they are about something else."""
        self.held = {key: Held() for key in self.held}
        self.renew()

    async def _asked(self, key: str, generation: int) -> None:
        interval = self.terminal.interval
        wait = interval * self.questions()[key]
        asked = self.terminal.monotonic()
        try:
            value = await self.terminal.asker.ask(self.ask(key), key)
        except Exception as error:
            if generation == self._generation:
                self.held[key] = self.held[key].failed(reason(error), self.terminal.monotonic(), interval)
        else:
            if generation == self._generation:
                lasting = not wait or self.terminal.span.until is not None
                now = self.terminal.monotonic()
                self.held[key] = self.held[key].came(value, now, NEVER if lasting else left(wait, asked, now))
        if generation == self._generation:
            self._flying.discard(key)
            if self.is_mounted:
                self.answered(key)
                self.draw_lines()
            else:
                self._early.add(key)

    def tick(self) -> None:
        """Called about once a second while the view is shown."""
        if not self.terminal.paused:
            self.look()
        self.aged()
        self.draw_lines()

    @property
    def phase(self) -> Phase:
        """The worst phase of all questions."""
        now, interval = self.terminal.monotonic(), self.terminal.interval
        phases = [
            held.phase(now, interval * max(1.0, self.questions().get(key, 1.0))) for key, held in self.held.items()
        ]
        order = (Phase.ERROR, Phase.STALE, Phase.LOADING, Phase.FRESH)
        return min(phases, key=order.index, default=Phase.FRESH)

    def trouble(self) -> str:
        """Return why there is no new answer and when it is tried again, "" where all is well."""
        now, longest = self.terminal.monotonic(), self.terminal.asker.longest
        return next((said for held in self.held.values() if (said := held.trouble(now, longest))), "")

    def draw_lines(self) -> None:
        """Draw the head and the line of keys."""
        if not self.is_mounted or not self.size.width:
            return
        terminal = self.terminal
        status = terminal.status
        now = terminal.monotonic()
        standing = Standing(
            title=self.heading(),
            interval=terminal.interval,
            phase=Phase.FRESH if terminal.paused else status.phase(now, terminal.interval),
            age=status.age(now),
            past=terminal.past() if terminal.span.until is not None else "",
            paused=terminal.paused,
            environment=terminal.environment,
            readonly=terminal.readonly,
            chosen=self.chosen_words(),
        )
        self._head.show(head(status, standing, self.size.width))
        if trouble := self.trouble():
            self._foot.show(((f" {trouble}", "critical"),))
        elif terminal.span.until is not None and (said := self.of_now()):
            self._foot.show(((" n", "key"), (" Now  ", "dim"), (said, "warn")))
        else:
            can = sorted((one for one in terminal.actions_here() if one.shown), key=lambda one: bool(one.scope))
            idle = {"filter"} if self.filtered is None else set()
            idle |= set() if self.OPENS else {"details"}
            shown = [(one.key, one.title) for one in can if one.id not in idle]
            self._foot.show(keys(shown, self.size.width))

    def of_now(self) -> str:
        """Return what stands here as it is now while the past is looked at, "" where nothing does."""
        if not self.PAST:
            return "this view shows now"
        return "; ".join(dict.fromkeys(note for one in self.pasts() for note in one.notes))

    def pasts(self) -> Iterator[Past]:
        """Yield what the answers say of the moment that they are about."""
        for held in self.held.values():
            past = getattr(held.value, "past", None)
            if isinstance(past, Past):
                yield past

    def dated(self, text: str, between: str = "\n") -> str:
        """Return a text that is to leave with the moment that it is about, where that is not now."""
        past = self.terminal.past()
        return f"{text}{between}at {past}" if text and past else text

    def about(self) -> str:
        """Return what the view shows, in a few sentences."""
        return self.ABOUT

    def heading(self) -> str:
        """Return the title with what the view is about."""
        return str(self.TITLE)

    def chosen_words(self) -> str:
        """Return what the view is narrowed to, "" where it shows all."""
        return ""


def left(wait: float, asked: float, now: float) -> float:
    """Return seconds until something is asked again that was asked then, every `wait` seconds.

    A little less, since it is asked at the ticks of a second: one that came just before would be the next one's.
    """
    return max(0.0, asked + wait - now - SLACK_SECONDS)


def first_focus(view: View) -> Widget | None:
    """Return what has the keys when a view is opened."""
    return next((widget for widget in view.query("*").results() if widget.can_focus), None)


def help_rows(actions: Sequence[Action]) -> list[tuple[str, str, str]]:
    """Return (keys, title, help) of what can be done."""
    return [
        (" ".join(replace(action, keys=(key,)).key for key in action.keys), action.title, action.help)
        for action in actions
        if action.keys
    ]
