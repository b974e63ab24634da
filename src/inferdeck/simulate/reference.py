"""The generated part of docs/simulator.md: every key, verb and conclusion, from the dataclasses' docstrings."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from inferdeck.simulate import fleet_file, scenario
from inferdeck.simulate.actions import AT_ONCE, Action
from inferdeck.simulate.conclusions import CONCLUSIONS
from inferdeck.simulate.fleet import (
    Agent,
    Application,
    Cache,
    Deployment,
    Engine,
    EngineModel,
    Fleet,
    Gateway,
    Gpu,
    Host,
    Langfuse,
    Price,
    Provider,
    Spread,
    Team,
    UseCase,
)
from inferdeck.simulate.generated_fleet import Generate
from inferdeck.simulate.keys import REFERS, Key, keys_of
from inferdeck.simulate.scenario_parts import Entry, Expectation, Head, verbs

BEGIN = "<!-- generated: simulator -->"
END = "<!-- end of generated -->"
SERVERS = Path(__file__).parent / "servers"
SHARED = {"name": "What it is called, unique over the fleet.", "host": "The machine on which it runs; empty: none."}
PARTS: tuple[tuple[str, type], ...] = (
    ("hosts", Host), ("gpus", Gpu), ("engines", Engine), ("engines.model", EngineModel), ("providers", Provider),
    ("gateways", Gateway), ("gateways.deployments", Deployment), ("price", Price), ("caches", Cache),
    ("use_cases", UseCase), ("teams", Team), ("agents", Agent), ("applications", Application), ("langfuse", Langfuse),
)  # fmt: skip
_DURATIONS = (("d", 86_400.0), ("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 0.001))
_SIZES = (("TiB", 2.0**40), ("GiB", 2.0**30), ("TB", 1e12), ("GB", 1e9), ("MiB", 2.0**20))


def page(text: str) -> str:
    """Return the page with the text between its two markers replaced; raises ValueError where they are missing."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{head}{BEGIN}\n\n{reference()}\n{END}{tail}"


def reference() -> str:
    """Return the reference as Markdown."""
    return "\n".join([*_scenario_part(), *_verbs(), *_conclusions(), *_fleet_part(), *_shipped(), *_unverified()])


def _scenario_part() -> list[str]:
    return [
        "### Keys of a scenario", "", *_table(Head),
        "| `change` | map: name of a thing of the fleet -> its keys | – | What differs from the named fleet. |",
        "| `timeline` | list | – | What is done to the world, and when. |",
        "| `observer` | list | – | What ought to be concluded. |", "",
        "### Keys of each entry of `timeline`", "", "The keys of its verb stand beside these.", "", *_table(Entry), "",
        "### Keys of each entry of `observer`", "", *_table(Expectation), "",
    ]  # fmt: skip


def _verbs() -> list[str]:
    lines = ["### Verbs", ""]
    for name, action in verbs().items():
        once = " Happens at once: no `for`." if action in AT_ONCE else ""
        lines += [f"#### `{name}`", "", f"{sentence(action)}{once}", "", *_table(action), ""]
    return lines


def sentence(action: type[Action]) -> str:
    """Return what an action does, in words."""
    return " ".join((action.__doc__ or "").split())


def _conclusions() -> list[str]:
    lines = [
        "### Conclusions",
        "",
        "| word | said of | what really happens then | what shows it |",
        "|---|---|---|---|",
    ]
    for name, one in CONCLUSIONS.items():
        lines.append(f"| `{name}` | {', '.join(one.kinds)} | {_cell(one.meaning)} | {_cell(one.seen)} |")
    return [*lines, ""]


def _fleet_part() -> list[str]:
    lines = ["### Keys of a fleet", "", *_table(Fleet), "| `about` | text | – | What it is, in a sentence. |"]
    lines += [
        "| `generate` | map | – | A fleet of a wished size, behind what the file names; its keys are below. |",
        "",
    ]
    for title, owner in PARTS:
        lines += [f"### `{title}`", "", _first(owner.__doc__), "", *_table(owner), ""]
    lines += ["### Spreads", "", _first(Spread.__doc__), "", *_table(Spread), ""]
    return [*lines, "### `generate`", "", _first(Generate.__doc__), "", *_table(Generate), ""]


def _shipped() -> list[str]:
    lines = ["### Fleets that come with inferdeck", "", "| fleet | what it is |", "|---|---|"]
    for name in fleet_file.available():
        about = fleet_file.load(fleet_file.find(name)).about
        lines += [f"| `{name}` | {_cell(about)} |"]
    lines += ["", "### Scenarios that come with inferdeck", "", "| scenario | what happens | fleet |", "|---|---|---|"]
    for name in scenario.available():
        one = scenario.named(name)
        lines.append(f"| `{name}` | {_cell(one.about)} | `{one.fleet_name}` |")
    return [*lines, ""]


