"""What Langfuse's public API says of itself, as values (web/public/generated/api/openapi.yml of langfuse/langfuse)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Health:
    """GET /api/public/health; status is "OK", or what is wrong."""

    status: str
    version: str

    @property
    def ok(self) -> bool:
        """Whether it says that it is well."""
        return self.status.upper() == "OK"

    @property
    def major(self) -> int:
        """The version's first number, 0 where it has none."""
        found = re.match(r"\d+", self.version)
        return int(found[0]) if found else 0


@dataclass(frozen=True, slots=True)
class Project:
    """The project that the keys belong to."""

    id: str
    name: str
    organization: str = ""


def health(body: bytes) -> Health | None:
    """Read /api/public/health; None where the body is not its JSON."""
    found = mapping(body)
    if not isinstance(found.get("status"), str) or "version" not in found:
        return None
    return Health(text(found["status"]), text(found["version"]))


def projects(body: bytes) -> tuple[Project, ...]:
    """Read /api/public/projects; older versions name no organization."""
    found = []
    entries = mapping(body).get("data")
    for entry in entries[:100] if isinstance(entries, list) else ():
        if isinstance(entry, dict) and (name := text(entry.get("name"))):
            organization = entry.get("organization")
            owner = text(organization.get("name")) if isinstance(organization, dict) else ""
            found.append(Project(text(entry.get("id")), name, owner))
    return tuple(found)


def notice(body: bytes) -> str:
    """Return what a legacy route of the cloud says of its own end, "" where it says nothing."""
    found = mapping(body).get("_deprecation")
    return text(found.get("message"))[:200] if isinstance(found, dict) else ""


def instant(moment: float) -> str:
    """Return Unix seconds as Langfuse wants a time."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def mapping(body: bytes) -> Mapping[str, Any]:
    """Return a JSON object, an empty one where the body is none."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def text(value: Any) -> str:
    """Return a text of bounded length, "" for anything else."""
    return value[:200] if isinstance(value, str) else ""
