"""Names of the files that programs of a fleet have."""

from __future__ import annotations

import hashlib

LOGS, CONFIG = ("logs", "config")
"""The folders of a fleet's folder."""
LOG_END, CONFIG_END = (".log", ".yaml")
LONGEST_NAME = 100


def file_name(process: str, end: str) -> str:
    """Return a program's file; a name that no file may have becomes one that is like it and as unique."""
    name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in process).lstrip(".")
    # A host's own programs are called HOST/node: those stay readable.
    if name != process.replace("/", "_") or len(name.encode()) > LONGEST_NAME:
        kept = name.encode()[:LONGEST_NAME].decode(errors="ignore")
        name = f"{kept}-{hashlib.blake2b(process.encode(), digest_size=4).hexdigest()}"
    return f"{name or '_'}{end}"
