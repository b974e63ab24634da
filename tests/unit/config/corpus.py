"""Good and bad configuration files; each bad one has beside it the exact text that the user reads."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from inferdeck.config.schema import TargetConfig


class HostLike(TargetConfig):
    """A kind that needs no address."""

    needs_url: ClassVar[bool] = False


FOLDER = Path(__file__).parent
GOOD = FOLDER / "good"
BAD = FOLDER / "bad"
ENVIRON = {"HOME": "/home/somebody", "VIEWER_TOKEN": "look-only", "EMPTY_VARIABLE": ""}
KINDS: dict[str, type[TargetConfig]] = {"litellm": TargetConfig, "prometheus": TargetConfig, "host": HostLike}
