"""The daemon of a demo. It is imported while the fleet comes to the present: all that a daemon needs takes seconds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from inferdeck.config.load import load
from inferdeck.config.schema import Settings
from inferdeck.config.targets import TargetFiles
from inferdeck.daemon import logs
from inferdeck.daemon.composition import Daemon
from inferdeck.demo.watched import of_target
from inferdeck.model.clock import SystemClock
from inferdeck.simulate import targets
from inferdeck.simulate.file_names import CONFIG, LOGS
from inferdeck.simulate.fleet import Fleet
from inferdeck.sources.assembly import Assembly
from inferdeck.sources.http import HttpClient
from inferdeck.sources.registry import config_classes

INTERVAL = "5s"
MARKS = {"simulated": "true"}
"""What every series of a demo carries."""
HOST = "127.0.0.1"
UNPLAYED = frozenset({"docker", "huggingface", "langfuse", "logs", "ollama"})
"""Kinds of sources that put their series together from several answers; their past begins with the demo."""


def configured(fleet: Fleet, urls: dict[str, str], port: int, config: Path) -> Settings:
    """Write the daemon's configuration and return it: this fleet, and nothing that it finds by itself."""
    folder = config.parent
    there = folder / "fleet"
    sources = {
        kind: [{**entry, "interval": INTERVAL} for entry in entries]
        for kind, entries in targets.entries(fleet, urls, there / LOGS).items()
    }
    data = {
        "environment": fleet.environment,
        "config_files": targets.config_files(fleet, there / CONFIG),
        "data_dir": str(folder / "data"),
        "listen": {"host": HOST, "port": port, "unix_socket": str(folder / "inferdeck.sock")},
        "log": {"file": str(folder / "inferdeck.log")},
        "discovery": {"enabled": False},
        "sources": sources,
    }
    text = StringIO()
    YAML(typ="safe").dump(data, text)
    config.touch(mode=0o600)
    config.write_text(text.getvalue())
    settings = load(path=config, environ={}, kinds=config_classes())
    logs.configure(settings)
    return settings


def daemon(
    settings: Settings, say: Callable[[str], None], note: Callable[[], str], fleet_serves: Callable[[], Awaitable[None]]
) -> Daemon:
    """Return the daemon, which asks nobody before the fleet serves."""
    return Daemon(settings, SystemClock(), say, note, MARKS, fleet_serves)


def watched(settings: Settings) -> dict[str, Any]:
    """Return what players must know of the targets that show all they have in one exposition, by program."""
    found = Assembly(HttpClient(), SystemClock(), settings.environment).configured(settings, TargetFiles())[0]
    return {one.name: of_target(one).as_json() for one in found.values() if one.source.kind not in UNPLAYED}
