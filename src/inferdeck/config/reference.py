"""The generated part of docs/configuration.md: every key with its type, default, meaning and variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inferdeck.config.keys import Setting, settings_table
from inferdeck.config.schema import TargetConfig
from inferdeck.model.quantities import DURATION_UNITS

BEGIN = "<!-- generated: settings -->"
END = "<!-- end of generated -->"
_COMPUTED = {"data_dir": "`~/.local/share/inferdeck`", "listen.unix_socket": "see the text"}
_SIZES = (("TB", 10**12), ("GB", 10**9), ("MiB", 2**20), ("KiB", 2**10))


def reference(kinds: Mapping[str, type[TargetConfig]]) -> str:
    """Return the reference as Markdown: one table per section; keys that all sources share stand once."""
    table = settings_table(kinds)
    plain = [setting for setting in table if setting.path[0] != "sources"]
    sections: dict[str, list[Setting]] = {}
    for setting in plain:
        sections.setdefault(setting.path[0] if len(setting.path) > 1 else "", []).append(setting)
    parts = [_section("Top level", sections.pop(""))]
    parts += [_section(f"`{name}`", rows) for name, rows in sections.items()]
    shared = [row for row in settings_table({"KIND": TargetConfig}) if row.path[0] == "sources"]
    parts.append(_section("`sources.KIND`: keys that every kind has", shared))
    common = {row.path[2:]: row for row in shared}
    for kind in sorted(kinds):
        rows = [row for row in table if row.path[:2] == ("sources", kind)]
        own = [row for row in rows if not _same(row, common.get(row.path[2:]))]
        intro = (kinds[kind].__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
        parts.append(_section(f"`sources.{kind}`", own, intro))
    return "\n".join(parts)


def page(text: str, kinds: Mapping[str, type[TargetConfig]]) -> str:
    """Return the page with the text between its two markers replaced; raises ValueError where they are missing."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{head}{BEGIN}\n\n{reference(kinds)}\n{END}{tail}"


def _same(row: Setting, other: Setting | None) -> bool:
    return other is not None and (row.type, row.default, row.description) == (
        other.type,
        other.default,
        other.description,
    )


def _section(title: str, rows: Sequence[Setting], intro: str = "") -> str:
    lines = [f"### {title}", ""]
    if intro:
        lines += [intro, ""]
    if not rows:
        return "\n".join([*lines, "No keys of its own.", ""])
    lines += ["| key | type | default | meaning | environment variable |", "|---|---|---|---|---|"]
    for row in rows:
        variable = f"`{row.variable}`" if row.variable else "–"
        lines.append(f"| `{row.key}` | {row.type} | {_default(row)} | {_cell(row.description)} | {variable} |")
    return "\n".join([*lines, ""])


def _default(row: Setting) -> str:
    if row.required:
        return "required"
    if row.key in _COMPUTED:
        return _COMPUTED[row.key]
    if row.default is None or row.default in ((), {}, ""):
        return "–"
    if isinstance(row.default, bool):
        return f"`{str(row.default).lower()}`"
    return f"`{_cell(_quantity(row.type, row.default))}`"


def _quantity(kind: str, value: Any) -> str:
    """Write a default as a user would: 90d, 20GB."""
    units: Sequence[tuple[str, float]] = ()
    if kind.startswith("duration"):
        units = [(unit, DURATION_UNITS[unit]) for unit in ("d", "h", "m", "s")]
    elif kind.startswith("size"):
        units = _SIZES
    fitting = next(((unit, size) for unit, size in units if value >= size and value % size == 0), None)
    if fitting is not None:
        return f"{value / fitting[1]:.0f}{fitting[0]}"
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
