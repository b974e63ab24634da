"""What the user writes under `sources.nvidia`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from inferdeck.config.schema import TargetConfig


class NvidiaConfig(TargetConfig):
    """The NVIDIA cards of this machine, through the driver's own library."""

    needs_url: ClassVar[bool] = False

    proc: str = Field(
        default="/proc", description="Where the machine's /proc is mounted, for the names of the cards' processes."
    )
    processes: bool = Field(default=True, description="Also list the processes that hold memory on the cards.")
    keep_open: bool = Field(
        default=True,
        description="Stay connected to the driver. False connects for each collection: slower, no XID errors, "
        "but the driver can be unloaded in between.",
    )
