"""A picture of a screen as PNG, drawn with a monospaced font of this machine."""

from __future__ import annotations

import os
from pathlib import Path

from inferdeck.errors import UnavailableError

FONTS = {
    "DejaVuSansMono.ttf": "DejaVu Sans Mono",
    "FiraCode-Regular.ttf": "Fira Code",
    "JetBrainsMono-Regular.ttf": "JetBrains Mono",
    "NotoSansMono-Regular.ttf": "Noto Sans Mono",
    "LiberationMono-Regular.ttf": "Liberation Mono",
    "Menlo.ttc": "Menlo",
    "consola.ttf": "Consolas",
}
"""File -> family; those that have braille and blocks first."""
_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/System/Library/Fonts", "/Library/Fonts")
_HOMES = (".local/share/fonts", ".fonts", "Library/Fonts")


def png(picture: str) -> bytes:
    """Return an SVG as a PNG; raises UnavailableError where this machine has no font for it."""
    import resvg_py

    family = _family()
    if not family:
        raise UnavailableError("no monospaced font is installed; install fonts-dejavu-core, or use --format svg")
    # The picture asks for a font from the network first.
    drawn = picture.replace("Fira Code", family)
    return bytes(resvg_py.svg_to_bytes(svg_string=drawn, monospace_family=family))


def _family() -> str:
    folders = [Path(folder) for folder in _FOLDERS] + [Path.home() / folder for folder in _HOMES]
    there = {name for folder in folders for _, _, names in os.walk(folder) for name in names}
    return next((family for file, family in FONTS.items() if file in there), "")
