"""Configuration files as they may be shown: secrets replaced, everything else, comments too, as it stands.

Three passes, each of which errs on the side of hiding. By structure, where the text is YAML or JSON: the values of keys
that are named like a secret's, everything in headers and lists of environment variables. By value: what was replaced
once is replaced wherever it stands again, passwords of URLs and other secrets that their form tells as whole words. By
form: model/masking.py. References (`os.environ/NAME`) stay: they are
what one wants to see.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from inferdeck.model.masking import MASK, mask, secrets_in

YAML_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
REFERENCE = re.compile(r"os\.environ/[A-Z_][A-Z0-9_]*|\$\{[A-Z_][A-Z0-9_]*\}")
"""A value that names an environment variable instead of holding a secret."""
_BEFORE = r"(?:^|[_.\-\s]|(?<=[a-z])(?=[A-Z]))"
_STRONG = re.compile(
    _BEFORE + r"(?:(?:api|access|secret|private|master|salt|signing|encryption|license|account|shared|public)[_-]?keys?"
    r"|secrets?|pass(?:word|wd|phrase|code)?s?|pwd|credentials?|authorization|cookies?|dsn|(?:database|db)[_-]?url"
    r"|connection[_-]?string|webhooks?(?:[_-]url)?|signature|bearer)$",
    re.IGNORECASE,
)
_WEAK = re.compile(_BEFORE + r"(?:keys?|tokens?|auth)$", re.IGNORECASE)
_WHOLE = re.compile(
    r"^(?:environment(?:_variables)?|env(?:_vars)?|(?:extra_|default_|custom_)?headers|cookies|vertex_credentials)$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[-+]?[\d_]{1,12}(?:\.\d*)?(?:e[-+]?\d{1,3})?", re.IGNORECASE)
_SMALL_NUMBER = re.compile(r"\d{1,5}")
_WORDS = frozenset({"", "~", "null", "none", "true", "false", "yes", "no", "on", "off"})
_QUERY = re.compile(r"(://[^\s\"'<>?#]{1,2000})([?#])[^\s\"'<>]+")
_ENTRY = re.compile(r"^(\s*(?:export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*=)(.*)$", re.MULTILINE)
_LINE = re.compile(
    r"^(?P<indent>[ \t]*)(?:#[ \t]*)?(?:-[ \t]+)?[\"']?(?P<key>[\w.-]{1,100})[\"']?[ \t]*:(?P<value>.*)$"
)
_SHORTEST = 6
_MOST_WORDS = 500
_DEEPEST = 100


@dataclass(frozen=True, slots=True)
class Masked:
    """A text as it may be shown, and what was taken out of it."""

    text: str
    values: frozenset[str] = frozenset()
    """Found by where they stood."""
    words: frozenset[str] = frozenset()
    """Found by their form."""

    def clear(self, text: str, keep: Collection[str] = ()) -> str:
        """Replace in another text what was taken out of this one, but plain words that are in `keep`."""
        values = [one for one in self.values if len(one) >= _SHORTEST and not (one.isalpha() and one in keep)]
        for value in sorted(values, key=len, reverse=True):
            text = text.replace(value, MASK)
        return _without(text, self.words)


def masked(text: str, name: str) -> str:
    """Return the text of a file of this name as it may be shown."""
    return understood(text, name).text


def understood(text: str, name: str) -> Masked:
    """Return the text of a file of this name as it may be shown, with what was taken out of it."""
    path = PurePath(name)
    words = secrets_in(text)
    values: frozenset[str] = frozenset()
    if path.suffix.lower() in YAML_SUFFIXES:
        structured = _by_structure(text)
        values = structured[1] if structured else values
        # What cannot be understood may hold a secret anywhere.
        text = _every_value(text) if structured is None else _by_lines(structured[0])
    elif path.name == ".env" or path.suffix == ".env":
        text = _ENTRY.sub(_entry, text)
    text = _QUERY.sub(rf"\1\2{MASK}", text)
    return Masked(_without(mask(text), words), values, words)


def _without(text: str, words: frozenset[str]) -> str:
    """Replace secrets where each stands as a word of its own."""
    for word in sorted(words, key=len, reverse=True)[:_MOST_WORDS]:
        if word in text:
            text = re.sub(rf"(?<![A-Za-z0-9_]){re.escape(word)}(?![A-Za-z0-9_])", MASK, text)
    return text


def is_secret(key: str, value: str) -> bool:
    """Return whether a key is named like a secret's, and the value is not a reference, a count or nothing."""
    if _is_nothing(value) or REFERENCE.fullmatch(value):
        return False
    return bool(_STRONG.search(key)) or (bool(_WEAK.search(key)) and not _NUMBER.fullmatch(value))


