"""What a face may ask of widgets, and how a widget's content says what it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from inferdeck.model.widget import Widget


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of the stack a widget shows; "" is all of it. stream and level choose lines of logs."""

    environment: str = ""
    gateway: str = ""
    stream: str = ""
    level: str = ""


EVERYTHING = Part()


@dataclass(frozen=True, slots=True)
class Told:
    """One figure or text that --field names.

    path: words joined by dots; NAME stands for a name from outside, before which stand the environment and the gateway
    where several are shown. unit: that of the number, "" for a text. family: its series in Prometheus' text format.
    """

    path: str
    unit: str
    meaning: str
    family: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What one widget shows, and when it is ok, a warning, critical or unknown."""

    name: str
    title: str
    shows: str
    warning: str
    critical: str
    unknown: str
    told: tuple[Told, ...]
    parameters: tuple[str, ...] = ("environment",)
    """Which fields of a Part it heeds."""

    def family(self, path: str) -> str:
        """Return the family of the figures with this path; raises KeyError for one that is not told here."""
        return {one.path: one.family for one in self.told}[path]


@dataclass(frozen=True, slots=True)
class Asked:
    """A widget and the moment (Unix seconds) at which its oldest answer was taken."""

    widget: Widget
    at: float


class WidgetQuestions(Protocol):
    """Belongs to the event loop. Raises NotFoundError (no such widget), UsageError, LimitError, StoreError."""

    async def widget(self, name: str, part: Part = EVERYTHING) -> Asked:
        """Return one widget; many who ask within about a second get the same answer."""
        ...
