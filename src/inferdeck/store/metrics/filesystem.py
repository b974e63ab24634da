"""What the store asks of the file system: that it is local, that nobody else is here, that there is room."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import psutil

from inferdeck.errors import StoreLockedError, UnsupportedFilesystemError

LOCK_FILE = "lock"
# On these, locks and shared memory are not what SQLite's write-ahead log needs (sqlite.org/wal.html, item 2).
_NETWORK = (
    "nfs nfs3 nfs4 cifs smb smb2 smb3 smbfs afpfs webdav davfs 9p ceph glusterfs lustre gpfs afs beegfs ocfs2 gfs2 "
    "orangefs pvfs2 fuse.sshfs fuse.s3fs fuse.glusterfs fuse.ceph fuse.rclone fuse.gcsfuse fuse.davfs"
)
NETWORK_TYPES = frozenset(_NETWORK.split())


def filesystem_type(path: Path, mounts: Iterable[tuple[str, str]]) -> str:
    """Return the type of the file system that holds `path`, given (mount point, type) pairs; "" where unknown."""
    resolved = path.resolve()
    found, depth = "", -1
    for point, kind in mounts:
        parts = len(Path(point).parts)
        if resolved.is_relative_to(point) and parts >= depth:
            found, depth = kind, parts
    return found


def system_mounts() -> list[tuple[str, str]]:
    """Return this machine's (mount point, type) pairs, in mount order."""
    return [(entry.mountpoint, entry.fstype) for entry in psutil.disk_partitions(all=True)]


def require_local(path: Path, mounts: Iterable[tuple[str, str]]) -> None:
    """Raise UnsupportedFilesystemError where `path` is on a network file system."""
    kind = filesystem_type(path, mounts)
    if kind in NETWORK_TYPES:
        raise UnsupportedFilesystemError(
            f"{path}: the data directory is on a network file system ({kind}), where SQLite's locks do not hold; "
            "set data_dir to a local disk"
        )


def lock(directory: Path) -> IO[str]:
    """Take the directory for this process until the returned file is closed; raises StoreLockedError."""
    path = directory / LOCK_FILE
    handle = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.seek(0)
        owner = handle.read().strip()
        handle.close()
        who = f"process {owner}" if owner else "another process"
        raise StoreLockedError(
            f"{directory}: {who} owns this data directory; stop it, or use another data_dir"
        ) from error
    handle.truncate(0)
    with contextlib.suppress(OSError):
        # Without room for it the owner has no name, and owns the directory all the same.
        os.write(handle.fileno(), str(os.getpid()).encode())
    return handle


def free_bytes(directory: Path) -> int:
    """Return how many bytes an ordinary user may still write here."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize
