"""Which daemon a command asks."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from inferdeck.client.marker import Marker
from inferdeck.client.marker import read as read_marker
from inferdeck.client.tiny import Address, Client, token_from
from inferdeck.config import places
from inferdeck.errors import DaemonDownError, UsageError

NO_DAEMON = "no daemon is running; start one with: inferdeck up"
_NAMED_BY = ("INFERDECK_URL", "INFERDECK_DATA_DIR")


def client(options: argparse.Namespace) -> Client:
    """Return a client of the daemon meant by --url, $INFERDECK_URL or the data directory; raises DaemonDownError."""
    found = running(options)
    if found is None:
        raise DaemonDownError("\n".join([NO_DAEMON, *_demos()]))
    return found


def _demos() -> list[str]:
    """Return how to ask the demos that run."""
    from inferdeck.demo import folders

    return [
        f"a demo runs; to ask it: export INFERDECK_CONFIG={one / folders.CONFIG}" for one in folders.running(os.environ)
    ]


def running(options: argparse.Namespace) -> Client | None:
    """Return a client of the daemon that is meant, None where none owns the data directory."""
    token = token_from(os.environ)
    if url := options.url or os.environ.get("INFERDECK_URL", ""):
        return Client(_address(url, token))
    return _answering(data_directory(options), token)


def noted(options: argparse.Namespace) -> Client | None:
    """Return a client of the daemon that noted its data directory for the configuration file that is meant.

    The file itself, which takes longer than all else to read, is not read. None where something else is named, where
    none noted anything, or where it does not answer; raises ConfigError where the file that is named does not exist.
    """
    if options.url or options.data_dir or any(os.environ.get(name) for name in _NAMED_BY):
        return None
    file = places.find(Path(options.config) if options.config else None, os.environ)
    note = places.note_of(os.environ, file) if file is not None else None
    try:
        folder = Path(note.read_text(encoding="utf-8").rstrip("\n")) if note is not None else None
    except (OSError, ValueError):
        return None
    return _answering(folder, token_from(os.environ)) if folder is not None and folder.is_absolute() else None


def _answering(folder: Path, token: str) -> Client | None:
    """Return a client of the daemon that owns a data directory, None where none answers."""
    marker = read_marker(folder)
    addresses = _addresses(marker, token) if marker is not None else []
    return next((found for found in map(Client, addresses) if found.ready()), None)


def data_directory(options: argparse.Namespace) -> Path:
    """Return the data directory; the configuration is read only where there is a file that may name another one."""
    if options.data_dir:
        return Path(options.data_dir).expanduser().absolute()
    if chosen := os.environ.get("INFERDECK_DATA_DIR", ""):
        return Path(chosen).expanduser().absolute()
    file = places.find(Path(options.config) if options.config else None, os.environ)
    if file is None:
        return places.data_directory(os.environ)
    from inferdeck.cli.settings import load

    return load(options).data_dir


def _addresses(marker: Marker, token: str) -> list[Address]:
    socket = [Address(socket_path=marker.socket_path)] if marker.socket_path else []
    return [*socket, Address(url=marker.url, token=token)]


def _address(url: str, token: str) -> Address:
    if url.startswith("unix://"):
        return Address(socket_path=url.removeprefix("unix://"))
    if "://" not in url:
        raise UsageError(f"{url}: not a URL; write http://HOST:PORT or unix:///PATH")
    return Address(url=url, token=token)
