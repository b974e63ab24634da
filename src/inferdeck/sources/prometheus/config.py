"""What a user may write about an exposition endpoint."""

from __future__ import annotations

from pydantic import Field

from inferdeck.config.schema import TargetConfig


class PrometheusConfig(TargetConfig):
    """Any Prometheus or OpenMetrics endpoint: an exporter, a server, an application."""

    metrics_path: str | None = Field(
        default=None, description="Path of the metrics; the path of `url`, or /metrics where it has none."
    )
    params: dict[str, str] = Field(default_factory=dict, description="Query parameters of every request.")
    job: str | None = Field(default=None, description="The `job` label of its series; `prometheus` where absent.")
    gateway: str | None = Field(
        default=None,
        description="The `gateway` label of its series: who counted them, for an application with `llm_*` of its own.",
    )
    honor_labels: bool = Field(
        default=False,
        description="On a clash the series' own labels win over the target's, as for a federation endpoint.",
    )
