"""A YAML file as plain data that knows the line of every key, read without trusting its author."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLWarning
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from inferdeck.errors import ConfigError
from inferdeck.shipped import is_shipped, reader

LARGEST_FILE_BYTES = 1 << 20
MOST_VALUES = 20_000
DEEPEST = 50
KeyPath = tuple[str | int, ...]
_PREFIX = "tag:yaml.org,2002:"
_COLLECTIONS = (f"{_PREFIX}map", f"{_PREFIX}seq")
_PLAIN_WORDS = {
    "but found another document": "a second document begins here; write all settings in one",
    "mapping values are not allowed here": "a key where none is expected; check the indentation",
}
_IN_WORDS = (
    (r"expected ',' or '\]'", "the list that begins with [{begun} goes on wrongly; a , or its ] is missing"),
    (r"expected ',' or '}'", "the mapping that begins with {{{begun} goes on wrongly; a , or its }} is missing"),
    (r"expected <block end>", "does not fit what begins{begun}; check the indentation and the quotes"),
    (r"expected the node content", "a value is missing"),
    (
        r"found unknown escape character",
        "\\ before a letter that is no escape, in double quotes; single quotes take any text",
    ),
    (r"found unexpected end of stream", "the file ends before the quote that begins{begun} is closed"),
    (r"found character '(.)' that cannot start any token", "a value that begins with {0} needs quotes"),
    (r"found character '\\t' that", "a tab where YAML wants a space"),
)
"""What the parser says, and how people say it."""
_QUOTED = re.compile(r"'([^']*)'")
_KINDS = {"int": "a whole number", "float": "a number"}
_WORDS = {"true": True, "false": False}


@dataclass(slots=True)
class Document:
    """One file: `data` is None where it is empty; `lines` gives the 1-based line of every key path."""

    name: str
    data: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    """Full messages, "file:line: …"; `data` holds what could be read all the same."""

    def place(self, path: KeyPath) -> str:
        """Return "file:line" of the key, or of the nearest key above it that has a line."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return f"{self.name}:{self.lines[path[:length]]}"
        return self.name


def read(path: Path, name: str | None = None) -> Document:
    """Read one YAML or JSON file; raises ConfigError where nothing of it can be used."""
    shown = name or path.name
    return parse(_bytes(path, shown), shown, shipped=is_shipped(path))


def read_json(path: Path, name: str) -> Document:
    """Read one JSON file a hundred times faster than `read`, without lines; raises ConfigError."""
    try:
        return Document(name, json.loads(_bytes(path, name)))
    except json.JSONDecodeError as error:
        raise ConfigError(f"{name}:{error.lineno}: is not JSON: {error.msg.lower()}") from error
    except RecursionError as error:
        raise ConfigError(f"{name}: nested too deep") from error
    except ValueError as error:
        raise ConfigError(f"{name}: is not UTF-8 text") from error


def parse(body: bytes, name: str, *, shipped: bool = False) -> Document:
    """Parse the text of one file; raises ConfigError where nothing of it can be used. shipped: it comes with us."""
    root = _compose(_text(body, name), name, shipped)
    document = Document(name)
    if root is not None:
        document.data = _Reader(document).value(root, (), 0)
    return document


def _bytes(path: Path, name: str) -> bytes:
    if path.is_dir():
        raise ConfigError(f"{name}: is a directory, not a file")
    try:
        with path.open("rb") as stream:
            body = stream.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ConfigError(f"{name}: cannot be read: {reason}") from error
    if len(body) > LARGEST_FILE_BYTES:
        raise ConfigError(f"{name}: is larger than {LARGEST_FILE_BYTES >> 20} MiB, so it is no configuration")
    return body


def _text(body: bytes, name: str) -> str:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: is not UTF-8 text") from error
    for number, line_text in enumerate(text.split("\n"), start=1):
        if line_text.isprintable():
            continue
        strange = next((c for c in line_text if not c.isprintable() and c not in "\t\r\u00a0"), None)
        if strange is not None:
            raise ConfigError(f"{name}:{number}: the character U+{ord(strange):04X} may not stand in a text file")
        if "\t" in line_text[: len(line_text) - len(line_text.lstrip())]:
            raise ConfigError(f"{name}:{number}: indented with a tab; YAML wants spaces")
    return text


def _compose(text: str, name: str, shipped: bool) -> Node | None:
    yaml = reader(shipped=shipped)
    try:
        with warnings.catch_warnings():
            # ruamel warns of anchors defined twice; the last one wins, as YAML says.
            warnings.simplefilter("ignore", YAMLWarning)
            node: Node | None = yaml.compose(text)
    except MarkedYAMLError as error:
        raise ConfigError(_syntax(error, name)) from error
    except RecursionError as error:
        raise ConfigError(f"{name}: nested more than {DEEPEST} levels deep") from error
    except (YAMLError, AssertionError, ValueError) as error:
        reason = (str(error).splitlines() or ["its header cannot be read"])[0]
        raise ConfigError(f"{name}: is not YAML: {reason}") from error
    return node


