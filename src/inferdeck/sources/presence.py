"""What is on this machine without listening: NVIDIA's driver, systemd, the journal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class Local:
    """One thing that this machine may have; `seen` says by what it shows, "" where it has it not."""

    kind: str
    title: str
    seen: Callable[[], str]
    fix: str = ""
    """The line that watches it, where somebody must say what of it is wanted."""


def local(environ: Mapping[str, str] = os.environ, root: Path = ROOT) -> tuple[Local, ...]:
    """Return what is looked for."""
    return (
        Local("nvidia", "NVIDIA GPUs", lambda: _nvidia(root)),
        Local("systemd", "systemd", lambda: _systemd(environ, root)),
        Local("logs", "the journal", lambda: _journal(root), "sources: {logs: [{journal: [litellm.service]}]}"),
        # Of one kind the last that is there counts: a command that is named is read without being asked for.
        Local("logs", "the command in LITELLM_LOG_SOURCE", lambda: _command(environ)),
    )


def _nvidia(root: Path) -> str:
    # Every kind is imported where it is used: this one brings the driver's bindings along.
    module = import_module("inferdeck.sources.nvidia.presence")
    return "NVIDIA's driver is there" if module.present(root) else ""


def _systemd(environ: Mapping[str, str], root: Path) -> str:
    if (root / "run/systemd/system").is_dir():
        return "/run/systemd/system is there"
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if runtime and (Path(runtime) / "systemd" / "private").is_socket():
        return "a service manager of the user runs"
    return ""


def _command(environ: Mapping[str, str]) -> str:
    return "LITELLM_LOG_SOURCE is set" if environ.get("LITELLM_LOG_SOURCE") else ""


def _journal(root: Path) -> str:
    for folder in ("var/log/journal", "run/log/journal"):
        path = root / folder
        try:
            filled = next(path.iterdir(), None) is not None
        except OSError:
            continue
        if filled and shutil.which("journalctl"):
            return f"/{folder} holds a journal"
    return ""
