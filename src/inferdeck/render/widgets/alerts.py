"""Conditions of the alert rules that hold now; they do not wait for their `for`, and nobody is notified."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from inferdeck.model.conditions import Condition, Conditions
from inferdeck.model.widget import Cell, Column, Look, State, Widget
from inferdeck.render.interface import Content, Part, Told
from inferdeck.render.widgets import telling
from inferdeck.render.widgets.telling import Place, Places, Telling, counted, worst

CONTENT = Content(
    name="alerts",
    title="Alert Conditions",
    shows="conditions of the alert rules that hold now, the gravest first",
    warning="a condition of severity warning holds",
    critical="a condition of severity critical holds",
    unknown="the rules cannot be evaluated",
    told=(
        Told("total", "count", "conditions that hold", "inferdeck_alerts_conditions"),
        Told("critical", "count", "those of severity critical", "inferdeck_alerts_conditions_critical"),
        Told("warning", "count", "those of severity warning", "inferdeck_alerts_conditions_warning"),
        Told("info", "count", "those of severity info", "inferdeck_alerts_conditions_info"),
        Told("condition.NAME", "count", "series for which this rule's condition holds", "inferdeck_alerts_condition"),
        Told("first", "", "the summary of the gravest one"),
    ),
)
_STATES = {"critical": State.CRITICAL, "warning": State.WARNING, "info": State.OK}
SAYING = "These hold at this moment: no rule waits for its `for`, and nobody is notified."


def widget(conditions: Conditions, part: Part) -> Widget:
    """Return the widget, one row per series for which a condition holds; no row where none does."""
    held = [one for one in conditions.held if part.environment in ("", _environment(one) or part.environment)]
    told = Telling(CONTENT)
    places = Places.of(Place(_environment(one)) for one in held)
    if conditions.rules:
        _count(told, held)
    told.fact("first", held[0].summary if held else "")
    failed = bool(conditions.failed) or not conditions.rules
    states = (*(_STATES.get(one.severity, State.WARNING) for one in held), State.UNKNOWN if failed else State.OK)
    state = worst(states)
    return Widget(
        name=CONTENT.name,
        title=CONTENT.title,
        state=state,
        columns=(*places.columns(), Column(), Column(drop=1), Column()),
        rows=tuple((*places.cells(Place(_environment(one))), *_cells(one)) for one in held),
        line=_line(held, state),
        figures=tuple(told.figures),
        facts=told.facts,
        note=_note(conditions, held),
        age_seconds=0.0 if conditions.rules else None,
        link="inferdeck rules",
    )


def _environment(one: Condition) -> str:
    return dict(one.labels).get("environment", "")


def _count(told: Telling, held: Sequence[Condition]) -> None:
    severities = Counter(one.severity for one in held)
    told.figure("total", counted(len(held)))
    for word in _STATES:
        told.figure(word, counted(severities[word]))
    for name, count in sorted(Counter(one.alert for one in held).items()):
        told.named("condition", counted(count), Place(""), name, "alertname")


def _cells(one: Condition) -> tuple[Cell, ...]:
    state = _STATES.get(one.severity, State.WARNING)
    look = Look.PLAIN if state is State.OK else telling.LOOKS[state]
    return Cell(one.alert, look, state), Cell(one.severity, look), Cell(one.summary)


def _line(held: Sequence[Condition], state: State) -> tuple[Cell, ...]:
    if not held:
        return (Cell("no alerts" if state is State.OK else "alerts –", telling.LOOKS[state], state),)
    names = list(dict.fromkeys(one.alert for one in held))
    first = "1 alert" if len(held) == 1 else f"{len(held)} alerts"
    return (Cell(first, telling.LOOKS[state], state), *(Cell(name) for name in names))


def _note(conditions: Conditions, held: Sequence[Condition]) -> str:
    if conditions.failed:
        rest = len(conditions.failed) - 1
        return f"{conditions.failed[0]}{f' (and {rest} more rules)' if rest else ''}"
    if not held:
        return f"None of the conditions of {conditions.rules} alert rules holds."
    return SAYING
