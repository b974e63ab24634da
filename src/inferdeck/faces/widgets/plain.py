"""The few words of our own, in each host's form: that no daemon answers, and how old a kept answer is.

They consist of letters, digits and signs that mean nothing to any host, so there is nothing to escape.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inferdeck.faces.widgets.wish import Wish

SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_.,:;/()+'")
LINES = ("text", "ansi", "wth", "sampler")
PICTURES = (*LINES, "tmux", "waybar", "xbar", "conky", "starship")
"""Hosts that show words to people; the others hand figures to programs, to which an old one looks like a new one."""


def safe(text: str, most: int = 200) -> str:
    """Return the text with every other sign as a ?, and cut."""
    return "".join(letter if letter in SAFE else "?" for letter in text[:most])


def said(wish: Wish, lines: list[str], state: str = "unknown") -> bytes:
    """Return lines of ours in the host's form; the first one says the most."""
    shown = [safe(line) for line in lines]
    if wish.host in LINES:
        width, height = wish.width or 200, wish.height or len(shown)
        return "".join(f"{line[:width]}\n" for line in shown[:height]).encode()
    if wish.host == "waybar":
        rest = "\\n".join(shown)
        return f'{{"text": "{shown[0]}", "tooltip": "{rest}", "class": "{state}"}}\n'.encode()
    if wish.host == "json":
        note = ", ".join(shown)
        return f'{{"widget": "{wish.name}", "state": "unknown", "exit_code": 3, "note": "{note}"}}\n'.encode()
    if wish.host == "prom":
        return "".join(f"# {line}\n" for line in shown).encode()
    if wish.host == "xbar":
        rest = "".join(f"{line}\n" for line in shown[1:])
        return f"{shown[0]}\n---\n{rest}".encode() if rest else f"{shown[0]}\n".encode()
    return f"{shown[0][: wish.width or 200]}\n".encode()


def marked(wish: Wish, body: bytes, age: int) -> bytes:
    """Return a kept body with its age in it, no wider than it may be."""
    mark = f"stale {span(age)}"
    if wish.host == "waybar":
        return _marked_json(body, mark)
    first, _, rest = body.decode("utf-8", "replace").partition("\n")
    if wish.host == "xbar":
        title, bar, parameters = first.partition(" | ")
        return f"{title} {mark}{bar}{parameters}\n{rest}".encode()
    # Counted too wide where styles stand in it: then the mark takes its place.
    fits = wish.width is None or len(first.encode()) + 1 + len(mark) <= wish.width
    return f"{f'{first} {mark}' if fits else mark[: wish.width]}\n{rest}".encode()


def span(seconds: int) -> str:
    """Return a time in its largest whole unit."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _marked_json(body: bytes, mark: str) -> bytes:
    import json

    try:
        found = json.loads(body)
        classes = found.get("class", [])
        found["text"] = f"{found['text']} {mark}"
        found["class"] = [*([classes] if isinstance(classes, str) else classes), "stale"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return f'{{"text": "{mark}", "class": "stale"}}\n'.encode()
    return (json.dumps(found, ensure_ascii=False) + "\n").encode()
