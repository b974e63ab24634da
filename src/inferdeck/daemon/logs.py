"""The daemon's log: to standard error or a file, with every known secret masked."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from inferdeck.config.schema import Settings
from inferdeck.config.secrets import hide, mask_url, secrets_of
from inferdeck.errors import ConfigError

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class MaskingFormatter(logging.Formatter):
    """One line per record; secrets become •••, control characters their escapes, tracebacks included."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S%z")
        self._secrets = frozenset(secrets)

    def format(self, record: logging.LogRecord) -> str:
        text = hide(super().format(record), self._secrets)
        return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", mask_url(text))


def configure(settings: Settings) -> None:
    """Send the log where the settings say; raises ConfigError where the file cannot be opened."""
    file = settings.log.file
    handler: logging.Handler = _file_handler(file) if file is not None else logging.StreamHandler(sys.stderr)
    handler.setFormatter(MaskingFormatter(secrets_of(settings)))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(settings.log.level.upper())
    for noisy in ("asyncio", "uvicorn", "uvicorn.error", "aiohttp"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _file_handler(path: Path) -> logging.Handler:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
        # WatchedFileHandler opens the file anew after logrotate moved it.
        from logging.handlers import WatchedFileHandler

        return WatchedFileHandler(path, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"log.file: cannot write {path}: {error.strerror}") from error
