"""What is shown, as CSV, JSON and SVG."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from inferdeck.faces.terminal.drawing.picture import Row
from inferdeck.faces.terminal.paint import Paint
from inferdeck.model.dashboard_answers import DashboardData, PanelData
from inferdeck.model.json_form import dumps

_REMOTE_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def panel_csv(panel: PanelData, whole: DashboardData) -> str:
    """Return a panel's values, one a row: query, series, Unix seconds, value; missing ones are left out."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["query", "series", "time", "value"])
    for query in panel.queries:
        for series in query.series:
            for place, value in enumerate(series.values):
                moment = whole.at if query.instant else whole.start + place * whole.step
                if value is not None:
                    writer.writerow([query.ref, series.name, f"{moment:.3f}", repr(value)])
    return out.getvalue()


def panel_json(panel: PanelData, whole: DashboardData) -> str:
    """Return a panel's data as the API gives it, with the times of its values."""
    found = {"start": whole.start, "end": whole.end, "step": whole.step, "at": whole.at, "panel": panel}
    return dumps(found, indent=1) + "\n"


def rows_svg(rows: Sequence[Row], paint: Paint, title: str) -> str:
    """Return rows of cells as a picture."""
    width = max((sum(len(text) for text, _ in row) for row in rows), default=1)
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, legacy_windows=False)
    for row in rows:
        line = Text(no_wrap=True, end="\n")
        for text, names in row:
            line.append(text, paint.style(names))
        console.print(line, soft_wrap=True)
    return alone(console.export_svg(title=Text(title).plain))


def alone(picture: str) -> str:
    """Return an SVG that loads nothing from elsewhere: with a font of the machine on which it is shown."""
    return _REMOTE_FONTS.sub("", picture).replace("Fira Code", "DejaVu Sans Mono")
