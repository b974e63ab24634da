"""What is read out of a file of routes, whatever its form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from inferdeck.model.stack import RouteFallback, RouteTarget

ANY_ERROR = "any error"


@dataclass(frozen=True, slots=True)
class Keyed:
    """A value with its key in the file (`model_list[3].litellm_params.rpm`) and the key's line."""

    value: str
    key: str
    line: int


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment as the file has it; each value that the file gives stands in `keyed` under the fact's name."""

    target: RouteTarget
    key: str
    line: int
    keyed: Mapping[str, Keyed] = field(default_factory=dict)
    references: frozenset[str] = frozenset()
    """Names of values that come from the gateway's environment, so that the file does not tell them."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """A fallback as the file has it."""

    fallback: RouteFallback
    key: str
    line: int


@dataclass(frozen=True, slots=True)
class RouteFile:
    """What a file says of a gateway's routes."""

    deployments: tuple[Deployment, ...] = ()
    fallbacks: tuple[Fallback, ...] = ()
    settings: Mapping[str, Keyed] = field(default_factory=dict)
    """strategy, num_retries, timeout, as far as the file sets them."""
    problems: tuple[str, ...] = ()
    gateway: str = ""
    environment: str = ""
    missing: tuple[str, ...] = ()
    """What belongs to it and is not read here: files that it includes."""

    @property
    def models(self) -> frozenset[str]:
        """The public names that it has."""
        return frozenset(one.target.model for one in self.deployments)


def place_of(url: str) -> str:
    """Return a URL without user, password, query and fragment; "" for what is none."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}" if parts.scheme and parts.hostname else ""


def text_of(value: object) -> str:
    """Return a value as facts hold it: plain text, "" for what has no plain form."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)[:300] if isinstance(value, str | int) else ""
