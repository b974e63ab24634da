"""Programs in panes of a tmux server of its own, and what each of them costs: the same for all."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

WIDTH, HEIGHT = 200, 50
QUIET_SECONDS = 0.02
"""A picture is painted when nothing of it has come for so long."""
_TICKS = os.sysconf("SC_CLK_TCK")
_OUTPUT = re.compile(rb"%output (%\d+) (.*)")
_OCTAL = re.compile(rb"\\(\d{3})")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a program and all that it started have used at one moment: memory in bytes, written to its terminal."""

    time: float
    cpu_seconds: float
    resident: int
    proportional: int
    written: int


@dataclass(frozen=True, slots=True)
class Share:
    """What a program costs over a window; memory at its end, growth of the resident part since its beginning."""

    cpu: float
    resident_mb: float
    proportional_mb: float
    grown_mb: float
    written_kb_per_second: float


def share(before: Cost, after: Cost) -> Share:
    """Return what a program costs between two moments: cpu in cores, memory in 1,000,000 bytes, writing in 1,000."""
    seconds = after.time - before.time
    return Share(
        (after.cpu_seconds - before.cpu_seconds) / seconds,
        after.resident / 1e6,
        after.proportional / 1e6,
        (after.resident - before.resident) / 1e6,
        (after.written - before.written) / seconds / 1e3,
    )


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process, its threads, its children and those that have ended."""
    total = 0.0
    for one in [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += sum(int(field) for field in fields[11:15]) / _TICKS
    return total


def memory(pid: int) -> tuple[int, int]:
    """Return the resident and the proportional set size of a process and its children, in bytes."""
    resident = proportional = 0
    for one in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            resident += one.memory_info().rss
            proportional += one.memory_full_info().pss
    return resident, proportional


@dataclass(frozen=True, slots=True)
class Pane:
    """One program in a window of 200×50; `log` holds all that it has written to its terminal."""

    server: Server
    identity: str
    pid: int
    log: Path

    def cost(self) -> Cost:
        """Return what it has used up to now."""
        resident, proportional = memory(self.pid)
        return Cost(time.monotonic(), cpu_seconds(self.pid), resident, proportional, self.log.stat().st_size)

    def text(self) -> str:
        """Return what stands in the pane."""
        return self.server.said("capture-pane", "-p", "-t", self.identity)

    def press(self, *keys: str) -> None:
        """Press keys, by tmux' names."""
        self.server.said("send-keys", "-t", self.identity, *keys)

    def wait(self, words: str, seconds: float = 60.0, pause: float = 0.2) -> None:
        """Wait until words stand in the pane; raises SystemExit where they do not come."""
        end = time.monotonic() + seconds
        while words not in (text := self.text()):
            if time.monotonic() > end:
                raise SystemExit(f"{words!r} does not come:\n{text}")
            time.sleep(pause)

    @property
    def runs(self) -> bool:
        """Whether the program has not ended."""
        return psutil.pid_exists(self.pid) and psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.server.said("kill-pane", "-t", self.identity)


class Server:
    """A tmux server with a socket of its own and nobody's configuration."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._panes = 0
        self.command = ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null"]
        self._environment = {**os.environ, "LANG": "C.UTF-8", "COLORTERM": "truecolor", **environment}
        for name in ("TMUX", "NO_COLOR"):
            self._environment.pop(name, None)
        size = ["-x", str(WIDTH), "-y", str(HEIGHT)]
        self.said("-u", "new-session", "-d", "-s", "all", *size, "sleep", "100000")
        for name, value in (
            ("status", "off"),
            ("default-terminal", "tmux-256color"),
            ("default-size", f"{WIDTH}x{HEIGHT}"),
        ):
            self.said("set", "-g", name, value)

    def said(self, *words: str) -> str:
        """Run a command of tmux and return what it prints."""
        done = subprocess.run(
            [*self.command, *words], env=self._environment, check=True, capture_output=True, text=True, timeout=30
        )
        return done.stdout

    def start(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> Pane:
        """Run a program in a window of its own."""
        self._panes += 1
        log = self.folder / f"pane-{self._panes}.log"
        log.touch()
        settings = [word for name, value in (environment or {}).items() for word in ("-e", f"{name}={value}")]
        told = self.said("new-window", "-d", "-P", "-F", "#{pane_id} #{pane_pid}", "-t", "all:", *settings, *command)
        identity, pid = told.split()
        self.said("pipe-pane", "-t", identity, f"exec cat > {log}")
        return Pane(self, identity, int(pid), log)

    @contextlib.contextmanager
    def listening(self) -> Iterator[Listener]:
        """Be told of all that programs write."""
        process = subprocess.Popen(
            [*self.command, "-C", "attach", "-t", "all"],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        try:
            yield Listener(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def stop(self) -> None:
        """End all programs."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.said("kill-server")


class Listener:
    """A client in control mode: it presses keys without a process for each, and hears what a pane writes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._rest = b""
        self._say(f"refresh-client -C {WIDTH}x{HEIGHT}")

    def press(self, pane: Pane, key: str) -> None:
        """Press a key in a pane."""
        self._say(f"send-keys -t {pane.identity} {key}")

    def _say(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n".encode())

    def heard(self, pane: Pane, seconds: float) -> bytes | None:
        """Return what the pane writes next, None where it writes nothing for so long."""
        assert self._process.stdout is not None
        end = time.monotonic() + seconds
        while True:
            while b"\n" in self._rest:
                line, _, self._rest = self._rest.partition(b"\n")
                found = _OUTPUT.fullmatch(line.rstrip(b"\r"))
                if found and found[1] == pane.identity.encode():
                    return plain(found[2])
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                return None
            self._rest += os.read(self._process.stdout.fileno(), 1 << 16)

    def quiet(self, pane: Pane, seconds: float = 0.08) -> None:
        """Wait until a pane writes nothing for so long, at most 5 s."""
        end = time.monotonic() + 5.0
        while self.heard(pane, seconds) is not None and time.monotonic() < end:
            pass

    def wait(self, pane: Pane, words: str, seconds: float = 60.0) -> None:
        """Wait until words stand in a pane, and hear all meanwhile: tmux holds back what is not heard."""
        end = time.monotonic() + seconds
        while words not in (text := pane.text()):
            if time.monotonic() > end:
                raise SystemExit(f"{words!r} does not come:\n{text}")
            self.quiet(pane, 0.05)

    def painted(self, pane: Pane, key: str, patience: float = 2.0) -> float | None:
        """Press a key; return seconds until the picture that it changes is whole, None where nothing changes."""
        self.quiet(pane)
        began = time.monotonic()
        self.press(pane, key)
        last = None
        while self.heard(pane, patience if last is None else QUIET_SECONDS) is not None:
            last = time.monotonic()
        return None if last is None else last - began


def plain(escaped: bytes) -> bytes:
    """Return bytes as they were before tmux' control mode wrote some of them as backslash and three octal digits."""
    return _OCTAL.sub(lambda found: bytes([int(found[1], 8)]), escaped)
