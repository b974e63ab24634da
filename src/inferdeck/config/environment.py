"""Environment variables over the file: INFERDECK_LISTEN__PORT sets listen.port; empty variables count as unset."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from inferdeck.config.document import KeyPath
from inferdeck.config.keys import PREFIX, Setting
from inferdeck.config.secrets import EnvText

RESERVED = frozenset({"INFERDECK_CONFIG", "INFERDECK_URL", "INFERDECK_TOKEN", "INFERDECK_TOKEN_FILE"})
"""Read elsewhere: which file, which daemon a command asks, and with which token."""


@dataclass(frozen=True, slots=True)
class ForeignVariables:
    """Variables of other programs that say where a source is; `keys` fill a key that is not set otherwise."""

    host: str
    port: int
    keys: tuple[str, ...] = ()


FOREIGN: Mapping[str, ForeignVariables] = {
    "litellm": ForeignVariables("LITELLM_HOST", 4000, ("LITELLM_MASTER_KEY", "LITELLM_API_KEY")),
    "prometheus": ForeignVariables("PROMETHEUS_HOST", 9090),
}


@dataclass(slots=True)
class Overrides:
    """What the environment changed: the variable per key path, and what could not be used."""

    origins: dict[KeyPath, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def apply(
    data: dict[str, Any], environ: Mapping[str, str], table: Iterable[Setting], kinds: Iterable[str]
) -> Overrides:
    """Write the environment's values into `data` (raw, as read from the file); they win over the file."""
    found = Overrides()
    for kind in sorted(set(kinds) & FOREIGN.keys()):
        _foreign(data, kind, environ, found)
    settings = {setting.variable: setting for setting in table if setting.variable}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in RESERVED and environ[name]:
            _own(data, name, environ[name], settings, found)
    return found


def host_url(text: str, port: int) -> str:
    """Return the URL that host, host:port or a URL means."""
    text = text.strip()
    if "://" in text:
        return text
    host = f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text
    return f"http://{host}" if re.search(r":\d+(/|$)", host.rpartition("]")[2]) else f"http://{host}:{port}"


def _own(data: dict[str, Any], name: str, text: str, settings: Mapping[str, Setting], found: Overrides) -> None:
    parts = name.removeprefix(PREFIX).split("__")
    setting = settings.get(PREFIX + "__".join(part for part in parts if not part.isdecimal()))
    if setting is None:
        _unknown(name, settings, found)
        return
    names = iter(setting.path)
    path = tuple(int(part) if part.isdecimal() else next(names) for part in parts)
    problem = _put(data, path, EnvText(text), found.origins, name)
    if problem:
        found.problems.append(f"{name}: {problem}")


def _unknown(name: str, settings: Mapping[str, Setting], found: Overrides) -> None:
    """A name without __ may be nobody's mistake: Kubernetes sets INFERDECK_PORT for a service called inferdeck."""
    close = difflib.get_close_matches(name, settings, 1, 0.8)
    hint = f", did you mean {close[0]}?" if close else "; docs/configuration.md lists them all"
    if "__" in name:
        found.problems.append(f"{name}: unknown setting{hint}")
    elif close and not re.search(r"_(SERVICE|PORT)(_|$)", name):
        found.warnings.append(f"{name}: unknown setting, ignored{hint}")


def _foreign(data: dict[str, Any], kind: str, environ: Mapping[str, str], found: Overrides) -> None:
    names = FOREIGN[kind]
    host = environ.get(names.host, "").strip()
    entries = (data.get("sources") or {}).get(kind) if isinstance(data.get("sources") or {}, dict) else ()
    if host and isinstance(entries, list) and len(entries) > 1:
        found.warnings.append(f"{names.host}: ignored, because the file lists {len(entries)} entries of {kind}")
    elif host:
        _put(data, ("sources", kind, "url"), EnvText(host_url(host, names.port)), found.origins, names.host)
    elif not entries:
        return
    key = next((name for name in names.keys if environ.get(name)), None)
    entry = _only(data["sources"].get(kind)) if isinstance(data.get("sources"), dict) else None
    if key and entry is not None and not entry.get("key") and not entry.get("basic_auth"):
        _put(data, ("sources", kind, "key"), EnvText(environ[key]), found.origins, key)


def _only(entries: Any) -> dict[str, Any] | None:
    """Return the one entry there is, else None."""
    if isinstance(entries, list):
        entries = entries[0] if len(entries) == 1 else None
    return entries if isinstance(entries, dict) else None


def _put(data: dict[str, Any], path: KeyPath, text: EnvText, origins: dict[KeyPath, str], name: str) -> str:
    """Set one value, making the sections on the way; return what is wrong, "" where nothing is."""
    node: Any = data
    taken: KeyPath = ()
    for part, after in pairwise(path):
        if isinstance(node, list) and not isinstance(part, int):
            if len(node) != 1:
                return f"the file lists {len(node)} entries there; say which one: __0__ is the first"
            node, taken = node[0], (*taken, 0)
        child = _child(node, part, as_list=isinstance(after, int))
        if child is None:
            return f"{part} is not an entry of the file; the numbers start at 0 and have no gaps"
        node, taken = child, (*taken, part)
    if isinstance(node, list) and len(node) == 1:
        node, taken = node[0], (*taken, 0)
    elif isinstance(node, list):
        return f"the file lists {len(node)} entries there; say which one: __0__ is the first"
    if isinstance(node, dict):
        node[str(path[-1])] = text
        origins[(*taken, path[-1])] = name
    return ""


def _child(node: Any, part: str | int, *, as_list: bool) -> Any:
    """Return what stands below, made where it is missing; a wrong type comes back as it is, for the checker."""
    empty: Any = [] if as_list else {}
    if isinstance(node, list) and isinstance(part, int):
        if part == len(node):
            node.append(empty)
        return node[part] if part < len(node) else None
    if not isinstance(node, dict) or isinstance(part, int):
        return node
    if node.get(part) is None:
        node[part] = empty
    elif as_list and isinstance(node[part], dict):
        node[part] = [node[part]]
    return node[part]
