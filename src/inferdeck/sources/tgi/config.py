"""What the user writes under `sources.tgi`."""

from __future__ import annotations

from pydantic import Field

from inferdeck.config.schema import TargetConfig
from inferdeck.config.values import Seconds


class TgiConfig(TargetConfig):
    """A Text Generation Inference router: http://HOST:8080 (in its container, port 80)."""

    health: bool = Field(
        default=False,
        description="Read /health. Off: it generates a token while the router has served none, or its last one failed.",
    )
    info_interval: Seconds = Field(default=60.0, description="Time between readings of /info.")
