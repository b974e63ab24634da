"""What the user writes under `sources.dcgm`."""

from __future__ import annotations

from pydantic import Field

from inferdeck.config.schema import TargetConfig


class DcgmConfig(TargetConfig):
    """A dcgm-exporter: http://HOST:9400."""

    metrics_path: str | None = Field(
        default=None, description="Path of the metrics; the path of `url`, or /metrics where it has none."
    )
