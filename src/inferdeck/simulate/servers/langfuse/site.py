"""What a route is given: the records, this server's version and clock, and the request's parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from inferdeck.simulate.servers.langfuse.models import Models
from inferdeck.simulate.servers.langfuse.records import instant
from inferdeck.simulate.servers.langfuse.refused import invalid
from inferdeck.simulate.servers.langfuse.window import Window

if TYPE_CHECKING:
    from multidict import MultiMapping

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Asked:
    """One GET request."""

    window: Window
    models: Models
    version: tuple[int, ...]
    created: int
    """When this instance was set up (ms)."""
    query: MultiMapping[str]
    names: Mapping[str, str]
    """What the path holds."""

    def text(self, name: str) -> str | None:
        """Return a parameter; None where it is absent or empty."""
        return self.query.get(name) or None

    def several(self, name: str) -> list[str]:
        """Return a parameter that may be repeated or hold a list with commas."""
        return [part for value in self.query.getall(name, []) for part in value.split(",") if part]

    def whole(self, name: str, default: int, largest: int, smallest: int = 1) -> int:
        """Return a whole number within bounds; raises RefusedError with Langfuse's 400."""
        text = self.text(name)
        if text is None:
            return default
        if not text.lstrip("-").isdigit():
            raise invalid(name, "Invalid input: expected number, received NaN")
        value = int(text)
        if value > largest:
            raise invalid(name, f"Too big: expected number to be <={largest}")
        if value < smallest:
            raise invalid(name, f"Too small: expected number to be >={smallest}")
        return value

    def moment(self, name: str) -> int | None:
        """Return a time in milliseconds; raises RefusedError with Langfuse's 400."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return instant(text.replace(" ", "+"))
        except ValueError as error:
            raise invalid(name, "Invalid ISO datetime") from error

    def boolean(self, name: str) -> bool | None:
        """Return a truth value; raises RefusedError with Langfuse's 400."""
        text = self.text(name)
        if text not in (None, "true", "false", "True", "False"):
            raise invalid(name, "Invalid option: expected one of true|false")
        return None if text is None else text.lower() == "true"

    def groups(self, name: str, known: Sequence[str], default: tuple[str, ...]) -> tuple[str, ...]:
        """Return the field groups asked for, without those that do not exist."""
        text = self.text(name)
        return default if text is None else tuple(part for part in map(str.strip, text.split(",")) if part in known)


def page(asked: Asked, items: Sequence[Item], largest: int = 100) -> tuple[Sequence[Item], dict[str, Any]]:
    """Return the page asked for, with the `meta` that goes with it."""
    number, limit = asked.whole("page", 1, 10**9), asked.whole("limit", 50, largest)
    first = (number - 1) * limit
    meta = {
        "page": number,
        "limit": limit,
        "totalItems": len(items),
        "totalPages": math.ceil(len(items) / limit),
    }
    return items[first : first + limit], meta
