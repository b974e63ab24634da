"""What state each thing was in over time: a row for each, drawn thin where all is well and thick where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from inferdeck.faces.terminal.drawing import axes
from inferdeck.faces.terminal.drawing.glyphs import Glyphs, Look
from inferdeck.faces.terminal.drawing.picture import Row, Span, fit, longest, series_style
from inferdeck.model import cells
from inferdeck.model.dashboard import Level


@dataclass(frozen=True, slots=True)
class State:
    """What one value means: its clean word, and a level where it has one."""

    word: str
    level: Level | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """One thing: its clean name and its state per step; None: unknown."""

    name: str
    states: Sequence[State | None]


_RANKS = {None: 0, Level.OK: 1, Level.WARN: 2, Level.CRITICAL: 3}


def draw(
    tracks: Sequence[Track],
    width: int,
    height: int,
    look: Look,
    *,
    span: tuple[float, float] | None = None,
    zone: tzinfo | None = None,
) -> list[Row]:
    """Return the tracks, the state of now behind each, times and what the signs mean below.

    Of several states in one cell the worst is drawn.
    """
    known = list(dict.fromkeys(state for track in tracks for state in track.states if state is not None))
    below = (1 if span and height > 2 else 0) + (1 if height > 4 else 0)
    tall = max(1, height - below)
    shown = tracks if len(tracks) <= tall else tracks[: max(1, tall - 1)]
    last = [next((state for state in reversed(track.states) if state is not None), None) for track in shown]
    named = min(longest([track.name for track in shown]), width // 3)
    told = min(longest([state.word for state in last if state]), width // 5)
    wide = width - named - told - (1 if named else 0) - (1 if told else 0)
    if wide < 4:
        return _words(shown, last, width, look)[:height]
    rows: list[Row] = []
    for track, state in zip(shown, last, strict=True):
        line = _line(track, known, wide, look)
        head: list[Span] = [(cells.fit(track.name, named, more=look.glyphs.more) + " ", "")] if named else []
        tail = cells.fit(state.word if state else "", told, more=look.glyphs.more)
        rows.append((*head, *line, (f" {tail}" if told else "", _sign(state, known, look)[1] if state else "")))
    if len(shown) < len(tracks) and tall > 1:
        rows.append((((f"and {len(tracks) - len(shown)} more"), "dim"),))
    if span and height > 2:
        rows += axes.times(*span, wide, named + 1 if named else 0, 1, zone, look.glyphs)
    if height > 4:
        rows.append(_legend(known, named + 1 if named else 0, width, look))
    return rows[:height]


def _words(tracks: Sequence[Track], last: Sequence[State | None], width: int, look: Look) -> list[Row]:
    """Return names and present states alone, where there is no room for the past."""
    rows: list[Row] = []
    for track, state in zip(tracks, last, strict=True):
        word, style = (state.word, _sign(state, [state], look)[1]) if state else ("", "")
        rows.append(fit(((word, style), (" ", ""), (track.name, "")), width, more=look.glyphs.more))
    return rows


def _line(track: Track, known: Sequence[State], wide: int, look: Look) -> list[Span]:
    count = len(track.states)
    out: list[Span] = []
    for column in range(wide):
        low = column * count // wide
        part = [state for state in track.states[low : max(low + 1, (column + 1) * count // wide)] if state is not None]
        # The later of two that are equally bad.
        worst = max(reversed(part), key=lambda state: _RANKS[state.level]) if part else None
        sign, style = _sign(worst, known, look) if worst else (" ", "")
        if out and out[-1][1] == style:
            out[-1] = (out[-1][0] + sign, style)
        else:
            out.append((sign, style))
    return out


def _sign(state: State, known: Sequence[State], look: Look) -> tuple[str, str]:
    """Return a sign of the state's level; states without one are told apart by shade and colour."""
    glyphs = look.glyphs
    alike = [one for one in known if one.level is state.level]
    place = alike.index(state) if state in alike else 0
    if state.level is None:
        return _shade(place, glyphs), series_style(place)
    return {
        Level.OK: ("─" if not glyphs.ascii_only else "-", "ok"),
        Level.WARN: (_shade(place, glyphs), "warn"),
        Level.CRITICAL: (glyphs.shades[-1], "critical"),
    }[state.level]


def _shade(place: int, glyphs: Glyphs) -> str:
    shades = glyphs.shades[1:-1]
    return shades[(place + 1) % len(shades)] if len(shades) > 1 else shades


def _legend(known: Sequence[State], left: int, width: int, look: Look) -> Row:
    spans: list[Span] = [(" " * left, "")]
    for state in known:
        sign, style = _sign(state, known, look)
        spans += [(sign * 2, style), (f" {state.word}   ", "dim")]
    return fit(spans, width, more=look.glyphs.more)
