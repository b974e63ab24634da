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
    marker = read_marker(data_directory(options))
    if marker is None:
        return None
    for address in _addresses(marker, token):
        found = Client(address)
        if found.ready():
            return found
    return None


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
