"""`inferdeck widget` where its words are not those of every day; the others never come here."""

from __future__ import annotations

import argparse

from inferdeck.faces.widgets.command import run
from inferdeck.faces.widgets.wish import Wish


def widget(options: argparse.Namespace) -> int:
    """Print one widget; faces/widgets has all of it."""
    wish = Wish(options.name)
    for name in Wish.__slots__:
        value = getattr(options, name)
        if value is not None:
            setattr(wish, name, value)
    return run(wish)
