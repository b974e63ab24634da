"""What the HTTP interface may do beyond answering questions; the daemon brings the implementation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from inferdeck.model.answers import Added, ConfigAnswer, Imported, Job, StoreReport, Trial


class Operations(Protocol):
    """Asynchronous, on the daemon's loop; long work runs elsewhere. Raises the errors of errors.py."""

    def ready(self) -> bool:
        """Return whether start-up has ended and stopping has not begun."""
        ...

    def config(self) -> ConfigAnswer:
        """Return the effective configuration with secrets masked."""
        ...

    def own_metrics(self) -> str:
        """Return the daemon's own metrics in the Prometheus text format; blocks, so it is called in a thread."""
        ...

    async def test_source(self, kind: str, entry: Mapping[str, Any]) -> Trial:
        """Read a source once and store nothing."""
        ...

    async def add_source(self, kind: str, entry: Mapping[str, Any]) -> Added:
        """Test a source, write it to the configuration file and watch it from now on."""
        ...

    async def store_stats(self) -> StoreReport:
        """Return the history day by day."""
        ...

    async def import_block(self, body: bytes) -> Imported:
        """Keep a block of samples (receive/blocks.py has its format); raises UsageError and StoreError."""
        ...

    def start_job(self, kind: str, options: Mapping[str, Any]) -> Job:
        """Begin a long piece of work: check, compact or remap; raises LimitError while one of them runs."""
        ...

    def job(self, identity: str) -> Job:
        """Return how far it is; raises NotFoundError."""
        ...
