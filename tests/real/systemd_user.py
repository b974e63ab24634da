"""A real systemd --user with its bus and a real journald, in a mount namespace of their own, for tests.

    with user_manager(tmp_path) as manager:
        manager.unit("litellm.service", "[Service]\\nExecStart=/bin/sh -c 'echo hello; sleep 100'")
        manager.control("start", "litellm.service")
        ... manager.bus, manager.journal ...

systemd looks whether /run/systemd/system exists; a private /run/systemd keeps the rest of the machine unaware.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.real.programs import AbsentError, NotStartedError

SYSTEMD = Path("/lib/systemd/systemd")
JOURNALD = Path("/lib/systemd/systemd-journald")
START_SECONDS = 20.0
_SCRIPT = """
set -e
mount -t tmpfs tmpfs /run/systemd
mkdir -p /run/systemd/system /run/systemd/journal /run/log/journal
mount --bind "$FOLDER/journal" /run/log/journal
/lib/systemd/systemd-journald &
exec /lib/systemd/systemd --user --log-target=journal --log-level=info
"""


@dataclass(frozen=True, slots=True)
class UserManager:
    """A running manager: the address of its bus, and the folder of the journal."""

    folder: Path
    pid: int

    @property
    def bus(self) -> str:
        """Where its bus listens."""
        return f"unix:path={self.folder}/run/bus"

    @property
    def journal(self) -> Path:
        """Where journald writes."""
        return self.folder / "journal"

    def unit(self, name: str, text: str) -> Path:
        """Write a unit file and have it read."""
        path = self.folder / "config" / "systemd" / "user" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.control("daemon-reload")
        return path

    def control(self, *words: str) -> str:
        """Run systemctl --user inside; returns what it prints."""
        command = ["nsenter", f"--mount=/proc/{self.pid}/ns/mnt", "systemctl", "--user", *words]
        done = subprocess.run(command, env=_environment(self.folder), capture_output=True, text=True, timeout=30)
        if done.returncode:
            raise NotStartedError(f"systemctl {' '.join(words)}: {done.stderr or done.stdout}")
        return done.stdout


@contextlib.contextmanager
def user_manager(folder: Path) -> Iterator[UserManager]:
    """Start a manager and its journal in a folder; end both."""
    for needed in (SYSTEMD, JOURNALD):
        if not needed.exists():
            raise AbsentError(f"{needed} is not installed: apt-get install systemd")
    for program in ("unshare", "nsenter", "dbus-daemon"):
        if shutil.which(program) is None:
            raise AbsentError(f"{program} is not installed: apt-get install util-linux dbus")
    if os.getuid() != 0:
        raise AbsentError("a private mount namespace needs root")
    for name in ("run", "config", "journal"):
        (folder / name).mkdir(mode=0o700)
    log = (folder / "systemd.log").open("wb")
    process = subprocess.Popen(
        ["unshare", "--mount", "bash", "-c", _SCRIPT],
        env=_environment(folder),
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        manager = UserManager(folder, process.pid)
        _wait(manager, process)
        yield manager
    finally:
        # The manager ends its services when it is told to; what is left goes with the group.
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        log.close()


def _wait(manager: UserManager, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(NotStartedError):
            manager.control("list-units", "--no-pager")
            manager.control("start", "dbus.socket")
            return
        time.sleep(0.1)
    said = (manager.folder / "systemd.log").read_text(errors="replace")[-2000:]
    raise NotStartedError(f"systemd --user did not start: {said}")


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "FOLDER": str(folder), "XDG_RUNTIME_DIR": f"{folder}/run", "XDG_CONFIG_HOME": f"{folder}/config"}
