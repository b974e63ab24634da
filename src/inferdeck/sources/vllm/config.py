"""What the user writes under `sources.vllm`."""

from __future__ import annotations

from pydantic import Field

from inferdeck.config.schema import TargetConfig
from inferdeck.config.values import Seconds


class VllmConfig(TargetConfig):
    """A vLLM server: http://HOST:8000."""

    info_interval: Seconds = Field(
        default=60.0, description="Time between readings of /version, /health and /v1/models."
    )
