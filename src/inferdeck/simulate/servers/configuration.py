"""The configuration files of a fleet's gateways: in a folder, for their owner alone, written anew when they change."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from inferdeck.simulate.events import Filed, Repriced
from inferdeck.simulate.file_names import CONFIG_END, file_name
from inferdeck.simulate.fleet import Fleet, Gateway, Price
from inferdeck.simulate.servers.litellm import config_file
from inferdeck.simulate.servers.program import Handler


class ConfigFiles:
    """One file per gateway; `refresh` writes what changed since. now: the world's time when all of them were made."""

    def __init__(self, folder: Path, fleet: Fleet, now: float) -> None:
        self.folder = folder
        self._fleet = fleet
        self._gateways: dict[str, Gateway] = {one.name: one for one in fleet.gateways}
        self._prices: dict[str, dict[str, Price]] = {
            one.name: {place.id: place.price for place in one.deployments} for one in fleet.gateways
        }
        self._changed = dict.fromkeys(self._gateways, now)
        """When those changed that are to be written."""

    def handlers(self) -> dict[tuple[type, str], Handler]:
        """Return what to call for which events."""
        return {(Filed, ""): self._filed, (Repriced, ""): self._repriced}

    def path(self, gateway: str) -> Path:
        """Return the file of a gateway."""
        return self.folder / file_name(gateway, CONFIG_END)

    def refresh(self) -> None:
        """Write the files that have changed; raises OSError."""
        changed, self._changed = self._changed, {}
        for name, moment in changed.items():
            self._write(name, moment)

    def remove(self) -> None:
        """Remove all of them."""
        with contextlib.suppress(OSError):
            for name in self._gateways:
                self.path(name).unlink(missing_ok=True)
            self.folder.rmdir()

    def _filed(self, event: Filed) -> None:
        self._gateways[event.gateway] = event.settings
        self._changed[event.gateway] = event.time

    def _repriced(self, event: Repriced) -> None:
        self._prices[event.gateway][event.deployment] = Price(event.input, event.output, event.cached_input)
        self._changed[event.gateway] = event.time

    def _write(self, name: str, moment: float) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.path(name)
        fresh = path.with_name(f".{path.name}.new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(config_file.text(self._gateways[name], self._prices[name], self._fleet))
        # A world that goes faster is ahead of this machine, on which nothing was written later than now.
        written = min(moment, time.time())
        os.utime(fresh, (written, written))
        # Whoever reads it finds all of one or all of the other.
        fresh.replace(path)
