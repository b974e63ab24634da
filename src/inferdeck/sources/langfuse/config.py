"""What the user writes under `sources.langfuse`."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from inferdeck.config.schema import BasicAuth, TargetConfig
from inferdeck.config.secrets import Secret
from inferdeck.config.values import Seconds

CLOUD = "langfuse.com"
SHORTEST_TOTALS_SECONDS = 60.0
CLOUD_TOTALS_SECONDS = 1800.0


class LangfuseConfig(TargetConfig):
    """A Langfuse: http://HOST:3000 or https://cloud.langfuse.com, with the keys of one project."""

    interval: Seconds = Field(default=60.0, description="Time between collections.")
    public_key: str | None = Field(default=None, description="The project's public key, pk-lf-…")
    secret_key: Secret | None = Field(default=None, description="The project's secret key, sk-lf-…")
    totals: bool = Field(default=True, description="Ask for what the last hour and the last day held.")
    totals_interval: Seconds | None = Field(
        default=None,
        ge=SHORTEST_TOTALS_SECONDS,
        description="Time between readings of totals, 1m at least; 1m, or 30m on Langfuse Cloud, which limits them.",
    )

    @model_validator(mode="after")
    def _both_keys(self) -> Self:
        if (self.public_key is None) != (self.secret_key is None):
            missing = "secret_key" if self.secret_key is None else "public_key"
            raise ValueError(f"a project has two keys; {missing} is missing")
        if self.public_key is not None and (self.key is not None or self.basic_auth is not None):
            raise ValueError("give public_key and secret_key, or basic_auth, not both")
        return self

    @property
    def is_cloud(self) -> bool:
        """Whether Langfuse's own limits hold."""
        host = urlsplit(self.url or "").hostname or ""
        return host == CLOUD or host.endswith(f".{CLOUD}")

    @property
    def totals_seconds(self) -> float:
        """The time between readings of totals."""
        return self.totals_interval or (CLOUD_TOTALS_SECONDS if self.is_cloud else SHORTEST_TOTALS_SECONDS)

    def signed_in(self) -> TargetConfig:
        """Return the settings with the keys where an HTTP client looks for them."""
        if self.public_key is None or self.secret_key is None:
            return self
        return self.model_copy(update={"basic_auth": BasicAuth(username=self.public_key, password=self.secret_key)})
