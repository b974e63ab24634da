"""What the user writes under `sources.sglang`."""

from __future__ import annotations

from pydantic import Field

from inferdeck.config.schema import TargetConfig
from inferdeck.config.values import Seconds


class SglangConfig(TargetConfig):
    """An SGLang server started with --enable-metrics: http://HOST:30000."""

    info_interval: Seconds = Field(
        default=60.0, description="Time between readings of /ready, /model_info, /server_info and /v1/models."
    )