def _by_structure(text: str) -> tuple[str, frozenset[str]] | None:
    """Replace the scalars that are secrets by where they stand; returns those too; None for a text that is no YAML."""
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except (YAMLError, ValueError, AssertionError, RecursionError):
        return None
    secrets = {one.start_mark.index: one for one in _secrets(root, "", whole=False, depth=0, seen=set())}
    shown, values, end = [], set(), 0
    for start, node in sorted(secrets.items()):
        if start < end:
            continue
        shown += [text[end:start], _replacement(text[start : node.end_mark.index])]
        end = node.end_mark.index
        values.add(str(node.value).strip())
    result = "".join([*shown, text[end:]])
    for value in sorted((one for one in values if len(one) >= _SHORTEST), key=len, reverse=True):
        result = result.replace(value, MASK)
    return result, frozenset(values)


def _secrets(node: Node | None, key: str, *, whole: bool, depth: int, seen: set[int]) -> Iterator[ScalarNode]:
    """Yield the scalars that are secrets; `key` is the one they stand under, `whole` says that all of them are."""
    if node is None or depth > _DEEPEST or (not isinstance(node, ScalarNode) and id(node) in seen):
        return
    seen.add(id(node))
    if isinstance(node, ScalarNode):
        value = str(node.value).strip()
        if is_secret(key, value) or (whole and not _is_harmless(value)):
            yield node
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _secrets(item, key, whole=whole, depth=depth + 1, seen=seen)
    elif isinstance(node, MappingNode):
        inside = whole or bool(_STRONG.search(key)) or bool(_WHOLE.search(key))
        for name, value_node in node.value:
            below = str(name.value) if isinstance(name, ScalarNode) else ""
            deep = inside or bool(_WHOLE.search(below))
            yield from _secrets(value_node, below, whole=deep, depth=depth + 1, seen=seen)


def _replacement(raw: str) -> str:
    """Keep the quotes and the line that a block's text ended with."""
    quote = raw[:1] if raw[:1] in "\"'" else ""
    tail = raw[len(raw.rstrip()) :]
    return f"{quote}{MASK}{quote}{tail}"


def _by_lines(text: str) -> str:
    """Replace what stands behind a secret's key, and all lines below it that are indented further; comments too."""
    shown: list[str] = []
    below: int | None = None
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip())
        if below is not None and (not line.strip() or indent > below):
            # A mapping below a key that only looks like a secret's was handled by its own keys.
            shown.append(line[:indent] + MASK if line.strip() and line.strip() != MASK else line)
            continue
        below = None
        found = _LINE.match(line)
        if found is not None:
            value = found["value"].strip()
            bare = value.split(" #")[0].strip().strip("\"'")
            if is_secret(found["key"], bare) and MASK not in value and bare[:1] not in "{[&*":
                line = line[: found.start("value")] + f" {MASK}"
                if bare[:1] in "|>" or (value[:1] in "\"'" and value.count(value[0]) == 1):
                    below = indent
        shown.append(line)
    return "\n".join(shown)


def _every_value(text: str) -> str:
    """Keep keys, numbers, booleans and references."""
    shown = []
    for line in text.split("\n"):
        found = _LINE.match(line)
        if found is not None and not line.lstrip().startswith("#"):
            value = found["value"].strip()
            kept = _is_harmless(value.strip("\"'")) or _NUMBER.fullmatch(value)
            shown.append(line if kept else f"{line[: found.start('value')]} {MASK}")
        else:
            indent = len(line) - len(line.lstrip())
            shown.append(line[:indent] + MASK if line.strip() else line)
    return "\n".join(shown)


def _entry(found: re.Match[str]) -> str:
    value = found[2].strip().strip("\"'")
    return found[0] if _is_harmless(value) else found[1] + MASK


def _is_harmless(value: str) -> bool:
    return bool(_is_nothing(value) or REFERENCE.fullmatch(value) or _SMALL_NUMBER.fullmatch(value))


def _is_nothing(value: str) -> bool:
    return value.lower() in _WORDS or value == MASK
