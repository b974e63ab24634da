"""One configuration file as it stands on disk: read within bounds, masked, understood as far as its kind is known."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from inferdeck.config import document
from inferdeck.errors import ConfigError
from inferdeck.routing import litellm_file, mappings
from inferdeck.routing.interface import RouteFile
from inferdeck.routing.mappings_schema import Provider
from inferdeck.routing.masked import Masked, masked, understood

READ, MISSING, UNREADABLE, INVALID = ("read", "missing", "unreadable", "invalid")
LITELLM, MAPPINGS, PROVIDERS, SYSTEMD, OTHER = ("litellm", "model_mappings", "providers", "systemd", "other")
KINDS = (LITELLM, MAPPINGS, PROVIDERS, SYSTEMD, OTHER)
WITH_ROUTES = (LITELLM, MAPPINGS)
LARGEST_BYTES = document.LARGEST_FILE_BYTES
MOST_SHOWN = 256 * 1024
"""Characters of a content that are kept and shown."""


@dataclass(frozen=True, slots=True)
class Named:
    """A file that something names."""

    path: str
    kind: str
    gateway: str = ""
    environment: str = ""
    origin: str = "config_files"


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds now; `text` is masked and cut. `stamp` tells cheaply whether it may have changed."""

    state: str
    error: str = ""
    hash: str = ""
    size: int | None = None
    modified: float | None = None
    text: str = ""
    truncated: bool = False
    routes: RouteFile | None = None
    providers: Mapping[str, Provider] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    stamp: tuple[int, ...] = ()


def kind_of(path: str) -> str:
    """Return what a file is by its name."""
    name = Path(path).name.lower()
    if name.startswith(("model-mappings.", "model_mappings.")):
        return MAPPINGS
    if name in ("providers.yaml", "providers.yml"):
        return PROVIDERS
    if "litellm" in name and name.endswith((".yaml", ".yml")):
        return LITELLM
    return SYSTEMD if name.endswith((".service", ".socket", ".timer")) else OTHER


def stamp(path: str) -> tuple[int, ...]:
    """Return what changes with nearly every write of a file; () where it is not there."""
    try:
        found = Path(path).stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_ctime_ns


def read(named: Named, hide: Callable[[str], str], beside: Mapping[str, Provider] | None = None) -> Content:
    """Read and understand a file; what goes wrong is part of the answer."""
    path = Path(named.path)
    before = stamp(named.path)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return Content(UNREADABLE, f"{named.path}: is no file", stamp=before)
        with path.open("rb") as stream:
            body = stream.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        return Content(MISSING, f"{named.path}: no such file", stamp=before)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        return Content(UNREADABLE, f"{named.path}: {reason}; let the daemon's user read it", stamp=before)
    if len(body) > LARGEST_BYTES:
        error_text = f"{named.path}: is larger than {LARGEST_BYTES >> 20} MiB, so it is no configuration"
        return Content(UNREADABLE, error_text, size=found.st_size, modified=found.st_mtime, stamp=before)
    shown = understood(body.decode("utf-8", "replace"), path.name)
    text = hide(shown.text)
    content = Content(
        READ,
        hash=hashlib.sha256(body).hexdigest(),
        size=found.st_size,
        modified=found.st_mtime,
        text=text[:MOST_SHOWN],
        truncated=len(text) > MOST_SHOWN,
        stamp=before,
    )
    return _read(content, named, body, lambda told: hide(shown.clear(told)), shown, beside)


def _read(
    content: Content,
    named: Named,
    body: bytes,
    hide: Callable[[str], str],
    shown: Masked,
    beside: Mapping[str, Provider] | None,
) -> Content:
    if named.kind not in (LITELLM, MAPPINGS, PROVIDERS):
        return content
    try:
        parsed = document.parse(body, Path(named.path).name)
    except ConfigError as error:
        return replace(content, state=INVALID, error=hide(str(error)))
    if named.kind == PROVIDERS:
        found, problems = mappings.providers(parsed)
        return replace(content, providers=found, problems=_safe(problems, hide))
    routes = litellm_file.read(parsed) if named.kind == LITELLM else mappings.read(parsed, beside)
    providers = {one.target.provider for one in routes.deployments}
    cleared: RouteFile = _cleared(routes, lambda told: shown.clear(told, keep=providers))
    return replace(content, routes=cleared, problems=_safe(routes.problems, hide))


def _cleared(value: Any, clear: Callable[[str], str]) -> Any:
    """Return values of a file with every text in them cleared: a secret of one key may stand in another."""
    if isinstance(value, str):
        return clear(value)
    if isinstance(value, tuple | frozenset):
        return type(value)(_cleared(one, clear) for one in value)
    if isinstance(value, Mapping):
        return {name: _cleared(one, clear) for name, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: _cleared(getattr(value, one.name), clear) for one in fields(value)})
    return value


_MOST_PROBLEMS = 100


def _safe(problems: tuple[str, ...], hide: Callable[[str], str]) -> tuple[str, ...]:
    """What is wrong may quote what stands in the file."""
    return tuple(hide(masked(one, "")) for one in problems[:_MOST_PROBLEMS])