def _unverified() -> list[str]:
    lines = ["### What is unverified", ""]
    for name, text in unverified():
        lines += [f"#### `{name}`", "", text, ""]
    return lines


def unverified() -> Iterator[tuple[str, str]]:
    """Give each module that says what in it no capture or measurement backs, with its docstring."""
    for file in sorted(SERVERS.parent.rglob("*.py")):
        if file == Path(__file__):
            continue
        text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        if "unverified" in text.lower():
            where = file.parent if file.stem == "__init__" else file
            yield str(where.relative_to(SERVERS.parent)), text


def _table(owner: type) -> list[str]:
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    texts = meanings(owner)
    for name, key in keys_of(owner).items():
        lines.append(f"| `{name}` | {kind(key)} | {_default(key)} | {_cell(meaning(key, texts))} |")
    return lines


def meanings(owner: type) -> Mapping[str, str]:
    """Return the docstring that stands under each field of a dataclass."""
    body = ast.parse(inspect.getsource(owner)).body[0]
    assert isinstance(body, ast.ClassDef)  # noqa: S101
    found: dict[str, str] = {}
    name = ""
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        elif name and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found[name] = " ".join(str(node.value.value).split())
            name = ""
        else:
            name = ""
    return found


def meaning(key: Key, texts: Mapping[str, str]) -> str:
    """Return what a key means, with its choices and what it names; texts: the meanings of its dataclass."""
    refers = REFERS.get((key.owner, key.field), "")
    text = texts.get(key.field) or (f"The {refers}." if refers else SHARED.get(key.name, ""))
    if key.choices:
        text = f"{text} One of {', '.join(f'`{one}`' for one in key.choices)}.".strip()
    return text


def kind(key: Key) -> str:
    """Return the type of a key in words, with its unit."""
    refers = REFERS.get((key.owner, key.field), "")
    one = "duration" if key.is_duration else "size" if key.is_size else key.kind
    if key.kind == "objects":
        words = "list of mappings"
    elif key.kind == "object":
        words = "mapping"
    elif key.kind == "list":
        words = f"list of {refers or 'text'} names" if refers else "list of text"
    elif key.kind in ("map", "pairs"):
        words = f"map: name -> {'list of names' if key.item == 'list' else 'duration' if key.is_duration else 'number'}"
    elif key.kind == "spread":
        words = f"spread of {'durations' if key.is_duration else 'numbers'}"
    else:
        words = f"name of {_article(refers)} {refers}" if refers else one
    unit = "" if key.unit in ("duration", "bytes", "") else f" ({key.unit})"
    return f"{words}{unit}{_bounds(key)}{' or null' if key.optional else ''}"


def _bounds(key: Key) -> str:
    if key.highest is not None:
        return "" if key.unit == "0..1" else f", {key.lowest or 0:g} to {key.highest:g}"
    return ", more than 0" if key.above else ", also negative" if key.signed else ""


def _article(word: str) -> str:
    return "an" if word[:1] in "aeiou" else "a"


def _default(key: Key) -> str:
    if key.required:
        return "required"
    if key.default is None or key.default in ((), {}, ""):
        return "–"
    return f"`{shown(key.default, key)}`"


def shown(value: Any, key: Key) -> str:
    """Write a value as a user would: 90s, 80GiB, true."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Spread):
        parts = [f"median: {_amount(value.median, key)}", f"sigma: {value.sigma:g}"]
        parts += [f"{name}: {_amount(getattr(value, name), key)}" for name in ("smallest", "largest")]
        return f"{{{', '.join(parts)}}}"
    if isinstance(value, Price):
        return "no price"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_amount(one, key)}' for name, one in value.items())}}}"
    return _amount(value, key) if isinstance(value, int | float) else str(value)


def _amount(value: float, key: Key) -> str:
    units: Sequence[tuple[str, float]] = _DURATIONS if key.is_duration else _SIZES if key.is_size else ()
    for unit, size in units:
        if abs(value) >= size and (value / size).is_integer():
            return f"{value / size:.0f}{unit}"
    return f"{value:g}" if abs(value) < 1e6 or value >= 1e9 else f"{value:.0f}"


def _first(text: str | None) -> str:
    return " ".join((text or "").strip().split("\n\n")[0].split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def undocumented() -> Iterable[str]:
    """Give every key that has no meaning."""
    owners = [Head, Entry, Expectation, Fleet, Spread, Generate, *(owner for _, owner in PARTS), *verbs().values()]
    for owner in owners:
        texts = meanings(owner)
        for key in keys_of(owner).values():
            if not meaning(key, texts):
                yield f"{owner.__name__}.{key.name}"
