"""What the user writes under `sources.host`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from inferdeck.config.schema import TargetConfig
from inferdeck.config.values import Seconds


class HostConfig(TargetConfig):
    """This machine; in a container, the host's /proc, /sys and / mounted somewhere else."""

    needs_url: ClassVar[bool] = False

    proc: str = Field(default="/proc", description="Where the machine's /proc is mounted.")
    sys: str = Field(default="/sys", description="Where the machine's /sys is mounted.")
    root: str = Field(default="/", description="Where the machine's / is mounted; its mount points are read below it.")
    network_filesystems: bool = Field(default=False, description="Also ask NFS, SMB and the like for their free space.")
    mount_deadline: Seconds = Field(default=2.0, description="A file system that takes longer is left alone meanwhile.")
