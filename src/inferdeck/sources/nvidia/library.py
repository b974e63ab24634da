"""One thread at most that talks to NVML, and what its errors mean: its calls block, some of them for good."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import pynvml

from inferdeck.errors import CollectError, ConnectError, DeadlineError

T = TypeVar("T")

SESSION_LOST: tuple[type[pynvml.NVMLError], ...] = (
    pynvml.NVMLError_Uninitialized,
    pynvml.NVMLError_DriverNotLoaded,
    pynvml.NVMLError_LibRmVersionMismatch,
    pynvml.NVMLError_LibraryNotFound,
)
"""After these no card can be read before the library was initialised again."""
CARD_LOST: tuple[type[pynvml.NVMLError], ...] = (pynvml.NVMLError_GpuIsLost, pynvml.NVMLError_ResetRequired)
"""After these nothing more is to be had of this card, while others may go on."""

_WHAT_TO_DO = {
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: "libnvidia-ml.so.1 is not found: install NVIDIA's driver, "
    "or give the container its cards (docker run --gpus all)",
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "NVIDIA's driver is not loaded: does nvidia-smi work here?",
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "driver and library are of different versions, as after an upgrade: "
    "reload the driver or restart the machine",
    pynvml.NVML_ERROR_NO_PERMISSION: "not permitted: who runs inferdeck must be allowed to open /dev/nvidiactl",
    pynvml.NVML_ERROR_UNINITIALIZED: "the library was shut down meanwhile; it is initialised again next time",
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND: "the driver's library is too old for the Python bindings: update the driver",
}


def explained(error: pynvml.NVMLError) -> CollectError:
    """Return what a user is told of an error that ends a collection."""
    return ConnectError(f"NVML: {_WHAT_TO_DO.get(error.value) or error}")


class Caller:
    """Runs one call at a time in a thread of its own; a thread that hangs is left alone until it returns.

    It cannot be stopped, so it is a daemon thread, and while it hangs no other one is started.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._since = 0.0
        self.busy = False
        """Whether a call has not returned yet."""

    async def call(self, work: Callable[[], T], seconds: float) -> T:
        """Return what the work returns; raises DeadlineError where it or the one before takes too long."""
        if self.busy:
            passed = self._monotonic() - self._since
            raise DeadlineError(f"NVML: a call has not returned for {passed:.0f} s; not asked again until it does")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def run() -> None:
            try:
                result = work()
            except BaseException as error:  # whatever it is belongs to the one who waits
                self.busy = False
                deliver(_fail, error)
            else:
                self.busy = False
                deliver(_succeed, result)

        def deliver(settle: Callable[..., None], value: object) -> None:
            # The loop may have ended while the call hung.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(settle, answer, value)

        self._since, self.busy = self._monotonic(), True
        threading.Thread(target=run, name="nvml", daemon=True).start()
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError as error:
            raise DeadlineError(f"NVML: no answer within {seconds:g} s") from error


def _succeed(answer: asyncio.Future[T], result: T) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: asyncio.Future[T], error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)
