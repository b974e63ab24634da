"""What widgets need while no daemon runs: where the data directory is, and what may be asked without harm.

Two files: a note under the configuration file's path (config/places.py), so that a widget finds the data directory
without reading the configuration; and targets.json in the data directory, which holds no key and no URL with anything
but a host and a port: `{"targets": [{"name", "kind", "role", "environment", "host", "port", "path"}]}`. An empty
path: connect, ask nothing; role: gateway, engine or "", what it is to the state of the whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from inferdeck.config import places
from inferdeck.model.clock import Clock
from inferdeck.model.target import TargetState
from inferdeck.query.status import in_order, port_of
from inferdeck.render.widgets.health import ENGINES, GATEWAYS

_log = logging.getLogger(__name__)

NAME = "targets.json"
LOOK_SECONDS = 10.0
MOST_TARGETS = 64
HARMLESS = {
    "litellm": "/health/liveliness",
    "vllm": "/health",
    "sglang": "",
    "tgi": "/info",
    "llamacpp": "/health",
    "ollama": "/api/version",
    "redis": "",
    "langfuse": "",
    "dcgm": "",
    "prometheus": "",
}
"""What each kind may be asked, in the order in which they are shown: neither costs money, wakes a model nor counts as
traffic (sources/marks.py and the sources' own probes). SGLang's /health generates a token, so it is asked nothing."""


def targets(states: Iterable[TargetState]) -> list[dict[str, Any]]:
    """Return what may be asked of each target that listens on a port, gateways and engines first."""
    kinds = list(HARMLESS)
    known = [state for state in in_order(states) if state.source_kind in HARMLESS]
    known.sort(key=lambda state: kinds.index(state.source_kind))
    several = len({state.key.environment for state in known}) > 1
    found = [_target(state, several=several) for state in known]
    return [one for one in found if one is not None][:MOST_TARGETS]


def _target(state: TargetState, *, several: bool) -> dict[str, Any] | None:
    try:
        parts = urlsplit(state.url)
        host = parts.hostname
    except ValueError:
        return None
    port = port_of(state.url, state.key.instance)
    if not host or port is None or parts.scheme in ("unix", ""):
        return None
    name = state.name if state.name not in ("", state.key.instance) else state.source_kind
    # Below a path of its own, or behind TLS, the question might be another one: then none is asked.
    plain = parts.scheme == "http" and parts.path in ("", "/")
    return {
        "name": f"{state.key.environment} {name}" if several else name,
        "kind": state.source_kind,
        "role": "gateway" if state.source_kind in GATEWAYS else "engine" if state.source_kind in ENGINES else "",
        "environment": state.key.environment,
        "host": host,
        "port": port,
        "path": HARMLESS[state.source_kind] if plain else "",
    }


def write(folder: Path, found: list[dict[str, Any]]) -> None:
    """Leave the file for our user alone, in one step; raises OSError."""
    _replace(folder / NAME, json.dumps({"targets": found}, indent=1) + "\n")


def note(environ: Mapping[str, str], file: Path | None, data_dir: Path) -> None:
    """Note the data directory under the configuration file's path, and forget files that are gone; raises OSError."""
    place = places.note_of(environ, file) if file is not None else None
    if place is None or file is None:
        return
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _replace(place, f"{data_dir.absolute()}\n")
    folder = Path(str(place).removesuffix(f"{os.path.abspath(file)}.data_dir"))  # noqa: PTH100
    for one in list(folder.rglob("*.data_dir")):
        if not Path("/", one.relative_to(folder).with_suffix("")).exists():
            one.unlink(missing_ok=True)
            for empty in one.parents:
                if empty == folder or not empty.is_relative_to(folder) or any(empty.iterdir()):
                    break
                empty.rmdir()


async def keep_writing(
    states: Callable[[], list[TargetState]], file: Path | None, data_dir: Path, clock: Clock
) -> None:
    """Keep both files until cancelled; a file that cannot be written is said once and tried again."""
    written: list[dict[str, Any]] | None = None
    told = False
    with contextlib.suppress(OSError):
        await asyncio.to_thread(note, os.environ, file, data_dir)
    while True:
        found = targets(states())
        if found != written:
            try:
                await asyncio.to_thread(write, data_dir, found)
                written, told = found, False
            except OSError as error:
                if not told:
                    _log.warning("%s cannot be written, widgets do without: %s", data_dir / NAME, error.strerror)
                told = True
        await clock.sleep(LOOK_SECONDS)


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8", errors="surrogateescape")
    draft.replace(path)
