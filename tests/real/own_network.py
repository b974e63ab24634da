"""A network of one's own for a block of a test: what is started in it sees itself alone on the machine.

Linux' unshare(2) and setns(2) for this thread; children and threads that begin in the block begin in its network.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterator

from tests.real.programs import AbsentError

_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS = 0x8914
_UP_AND_RUNNING = 0x41


@contextlib.contextmanager
def own_network() -> Iterator[None]:
    """Run the block in a new network namespace with a loopback interface; AbsentError where that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(_CLONE_NEWNET):
            raise AbsentError(
                f"a network of its own: {os.strerror(ctypes.get_errno())}; run the tests as root on Linux"
            )
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
                fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _UP_AND_RUNNING))
            yield
        finally:
            if libc.setns(before, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "the network before cannot be had back")
    finally:
        os.close(before)
