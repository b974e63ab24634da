"""Docker's `filters` parameter: which containers and which events are meant."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from inferdeck.simulate.servers.docker.containers import Container, Happening

Filters = Mapping[str, frozenset[str]]
_CONTAINER = frozenset(
    [
        "ancestor",
        "before",
        "expose",
        "exited",
        "health",
        "id",
        "isolation",
        "is-task",
        "label",
        "name",
        "network",
        "publish",
        "since",
        "status",
        "volume",
    ]
)
_EVENT = frozenset(
    [
        "config",
        "container",
        "daemon",
        "event",
        "image",
        "label",
        "network",
        "node",
        "plugin",
        "scope",
        "secret",
        "service",
        "type",
        "volume",
    ]
)
_STATES = frozenset(["created", "running", "paused", "restarting", "removing", "exited", "dead"])


class BadFilterError(Exception):
    """The filters are no JSON object of lists or maps, or name what there is not; with the status of the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def read(text: str, events: bool = False) -> Filters:
    """Return the filters; a map {"running": true} means its keys. Raises BadFilterError."""
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BadFilterError(500, _go_complaint(text)) from error
    if not isinstance(found, dict):
        raise BadFilterError(500, f"json: cannot unmarshal {_go_type(found)} into Go value of type map[string][]string")
    filters = {}
    for name, values in found.items():
        if not isinstance(values, list | dict):
            raise BadFilterError(500, f"json: cannot unmarshal {_go_type(values)} into Go value of type []string")
        if name not in (_EVENT if events else _CONTAINER):
            raise BadFilterError(400, f"Invalid filter '{name}'")
        filters[name] = frozenset(map(str, values))
    if bad := filters.get("status", frozenset()) - _STATES:
        raise BadFilterError(400, f"invalid filter 'status={min(bad)}'")
    return filters


def container(one: Container, filters: Filters, network: str) -> bool:
    """Return whether a container is meant: all names, any value of each (all labels)."""
    looks: dict[str, Callable[[str], object]] = {
        "ancestor": lambda value: value in (one.facts.image, one.facts.image.rpartition(":")[0], one.image_id),
        "exited": lambda value: one.status == "exited" and value == str(one.exit_code),
        "health": lambda value: value == (one.health or "none"),
        "id": lambda value: one.id.startswith(value),
        "name": lambda value: re.search(value, one.facts.name) or re.search(value, f"/{one.facts.name}"),
        "network": lambda value: value == network,
        "publish": lambda value: value.partition("/")[0] == str(one.facts.port),
        "expose": lambda value: value.partition("/")[0] == str(one.facts.port),
        "status": lambda value: value == one.status,
    }
    for name, values in filters.items():
        if name == "label":
            if not all(_label(dict(one.facts.labels), value) for value in values):
                return False
        elif name in looks and not any(looks[name](value) for value in values):
            return False
    return True


def happening(one: Happening, filters: Filters) -> bool:
    """Return whether an event is meant."""
    name = one.attributes.get("name", "")
    looks: dict[str, Callable[[str], object]] = {
        "type": lambda value: value == one.type,
        "event": lambda value: value in (one.action, one.action.partition(":")[0]),
        "container": lambda value: one.type == "container" and value in (name, one.id, one.id[:12]),
        "image": lambda value: (
            value in (one.attributes.get("image"), one.attributes.get("image", "").partition(":")[0])
        ),
        "network": lambda value: one.type == "network" and value in (name, one.id),
        "scope": lambda value: value == "local",
    }
    for key, values in filters.items():
        if key == "label":
            if not all(_label(one.attributes, value) for value in values):
                return False
        elif key in looks:
            if not any(looks[key](value) for value in values):
                return False
        else:
            return False
    return True


def _label(labels: Mapping[str, str], wanted: str) -> bool:
    key, equals, value = wanted.partition("=")
    return key in labels and (not equals or labels[key] == value)


def _go_complaint(text: str) -> str:
    letter = text.strip()[:1]
    if letter and letter not in '{["-0123456789tfn':
        return f"invalid character '{letter}' looking for beginning of value"
    return "unexpected end of JSON input"


def _go_type(value: object) -> str:
    names = {str: "string", bool: "bool", list: "array", type(None): "null"}
    return names.get(type(value), "number")
