"""What every kind of panel is drawn from: the definition, the data, when they are, and how much room there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from inferdeck.faces.terminal.drawing import scale, values
from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.model.dashboard import Panel
from inferdeck.model.dashboard_answers import DashboardData, Mark, PanelData


@dataclass(frozen=True, slots=True)
class Moment:
    """When the values are: at start, start + step, … end, and instant ones at `at`; Unix seconds.

    view: the part of the time that is shown (zoom), None: all; cursor: the moment that is read out; zone: of all times
    shown, None: this machine's; retry: seconds until a failed question is asked again, None: not known; rate: how many
    seconds rates look back, 0: not known.
    """

    start: float
    end: float
    step: float
    at: float
    view: tuple[float, float] | None = None
    cursor: float | None = None
    zone: tzinfo | None = None
    retry: float | None = None
    marks: Sequence[Mark] = field(default=())
    rate: float = 0.0

    @classmethod
    def of(cls, data: DashboardData, zone: tzinfo | None = None) -> Moment:
        """Return the times of a dashboard's answer, with its marks."""
        return cls(data.start, data.end, data.step, data.at, zone=zone, marks=data.marks, rate=data.rate)

    def span(self) -> tuple[float, float]:
        """Return the time that is shown."""
        return self.view or (self.start, self.end if self.end > self.start else self.start + (self.step or 1.0))


@dataclass(frozen=True, slots=True)
class Frame:
    """All that a kind needs to be drawn."""

    panel: Panel
    data: PanelData
    moment: Moment
    width: int
    height: int
    look: Look


@dataclass(frozen=True, slots=True)
class Amount:
    """The newest value of a series: its clean name, the value, its clean text and its style."""

    name: str
    value: float | None
    text: str
    style: str


def amounts(frame: Frame) -> list[Amount]:
    """Return the newest value of each series."""
    found = []
    for name, (_, series) in zip(values.names(frame.data), values.pairs(frame.data), strict=True):
        value = values.latest(series)
        text = values.text(frame.panel, value, currency=frame.look.currency)
        found.append(Amount(name, value, text, values.style(frame.panel, value)))
    return found


def ends(frame: Frame, shown: Sequence[Amount], also: Sequence[float] = ()) -> tuple[float, float]:
    """Return the ends of the scale on which amounts are bars. also: what is on it besides them."""
    real = [*(one.value for one in shown if one.value is not None), *also] or [0.0]
    found = scale.bounds(
        min(real), max(real), 4, frame.panel.unit, minimum=frame.panel.minimum, maximum=frame.panel.maximum
    )
    return found.low, found.high
