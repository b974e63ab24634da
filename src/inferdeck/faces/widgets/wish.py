"""What was asked for: the words of `inferdeck widget`, read without argparse, which costs as much as all the rest."""

from __future__ import annotations

NAMES = ("health", "providers", "metrics", "cache", "score", "logs", "status", "cost", "gpu", "models", "alerts")
"""As in model/widget.py."""
HOSTS = ("text", "ansi", "tmux", "waybar", "xbar", "conky", "starship", "sampler", "wth", "json", "prom")
"""As in model/widget.py."""
ICONS = ("words", "ascii", "emoji", "nerd")
"""As in model/widget.py."""

TIMEOUT_MS = 400
"""All that may pass: a host that waits for a widget waits for the whole screen."""
LONGEST_TIMEOUT_MS = 60_000
LARGEST_SIZE = 10_000
LARGEST_AGE_SECONDS = 10_000_000

# What each option takes: text, one of some words, or a whole number between two bounds.
_TEXTS = ("field", "environment", "gateway", "stream", "level", "url", "data_dir", "config")
_WORDS = {"host": HOSTS, "icons": ICONS}
BOUNDS = {
    "width": (1, LARGEST_SIZE),
    "height": (1, LARGEST_SIZE),
    "max_age": (0, LARGEST_AGE_SECONDS),
    "timeout": (1, LONGEST_TIMEOUT_MS),
}


class Wish:
    """One widget as it is asked for; None and "" where nothing was said.

    width and height are cells, max_age seconds, timeout milliseconds.
    """

    __slots__ = (
        "check",
        "config",
        "data_dir",
        "environment",
        "field",
        "gateway",
        "height",
        "host",
        "icons",
        "level",
        "max_age",
        "name",
        "stream",
        "timeout",
        "url",
        "width",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.host = ""
        self.field = ""
        self.icons = ""
        self.environment = ""
        self.gateway = ""
        self.stream = ""
        self.level = ""
        self.url = ""
        self.data_dir = ""
        self.config = ""
        self.width: int | None = None
        self.height: int | None = None
        self.max_age: int | None = None
        self.timeout = TIMEOUT_MS
        self.check = False


def read(words: list[str]) -> Wish | None:
    """Return what the words after `widget` ask for; None where anything in them is for argparse to explain."""
    wish = Wish("")
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if word == "--check":
            wish.check = True
        elif word.startswith("--"):
            name, found, value = word[2:].partition("=")
            if not found:
                if place == len(words):
                    return None
                value = words[place]
                place += 1
            if not _set(wish, name, value):
                return None
        elif wish.name or word not in NAMES:
            return None
        else:
            wish.name = word
    return wish if wish.name else None


def _set(wish: Wish, name: str, value: str) -> bool:
    # A value that begins with a dash is another option to argparse, so it is to say what is wrong.
    if not value or value.startswith("-") or "_" in name:
        return False
    name = name.replace("-", "_")
    if name in _TEXTS or (name in _WORDS and value in _WORDS[name]):
        setattr(wish, name, value)
        return True
    if name in BOUNDS and value.isascii() and value.isdigit():
        least, most = BOUNDS[name]
        number = int(value[:12])
        if least <= number <= most:
            setattr(wish, name, number)
            return True
    return False
