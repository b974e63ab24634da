"""What a player hands to the daemon: in a thread of its own, so that the next hours are played meanwhile."""

from __future__ import annotations

import json
import os
import sys
import threading
from queue import Queue
from typing import Any

from inferdeck.client.tiny import Client
from inferdeck.demo.gathered import Gathered

Told = dict[str, Any]


class Outbox:
    """Sends one block of all targets while the next one is played; then it is waited for, so that no more are held."""

    def __init__(self, daemon: Client) -> None:
        self._daemon = daemon
        self._waiting: Queue[tuple[list[Gathered], Told]] = Queue()
        self._failed: Exception | None = None
        threading.Thread(target=self._work, daemon=True).start()

    def put(self, gathered: list[Gathered], told: Told) -> None:
        """Send this after what was put before, and then say how far the past is; raises what failed before."""
        self.settle()
        self._waiting.put((gathered, told))

    def settle(self) -> None:
        """Wait until everything is sent; raises what failed."""
        self._waiting.join()
        if self._failed is not None:
            raise self._failed

    def _work(self) -> None:
        while True:
            gathered, told = self._waiting.get()
            try:
                told["samples"] = self._send(gathered)
                # In one piece, since other players write to the same pipe.
                os.write(sys.stdout.fileno(), f"{json.dumps(told)}\n".encode())
            except Exception as error:  # it is raised where the next one is put
                self._failed = error
            finally:
                del gathered
                self._waiting.task_done()

    def _send(self, gathered: list[Gathered]) -> int:
        samples = 0
        while gathered:
            # What is sent is let go of at once.
            one = gathered.pop()
            samples += one.samples
            for body in one.bodies():
                self._daemon.send_block(body)
        return samples
