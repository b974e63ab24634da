"""What is shown, as CSV, JSON and SVG."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from inferdeck.faces.terminal.drawing.picture import Row
from inferdeck.faces.terminal.paint import Paint
from inferdeck.model import cells
from inferdeck.model.csv_form import Writer
from inferdeck.model.dashboard_answers import DashboardData, PanelData
from inferdeck.model.json_form import dumps

_REMOTE_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def panel_csv(panel: PanelData, title: str, whole: DashboardData) -> str:
    """Return a panel's values, one a row behind what they are of; times in Unix seconds, missing values left out."""
    out = io.StringIO()
    writer = Writer(out)
    writer.row(["dashboard", "panel", "title", "query", "series", "time", "value"])
    about = (whole.uid, panel.id, title)
    for query in panel.queries:
        for series in query.series:
            for place, value in enumerate(series.values):
                moment = whole.at if query.instant else whole.start + place * whole.step
                if value is not None:
                    writer.row([*about, query.ref, series.name, f"{moment:.3f}", value])
    return out.getvalue()


def panel_json(panel: PanelData, title: str, whole: DashboardData) -> str:
    """Return a panel's data as the API gives it, with the times of its values."""
    times = {"start": whole.start, "end": whole.end, "step": whole.step, "at": whole.at}
    return dumps({"dashboard": whole.uid, "title": title, **times, "panel": panel}, indent=1) + "\n"


def table_csv(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return the texts of a table."""
    out = io.StringIO()
    writer = Writer(out)
    for row in (titles, *rows):
        writer.row(row)
    return out.getvalue()


def rows_svg(rows: Sequence[Row], paint: Paint, title: str) -> str:
    """Return rows of cells as a picture."""
    width = max((sum(len(text) for text, _ in row) for row in rows), default=1)
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, legacy_windows=False)
    for row in rows:
        line = Text(no_wrap=True, end="\n")
        for text, names in row:
            line.append(text, paint.style(names))
        console.print(line, soft_wrap=True)
    return alone(console.export_svg(title=cells.clean(title)))


def alone(picture: str) -> str:
    """Return an SVG that loads nothing from elsewhere: with a font of the machine on which it is shown."""
    return _REMOTE_FONTS.sub("", picture).replace("Fira Code", "DejaVu Sans Mono")
