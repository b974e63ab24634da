"""What the user writes under `sources.docker`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from inferdeck.config.schema import TargetConfig
from inferdeck.config.values import Seconds


class DockerConfig(TargetConfig):
    """A Docker or Podman daemon: unix:///var/run/docker.sock or tcp://HOST:2375; `DOCKER_HOST` where absent."""

    needs_url: ClassVar[bool] = False

    stats_interval: Seconds = Field(
        default=15.0,
        description="Least time between two readings of one container's statistics; very many containers take turns.",
    )
    load_timeline: bool = Field(
        default=True,
        description="Read the beginning of an engine's log, for when it loaded, compiled, warmed up and was ready.",
    )
