"""What the user writes under `sources.llamacpp`."""

from __future__ import annotations

from pydantic import Field

from inferdeck.config.schema import TargetConfig
from inferdeck.config.values import Seconds


class LlamacppConfig(TargetConfig):
    """A llama-server started with --metrics: http://HOST:8080."""

    model: str | None = Field(
        default=None, description="Which model of a router to read; never loads one that is not loaded."
    )
    slots: bool = Field(
        default=False,
        description="Read /slots while requests run, for the KV cache's use. Off: it wakes a sleeping model.",
    )
    props_interval: Seconds = Field(default=60.0, description="Time between readings of /props.")
