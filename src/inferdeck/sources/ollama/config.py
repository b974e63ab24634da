"""What the user writes under `sources.ollama`."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field

from inferdeck.config.schema import TargetConfig
from inferdeck.config.values import Seconds

CLOUD = "ollama.com"


class OllamaConfig(TargetConfig):
    """An Ollama: http://HOST:11434; its cloud: https://ollama.com, with a key."""

    cloud: bool | None = Field(
        default=None,
        description="True where its models run elsewhere, so that none takes memory here; ollama.com needs no telling.",
    )
    show: bool = Field(
        default=True, description="Ask /api/show once for each new model; reads the head of its file, loads nothing."
    )
    poll_models: Seconds = Field(default=60.0, description="Time between readings of /api/version and /api/tags.")

    @property
    def is_cloud(self) -> bool:
        """Whether no model of this target runs where it answers."""
        if self.cloud is not None:
            return self.cloud
        host = urlsplit(self.url or "").hostname or ""
        return host == CLOUD or host.endswith(f".{CLOUD}")
