"""A user's own themes: the files of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inferdeck.errors import ConfigError

if TYPE_CHECKING:
    from inferdeck.faces.terminal.themes import UserTheme

SUFFIXES = (".yaml", ".yml")
MOST_FILES = 100


def read(folder: Path) -> tuple[UserTheme, ...]:
    """Return what stands in the files of a folder, also in those that are wrong; nothing where there is no folder."""
    try:
        paths = sorted(one for one in folder.iterdir() if one.suffix in SUFFIXES and one.is_file())
    except FileNotFoundError:
        return ()
    except OSError as error:
        return (_wrong(folder.name, folder, f"{folder}: cannot be read: {(error.strerror or '').lower()}"),)
    found: list[UserTheme] = []
    places: dict[str, str] = {}
    for path in paths[:MOST_FILES]:
        one = _one(path)
        if one.theme is not None and (other := places.setdefault(one.name, one.origin)) != one.origin:
            one = _wrong(one.name, path, f"{path}: name: {other} has the same one")
        found.append(one)
    if len(paths) > MOST_FILES:
        found.append(_wrong(folder.name, folder, f"{folder}: only the first {MOST_FILES} files are read"))
    return tuple(found)


def _one(path: Path) -> UserTheme:
    # Loaded only where there is such a file.
    from inferdeck.config import document
    from inferdeck.faces.terminal import themes

    try:
        parsed = document.read(path, str(path))
    except ConfigError as error:
        return _wrong(path.stem, path, *str(error).splitlines())
    theme, mistakes = themes.made(path.stem, parsed.data)
    told = [
        f"{parsed.place(one.path)}: {document.shown(one.path)}: {one.message}"
        if one.path
        else f"{parsed.place(())}: {one.message}"
        for one in sorted(mistakes, key=lambda one: parsed.lines.get(one.path, 0))
    ]
    if told or parsed.problems or theme is None:
        return _wrong(path.stem, path, *parsed.problems, *told)
    return themes.UserTheme(theme.name, str(path), theme)


def _wrong(name: str, place: Path, *problems: str) -> UserTheme:
    from inferdeck.faces.terminal.themes import UserTheme

    return UserTheme(name, str(place), None, problems)
