"""What is to be known of all figures of a widget together: that they are simulated, that they are old."""

from __future__ import annotations

from inferdeck.model import numbers
from inferdeck.model.widget import Widget

OLD_SECONDS = 60.0
"""From this age on, figures are shown with it."""


def marks(widget: Widget) -> tuple[str, ...]:
    """Return them in words, the longest form first, for the room that there is; none where there is nothing to say."""
    old: tuple[str, ...] = ()
    if widget.age_seconds is not None and widget.age_seconds >= OLD_SECONDS:
        old = (numbers.age(widget.age_seconds),)
    if not widget.simulated:
        return old
    return tuple(dict.fromkeys((", ".join(("simulated", *old)), ", ".join(("sim", *old)), "sim")))
