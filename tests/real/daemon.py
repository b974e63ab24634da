"""`inferdeck up` as a program of its own, with a configuration, a data directory and a socket in one directory."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.real.programs import LOOPBACK, Running, answers, free_port, running

COMMAND = str(Path(sys.executable).parent / "inferdeck")
SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where one daemon lives; it may be started there again and again."""

    directory: Path
    port: int
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of the daemon and its commands, over those that hide the user's own."""

    @classmethod
    def of(cls, directory: Path, sources: str, interval: str = "1s") -> Place:
        """Write the configuration: `sources` is the YAML below `sources:`; {interval} may stand in its flow mappings.

        However short the interval, a target on a busy machine has the time that it has with the usual one.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)  # the socket in it is for its owner
        place = cls(directory, free_port())
        given = sources.replace("{interval}", f"{interval}, deadline: 10s")
        body = "".join(f"  {line}\n" for line in given.strip().splitlines())
        place.config.write_text(
            f"data_dir: {directory / 'data'}\n"
            f"listen: {{host: {LOOPBACK}, port: {place.port}, unix_socket: {place.socket}}}\n"
            "discovery: {enabled: false}\n"
            f"sources:\n{body}"
        )
        return place

    @property
    def socket(self) -> Path:
        """The daemon's unix socket."""
        return self.directory / "inferdeck.sock"

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.directory / "inferdeck.yaml"

    @property
    def environment(self) -> Mapping[str, str | None]:
        """What the daemon and its commands see: this configuration and nothing of the user's."""
        own = {
            "INFERDECK_CONFIG": str(self.config),
            "XDG_RUNTIME_DIR": str(self.directory),
            "XDG_STATE_HOME": str(self.directory / "state"),
            "NO_COLOR": "1",
        }
        foreign = dict.fromkeys(
            (
                "INFERDECK_URL",
                "INFERDECK_TOKEN",
                "LITELLM_HOST",
                "LITELLM_MASTER_KEY",
                "PROMETHEUS_HOST",
                "XDG_DATA_HOME",
            )
        )
        return {**foreign, **own, **self.variables}

    @contextlib.contextmanager
    def up(self) -> Iterator[Running]:
        """Run the daemon until the block ends."""
        with running(
            "inferdeck",
            [COMMAND, "up"],
            self.directory,
            port=self.port,
            ready=answers("/-/ready"),
            environment=self.environment,
        ) as found:
            yield found

    def run(self, *words: str, seconds: float = SECONDS) -> subprocess.CompletedProcess[str]:
        """Run one command against the daemon and return how it ended."""
        environment = {key: value for key, value in {**os.environ, **self.environment}.items() if value is not None}
        command = [COMMAND, *words]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=seconds, check=False, cwd=self.directory
        )

    def status(self) -> dict[str, Any]:
        """Return `inferdeck status --json`."""
        done = self.run("status", "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def status_when(self, wanted: Callable[[dict[str, Any]], object], seconds: float = SECONDS) -> dict[str, Any]:
        """Return the first status for which `wanted` holds; AssertionError with the last one where none does."""
        end = time.monotonic() + seconds
        while True:
            status = self.status()
            if wanted(status):
                return status
            assert time.monotonic() < end, json.dumps(status, indent=1)
            time.sleep(0.3)


def service(status: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return the first service of a kind, {} where there is none."""
    return next((found for found in status["services"] if found["kind"] == kind), {})


def all_up(status: Mapping[str, Any]) -> bool:
    """Say whether every service is up."""
    return bool(status["services"]) and all(found["health"] == "up" for found in status["services"])