def _syntax(error: MarkedYAMLError, name: str) -> str:
    line = error.problem_mark.line + 1 if error.problem_mark else 1
    problem = str(error.problem or "cannot be read as YAML")
    problem = _PLAIN_WORDS.get(problem, problem.replace("'<stream end>'", "the end of the file"))
    if problem.startswith("found undefined alias"):
        problem = "an alias (*) without its anchor (&); a value that begins with * needs quotes"
    begun = error.context_mark.line + 1 if error.context_mark else line
    where = f" in line {begun}" if begun != line else " in this line"
    for pattern, words in _IN_WORDS:
        if found := re.match(pattern, problem):
            return f"{name}:{line}: {words.format(*found.groups(), begun=where)}"
    # What stands in quotes may be a piece of a secret; a quote in it may hide where it ends.
    whole = problem.count("'") % 2 == 0
    problem = _QUOTED.sub(_single, problem) if whole else re.sub(r"'.*'", "'…'", problem, flags=re.DOTALL)
    return f"{name}:{line}: {problem}"


def _single(found: re.Match[str]) -> str:
    return found[0] if len(found[1]) <= 1 else "'…'"


class _Reader:
    """Turns nodes into data; aliases count each time they are used, so that a small file cannot grow large."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.count = 0
        self.open: set[int] = set()

    def value(self, node: Node, path: KeyPath, depth: int) -> Any:
        self.count += 1
        line = node.start_mark.line + 1
        if self.count > MOST_VALUES:
            raise ConfigError(f"{self.document.name}:{line}: more than {MOST_VALUES} values, aliases counted")
        if depth > DEEPEST:
            raise ConfigError(f"{self.document.name}:{line}: nested more than {DEEPEST} levels deep")
        self.document.lines.setdefault(path, line)
        if isinstance(node, ScalarNode):
            return self.scalar(node, path)
        if id(node) in self.open:
            raise ConfigError(f"{self.document.name}:{line}: an alias that contains itself")
        self.open.add(id(node))
        try:
            return self.collection(node, path, depth)
        finally:
            self.open.discard(id(node))

    def collection(self, node: Node, path: KeyPath, depth: int) -> Any:
        if str(node.tag) not in _COLLECTIONS:
            self.tag_problem(node, path)
            return None
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, index), depth + 1) for index, item in enumerate(node.value)]
        assert isinstance(node, MappingNode)  # noqa: S101
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        merges = [pair for pair in node.value if str(pair[0].tag) == f"{_PREFIX}merge"]
        for _, value_node in merges:
            self.merge(merged, value_node, path, depth)
        for key_node, value_node in node.value:
            if str(key_node.tag) == f"{_PREFIX}merge":
                continue
            key = self.key(key_node, path)
            if key is None:
                continue
            if key in found:
                first = self.document.lines[(*path, key)]
                self.problem(key_node, (*path, key), f"duplicate key, it stands in line {first} already")
                continue
            self.document.lines[(*path, key)] = key_node.start_mark.line + 1
            found[key] = self.value(value_node, (*path, key), depth + 1)
        return {**merged, **found}

    def merge(self, into: dict[str, Any], node: Node, path: KeyPath, depth: int) -> None:
        for item in node.value if isinstance(node, SequenceNode) else [node]:
            if not isinstance(item, MappingNode):
                self.problem(item, path, "<< wants a mapping or a list of mappings")
                continue
            for key, value in self.value(item, path, depth + 1).items():
                into.setdefault(key, value)

    def key(self, node: Node, path: KeyPath) -> str | None:
        if isinstance(node, ScalarNode):
            return str(node.value)
        self.problem(node, path, "a key is text, not a list or a mapping")
        return None

    def scalar(self, node: ScalarNode, path: KeyPath) -> Any:
        tag, text = str(node.tag), str(node.value)
        kind = tag.removeprefix(_PREFIX)
        if not tag.startswith(_PREFIX) or kind not in ("str", "int", "float", "bool", "null", "timestamp", "merge"):
            self.tag_problem(node, path)
            return None
        try:
            return _scalar(kind, text)
        except ValueError:
            self.problem(node, path, f"cannot be read as {_KINDS.get(kind, kind)}")
            return None

    def tag_problem(self, node: Node, path: KeyPath) -> None:
        """The tag is not shown: it may be a password that begins with an exclamation mark."""
        self.problem(node, path, "YAML tags are not understood here; a value that begins with ! needs quotes")

    def problem(self, node: Node, path: KeyPath, message: str) -> None:
        key = f"{shown(path)}: " if path else ""
        self.document.problems.append(f"{self.document.name}:{node.start_mark.line + 1}: {key}{message}")


def shown(path: KeyPath) -> str:
    """Return the path as people read it: sources.litellm[1].url."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _scalar(kind: str, text: str) -> Any:
    if kind == "int":
        plain = text.replace("_", "")
        return int(plain) if plain.lstrip("+-").isdecimal() else int(plain, 0)
    if kind == "float":
        return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
    if kind == "bool":
        return _WORDS.get(text.lower(), text)
    return None if kind == "null" else text
