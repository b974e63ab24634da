"""A YAML file as values that know their line, and the list of what is wrong in it.

Scalars stay text until a key says more: `version: 1.80` is the text "1.80" where a key wants text.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLWarning
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from inferdeck.errors import ConfigError
from inferdeck.shipped import is_shipped, reader

LARGEST_FILE_BYTES = 1 << 20
MOST_VALUES = 100_000
DEEPEST = 30
_NULLS = ("", "~", "null", "Null", "NULL")

KeyPath = tuple[str | int, ...]
"""Where a value stands: keys, and places in lists from 0."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where it is, at which key ("" the file), what is wrong and what would be right."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return (
            f"{self.file}:{self.line}: {self.key}: {self.message}"
            if self.key
            else (f"{self.file}:{self.line}: {self.message}")
        )


class FileError(ConfigError):
    """A fleet or scenario file is wrong; str() has one line for each of its problems."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(slots=True)
class Value:
    """One value of a file: a scalar's `text` (None: null), a list's `items` or a mapping's `entries`."""

    line: int
    text: str | None = None
    quoted: bool = False
    items: list[Value] | None = None
    entries: dict[str, Value] | None = None
    key_line: int = 0
    """Of the key whose value it is; its own line in a list."""

    @property
    def is_null(self) -> bool:
        return self.text is None and self.items is None and self.entries is None

    def kind(self) -> str:
        """Return what it is, in words for the person who wrote it."""
        if self.items is not None:
            return "a list"
        if self.entries is not None:
            return "a mapping"
        return "nothing" if self.text is None else short(self.text)


@dataclass(slots=True)
class YamlFile:
    """One file that could be parsed; `problems` grows while it is read."""

    name: str
    root: Value
    problems: list[Problem] = field(default_factory=list)

    def complain(self, path: KeyPath, message: str) -> None:
        """Note a mistake at a path, or at the nearest one above it that stands in the file."""
        self.problems.append(Problem(self.name, self.line(path), key(path), message))

    def line(self, path: KeyPath) -> int:
        """Return the line of a path, or of the nearest one above it that stands in the file."""
        value = self.root
        line = value.line
        for part in path:
            below = None
            if isinstance(part, str) and value.entries is not None:
                below = value.entries.get(part)
            elif isinstance(part, int) and value.items is not None and part < len(value.items):
                below = value.items[part]
            if below is None:
                break
            value, line = below, below.key_line
        return line

    def verdict(self) -> None:
        """Raise FileError where there is any problem, in the order of the lines."""
        if self.problems:
            raise FileError(sorted(dict.fromkeys(self.problems), key=lambda problem: problem.line))


def read(path: Path) -> YamlFile:
    """Read one file, called by the path as it was given; raises FileError where nothing of it can be used."""
    name = str(path)
    try:
        with path.open("rb") as stream:
            body = stream.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise _broken(name, 1, f"cannot be read: {(error.strerror or type(error).__name__).lower()}") from error
    if len(body) > LARGEST_FILE_BYTES:
        raise _broken(name, 1, f"is larger than {LARGEST_FILE_BYTES >> 20} MiB")
    return parse(body, name, shipped=is_shipped(path))


def parse(body: bytes, name: str, *, shipped: bool = False) -> YamlFile:
    """Parse the text of a file; raises FileError where nothing of it can be used. shipped: it comes with inferdeck."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _broken(name, body.count(b"\n", 0, error.start) + 1, "is not UTF-8 text") from error
    node = _composed(text, name, shipped)
    file = YamlFile(name, Value(1, entries={}, key_line=1))
    if node is not None:
        file.root = _Reader(file).value(node, (), 0)
    if file.root.entries is None:
        raise _broken(name, file.root.line, f"expected a mapping (key: value), got {file.root.kind()}")
    return file


def unknown(name: str, known: Iterable[str], what: str) -> str:
    """Return what to say of a name that does not exist: the nearest that does, or all where they are few."""
    valid = sorted(set(known))
    near = difflib.get_close_matches(name, valid, 1, 0.6)
    if near:
        return f"unknown {what} {short(name)}, did you mean {short(near[0])}?"
    if not valid:
        return f"unknown {what} {short(name)}; there is none"
    if len(valid) <= 12:
        return f"unknown {what} {short(name)}; there are {', '.join(map(_plain, valid))}"
    return f"unknown {what} {short(name)}; docs/simulator.md lists what there is"


def short(text: str) -> str:
    """Return outside text in quotes, on one line and not endless."""
    return f'"{_plain(text)}"'


def key(path: KeyPath) -> str:
    """Return a path as people write it: agents[3].models."""
    out = ""
    for part in path:
        out += f"[{part}]" if isinstance(part, int) else f".{_plain(part)}" if out else _plain(part)
    return out


def _plain(text: str) -> str:
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _broken(name: str, line: int, message: str) -> FileError:
    return FileError([Problem(name, line, "", message)])


def _composed(text: str, name: str, shipped: bool) -> Node | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", YAMLWarning)
            node: Node | None = reader(shipped=shipped).compose(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _broken(name, line, f"is not YAML: {error.problem or 'it cannot be read'}") from error
    except RecursionError as error:
        raise _broken(name, 1, f"nested more than {DEEPEST} levels deep") from error
    except (YAMLError, AssertionError, ValueError) as error:
        reason = (str(error).splitlines() or ["it cannot be read"])[0]
        raise _broken(name, 1, f"is not YAML: {reason}") from error
    return node


class _Reader:
    """Turns nodes into values; aliases count each time they are used, so that a small file cannot grow large."""

    def __init__(self, file: YamlFile) -> None:
        self.file = file
        self.count = 0

    def value(self, node: Node, path: KeyPath, depth: int) -> Value:
        line = node.start_mark.line + 1
        self.count += 1
        if self.count > MOST_VALUES:
            raise _broken(self.file.name, line, f"more than {MOST_VALUES} values, aliases counted")
        if depth > DEEPEST:
            raise _broken(self.file.name, line, f"nested more than {DEEPEST} levels deep")
        if isinstance(node, SequenceNode):
            items = [self.value(item, (*path, place), depth + 1) for place, item in enumerate(node.value)]
            return Value(line, items=items, key_line=line)
        if isinstance(node, MappingNode):
            return Value(line, entries=self.entries(node, path, depth), key_line=line)
        assert isinstance(node, ScalarNode)  # noqa: S101
        quoted = bool(node.style)
        text = None if not quoted and node.value in _NULLS else node.value
        return Value(line, text=text, quoted=quoted, key_line=line)

    def entries(self, node: MappingNode, path: KeyPath, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                self.file.problems.append(Problem(self.file.name, line, key(path), "a key must be a single word"))
                continue
            name = str(key_node.value)
            if name in found:
                message = f"duplicate key, it stands in line {found[name].key_line} already"
                self.file.problems.append(Problem(self.file.name, line, key((*path, name)), message))
                continue
            found[name] = self.value(value_node, (*path, name), depth + 1)
            found[name].key_line = line
        return found
