"""Which program, container and systemd unit a process on a card belongs to, as far as /proc says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inferdeck.sources import cgroup

# The kernel's constant for the namespace of the machine itself (PROC_PID_INIT_INO).
_MACHINE = 0xEFFFFFFC


@dataclass(frozen=True, slots=True)
class Owner:
    """Who a process is; "" where it is unknown. The command line is never read: it may hold secrets."""

    process: str = ""
    container: str = ""
    unit: str = ""


class Processes:
    """Looks processes up by the driver's numbers, which are the machine's: in a container only its /proc knows them."""

    def __init__(self, proc: str) -> None:
        self._proc = Path(proc)
        self.trusted = self._proc != cgroup.PROC or _numbers_are_the_machines()
        """Whether a number of the driver's means the same process here."""

    def owner(self, pid: int) -> Owner:
        """Return who a process is; unknown where it has gone or its number means another one here."""
        if not self.trusted:
            return Owner()
        try:
            name = (self._proc / str(pid) / "comm").read_text("utf-8", "replace").rstrip("\n")
        except OSError:
            return Owner()
        return Owner(name, cgroup.container(pid, self._proc), cgroup.unit(pid, self._proc))


def _numbers_are_the_machines() -> bool:
    """Tell whether we are in the machine's own namespace of process numbers."""
    try:
        return (cgroup.PROC / "self/ns/pid").stat().st_ino == _MACHINE
    except OSError:
        return False
