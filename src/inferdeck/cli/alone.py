"""What commands do by themselves when no daemon owns the data directory."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inferdeck.cli.settings import load
from inferdeck.config import places
from inferdeck.config.edit import add_source as write_source
from inferdeck.errors import UnavailableError
from inferdeck.model.answers import Added, Trial
from inferdeck.model.clock import SystemClock
from inferdeck.sources.entry import checked, try_entry
from inferdeck.sources.http import HttpClient


def test_source(options: argparse.Namespace, kind: str, entry: Mapping[str, Any]) -> Trial:
    """Read a source once, in this process."""
    return asyncio.run(_test(options, kind, entry))


def add_source(options: argparse.Namespace, kind: str, entry: Mapping[str, Any]) -> Added:
    """Test a source and write it to the file; raises UnavailableError where it cannot be read."""
    trial = test_source(options, kind, entry)
    if not trial.ok:
        raise UnavailableError(f"not added, since it cannot be read: {trial.message}")
    settings = load(options)
    file = settings.file or file_to_make()
    return Added(str(file), write_source(file, kind, entry), watched=False, trial=trial)


def file_to_make() -> Path:
    """Return where a configuration file is made when there is none: the user's own place."""
    found = places.search_order(os.environ)
    return found[1] if len(found) > 2 else found[0]


async def _test(options: argparse.Namespace, kind: str, entry: Mapping[str, Any]) -> Trial:
    settings = load(options)
    config = checked(kind, entry, os.environ, Path.cwd())
    http = HttpClient()
    try:
        return await try_entry(kind, config, http, SystemClock(), settings.environment)
    finally:
        await http.aclose()
