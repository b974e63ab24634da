"""Everything that can be done, in one table: keys, palette, help and what `--readonly` takes away come from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from inferdeck.errors import UsageError


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done. Its id is part of users' keymaps: it never changes.

    keys: as Textual names them; scope: the kind of view in which it works, "" in all; shown: stands in the line of
    keys at the bottom; dangerous: changes something outside of this program.
    """

    id: str
    keys: tuple[str, ...]
    title: str
    help: str
    scope: str = ""
    shown: bool = False
    dangerous: bool = False

    @property
    def key(self) -> str:
        """The key as people read it, "" where there is none."""
        return spoken(self.keys[0]) if self.keys else ""


BOARD = "board"
LIST = "list"
MARKS = "marks"
LOG = "log"
TEXT = "text"
SCOPES = {
    "": "everywhere",
    BOARD: "where panels are shown",
    LIST: "in tables",
    MARKS: "where rows can be compared",
    LOG: "in logs",
    TEXT: "in texts",
}

ACTIONS = (
    Action("quit", ("q", "ctrl+c"), "Quit", "Leave; the daemon goes on.", shown=True),
    Action("refresh", ("r",), "Refresh", "Ask again now."),
    Action("config", ("c",), "Config", "The stack's configuration files and what runs."),
    Action("help", ("question_mark",), "Help", "What this view shows and every key that works in it.", shown=True),
    Action("palette", ("ctrl+p",), "Palette", "Everything that can be done, with a search."),
    Action("go", ("colon",), "Go to", "Another view by its name: gateway, models gpt, logs litellm.", shown=True),
    Action("filter", ("slash",), "Filter", "Keep what has these words; !word leaves out.", shown=True),
    Action("back", ("escape",), "Back", "Close what is open, else the view before.", shown=True),
    Action("forward", ("alt+right",), "Forward", "The view that Back left."),
    Action("pause", ("p",), "Pause", "Hold what is shown; again to go on.", shown=True),
    Action("slower", ("minus",), "Slower", "Refresh less often."),
    Action("faster", ("plus", "equals_sign"), "Faster", "Refresh more often."),
    Action("earlier", ("left_square_bracket",), "Earlier", "Show the past: half a range back."),
    Action("later", ("right_square_bracket",), "Later", "Half a range on, up to now."),
    Action("now", ("n",), "Now", "Back to the present."),
    Action("range", ("t",), "Range", "How long a time charts show.", shown=True),
    Action("copy", ("y",), "Copy", "Copy what is selected (OSC 52, works over ssh)."),
    Action("export", ("x",), "Export", "Write what is selected to a file: CSV, JSON or SVG."),
    Action("maximise", ("m",), "Maximise", "The selected panel alone; again for all.", BOARD, shown=True),
    Action("details", ("enter",), "Details", "What the selected one is made of, and where it leads.", shown=True),
    Action("next", ("tab",), "Next", "Select the next panel.", BOARD),
    Action("previous", ("shift+tab",), "Previous", "Select the panel before.", BOARD),
    Action("cursor_left", ("left", "h"), "Cursor left", "Read the values of an earlier moment.", BOARD),
    Action("cursor_right", ("right", "l"), "Cursor right", "Read the values of a later moment.", BOARD),
    Action("zoom_in", ("greater_than_sign",), "Zoom in", "Half the range.", BOARD),
    Action("zoom_out", ("less_than_sign",), "Zoom out", "Twice the range.", BOARD),
    Action("variable", ("v",), "Variables", "Choose what the dashboard is about: gateway, model, …", BOARD, shown=True),
    Action("sort", ("s",), "Sort", "By the next column.", LIST, shown=True),
    Action("reverse", ("S",), "Reverse", "Sort the other way round.", LIST),
    Action("mark", ("space",), "Mark", "Take a row into the comparison.", MARKS, shown=True),
    Action("compare", ("m",), "Compare", "The marked ones side by side.", MARKS, shown=True),
    Action("level", ("L",), "Level", "Only lines of this level or worse.", LOG, shown=True),
    Action("follow", ("f",), "Follow", "Stay at the newest line.", LOG, shown=True),
    Action("around", ("a",), "Around", "Lines before and after a moment.", LOG, shown=True),
    *(
        Action(
            f"panel_{number}", (str(number),), f"Panel {number}", f"Select the panel with the number {number}.", BOARD
        )
        for number in range(1, 10)
    ),
    Action("environment", ("e",), "Environment", "Only what belongs to one environment."),
    Action("theme", ("ctrl+t",), "Theme", "The next theme; NO_COLOR and ansi themes keep the terminal's own colours."),
)
MOVES = (
    ("up", "k"),
    ("down", "j"),
    ("pageup", "ctrl+u"),
    ("pagedown", "ctrl+d"),
    ("home", "g"),
    ("end", "G"),
)
"""Keys that move, and what does the same; every list and text knows them."""
_WORDS = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "escape": "esc",
    "minus": "-",
    "plus": "+",
    "equals_sign": "=",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "pageup": "page up",
    "pagedown": "page down",
}

_NAMES = {word: key for key, word in _WORDS.items()}


def spoken(key: str) -> str:
    """Return a key's name as it stands on a keyboard."""
    return _WORDS.get(key, key)


def find(identity: str) -> Action:
    """Return the action with this id; raises KeyError."""
    return _BY_ID[identity]


_BY_ID = {action.id: action for action in ACTIONS}


def mapped(keymap: Mapping[str, str]) -> tuple[Action, ...]:
    """Return all actions with a user's keys (id -> keys with commas between them).

    Raises UsageError for an id that does not exist, and for a key that two actions of one scope would share.
    """
    if unknown := sorted(set(keymap) - set(_BY_ID)):
        raise UsageError(f"terminal.keys: there is no action {unknown[0]}; there are: {', '.join(_BY_ID)}")
    found = tuple(
        replace(
            action,
            keys=tuple(_NAMES.get(key.strip(), key.strip()) for key in keymap[action.id].split(",") if key.strip()),
        )
        if action.id in keymap
        else action
        for action in ACTIONS
    )
    _apart(found)
    return found


def _apart(actions: Iterable[Action]) -> None:
    moves = {key for pair in MOVES for key in pair}
    owners: dict[tuple[str, str], str] = {}
    everywhere: dict[str, str] = {}
    for action in actions:
        for key in action.keys:
            if key in moves:
                raise UsageError(f"terminal.keys: {spoken(key)} moves in lists and texts; it cannot mean {action.id}")
            other = everywhere.get(key) or owners.get((action.scope, key))
            if other is None and not action.scope:
                other = next((owner for (_, taken), owner in owners.items() if taken == key), None)
            if other is not None:
                raise UsageError(f"terminal.keys: {spoken(key)} means both {other} and {action.id}")
            owners[action.scope, key] = action.id
            if not action.scope:
                everywhere[key] = action.id


def of_scope(actions: Iterable[Action], scopes: Iterable[str], *, readonly: bool) -> tuple[Action, ...]:
    """Return what can be done in a view of these scopes; dangerous ones only where that is allowed."""
    wanted = {"", *scopes}
    return tuple(one for one in actions if one.scope in wanted and not (readonly and one.dangerous))
