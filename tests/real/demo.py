"""The demo: inferdeck beside a Redis, a Prometheus and, where it is built, a llama-server that answers requests.

python -m tests.real.demo [--once | --seconds N]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import socket
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.real import programs, tiny_gguf
from tests.real.daemon import COMMAND, Place, all_up

PAUSE_SECONDS = 2.0
QUESTIONS = ("What is a token?", "Say hello.", "How long is a second?", "Name a colour.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo until Ctrl-C, or as long as was asked."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description="Watch a small real stack.")
    parser.add_argument("--once", action="store_true", help="stop after the first status")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after this time")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="inferdeck-demo-") as directory, contextlib.ExitStack() as stack:
            _demo(Path(directory), stack, 0.0 if options.once else options.seconds)
    except KeyboardInterrupt:
        print("\nstopped")
    except (programs.AbsentError, programs.NotStartedError) as error:
        print(f"scripts/demo: {error}", file=sys.stderr)
        return 1
    return 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _demo(directory: Path, stack: contextlib.ExitStack, seconds: float) -> None:
    sources = start(directory, stack)
    place = Place.of(directory, "\n".join(sources), interval="5s")
    daemon = stack.enter_context(place.up())
    place.status_when(all_up)
    # A rate needs two collections.
    time.sleep(6.0)
    print(place.run("status").stdout)
    print(f"The daemon answers at {daemon.url} (API: {daemon.url}/openapi.json). In another terminal:\n")
    print(f"  export INFERDECK_URL=unix://{place.socket}")
    for words in ("status --watch", "sources list", "doctor"):
        print(f"  {COMMAND} {words}")
    if seconds > 0:
        print("\nCtrl-C stops everything.", flush=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end and daemon.process.poll() is None:
        time.sleep(0.2)


def start(directory: Path, stack: contextlib.ExitStack) -> list[str]:
    """Start what is there and return the lines that watch it."""
    redis = stack.enter_context(programs.redis_server(directory / "redis"))
    stack.enter_context(_repeated(lambda: _touch(redis.port)))
    prometheus = stack.enter_context(programs.prometheus(directory / "prometheus"))
    lines = [
        "host: {interval: {interval}}",
        f"redis: {{url: {redis.url}, interval: {{interval}}}}",
        f"prometheus: {{url: {prometheus.url}, interval: {{interval}}}}",
    ]
    try:
        programs.llama_server_executable()
    except programs.AbsentError as absent:
        print(f"without an engine: {absent}\n")
        return lines
    model = tiny_gguf.write(directory / "tiny.gguf")
    llama = stack.enter_context(programs.llama_server(directory / "llama", model, "--alias", "tiny"))
    stack.enter_context(_repeated(lambda: _ask(llama.url)))
    return [*lines, f"llamacpp: {{url: {llama.url}, interval: {{interval}}}}"]


@contextlib.contextmanager
def _repeated(work: Callable[[], None]) -> Iterator[None]:
    """Do `work` every two seconds in a thread until the block ends; what does not answer now may answer next time."""
    ended = threading.Event()

    def loop() -> None:
        while not ended.wait(PAUSE_SECONDS):
            with contextlib.suppress(OSError, urllib.error.URLError):
                work()

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(PAUSE_SECONDS)


def _ask(url: str) -> None:
    question = QUESTIONS[int(time.monotonic() / PAUSE_SECONDS) % len(QUESTIONS)]
    body = {"messages": [{"role": "user", "content": question}], "max_tokens": 32}
    request = urllib.request.Request(
        f"{url}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=10).read()


def _touch(port: int) -> None:
    key = int(time.monotonic()) % 50
    with socket.create_connection((programs.LOOPBACK, port), timeout=2) as connection:
        connection.sendall(f"SET answer:{key} 1 EX 60\r\nGET answer:{key}\r\nGET answer:none\r\n".encode())
        connection.recv(256)


if __name__ == "__main__":
    raise SystemExit(main())
