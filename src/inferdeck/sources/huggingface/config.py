"""What the user writes under `sources.huggingface`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from inferdeck.config.schema import TargetConfig
from inferdeck.config.values import Seconds, WholeNumber

HUB = "https://huggingface.co"


class HuggingfaceConfig(TargetConfig):
    """The Hugging Face Hub, off unless it is named; `key` is a token, which only private repositories need."""

    needs_url: ClassVar[bool] = False

    url: str | None = Field(default=HUB, description="The hub, or a mirror of it.")
    requests_per_minute: WholeNumber = Field(
        default=10, gt=0, le=60, description="How many repositories are asked for in a minute at most."
    )
    max_age: Seconds = Field(
        default=86_400.0, ge=3600.0, description="How long an answer is kept, 1h at least; one that there is none too."
    )
    offline: bool = Field(
        default=False,
        description="Ask nothing, show what was read before; so does HF_HUB_OFFLINE=1 in the environment.",
    )
