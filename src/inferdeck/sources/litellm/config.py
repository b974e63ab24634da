"""What the user writes under `sources.litellm`."""

from __future__ import annotations

from pydantic import Field

from inferdeck.config.schema import TargetConfig
from inferdeck.config.values import Seconds, SecondsOrOff


class LitellmConfig(TargetConfig):
    """A LiteLLM proxy: http://HOST:4000, with its master key (or a key that may read /metrics) as `key`."""

    gateway: str | None = Field(
        default=None, description="Value of the label `gateway` on canonical series; host:port where absent."
    )
    poll_inventory: Seconds = Field(
        default=300.0,
        description="Time between readings of deployments, model groups, fallbacks and version; a restart is one more.",
    )
    poll_prices: SecondsOrOff = Field(
        default=86400.0,
        description="Time between readings of the proxy's cost map (2.4 MB), for the days on which models end; or off.",
    )
    backlog: bool = Field(
        default=False, description="Read /health/backlog with each collection, for the queue's depth: one request more."
    )
