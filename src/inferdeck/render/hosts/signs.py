"""What a state is drawn as: a word, a plain sign, an emoji, or a letter of a patched font."""

from __future__ import annotations

from inferdeck.model import cells
from inferdeck.model.widget import Look, State

SIGNS: dict[str, dict[State, str]] = {
    "words": {State.OK: "ok", State.WARNING: "warn", State.CRITICAL: "crit", State.UNKNOWN: "?"},
    "ascii": {State.OK: "+", State.WARNING: "!", State.CRITICAL: "x", State.UNKNOWN: "?"},
    # ⚠ without its selector of emoji style (U+FE0F): with it, it is two cells in Unicode and one in tmux 3.3 and xterm.
    "emoji": {State.OK: "✅", State.WARNING: "⚠", State.CRITICAL: "❌", State.UNKNOWN: "❔"},
    # Font Awesome's check, triangle, times and question, where patched fonts have them.
    "nerd": {State.OK: "\uf00c", State.WARNING: "\uf071", State.CRITICAL: "\uf00d", State.UNKNOWN: "\uf128"},
}
LOOKS = {State.OK: Look.GOOD, State.WARNING: Look.WARNING, State.CRITICAL: Look.BAD, State.UNKNOWN: Look.DIM}


def room(icons: str) -> int:
    """Return the cells of the widest sign of a set, so that what stands behind signs stands in line."""
    return max(cells.width(sign) for sign in SIGNS[icons].values())
