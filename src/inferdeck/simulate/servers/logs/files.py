"""Log files that grow as the fleet's programs write, bounded by rotation."""

from __future__ import annotations

from pathlib import Path

from inferdeck.simulate.file_names import LOG_END, file_name
from inferdeck.simulate.fleet import Fleet
from inferdeck.simulate.servers.logs.journal import Journal
from inferdeck.simulate.servers.program import Handler
from inferdeck.simulate.table import Table

LARGEST_BYTES = 2_000_000
"""A file that is longer becomes `NAME.log.1`, and a new one begins."""


class LogFiles:
    """One file per program in a folder: `refresh` appends what was written since; at most twice LARGEST_BYTES each."""

    def __init__(self, folder: Path, fleet: Fleet) -> None:
        self.process = ""
        self.tables: list[Table] = []
        self.folder = folder
        self.journal = Journal(fleet)
        self._written: dict[str, int] = {}

    def handlers(self) -> dict[tuple[type, str], Handler]:
        """Return what to call for which events."""
        return self.journal.handlers()

    def path(self, process: str) -> Path:
        """Return the file of a program."""
        return self.folder / file_name(process, LOG_END)

    def refresh(self, _now: float) -> None:
        """Append to the files what the programs have written."""
        for process in self.journal.lines:
            lines = list(self.journal.since(process, self._written.get(process, 0)))
            if lines:
                self._written[process] = lines[-1].number
                self._append(self.path(process), "".join(f"{line.text}\n" for line in lines))

    def _append(self, path: Path, text: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size + len(text) > LARGEST_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))
        with path.open("a", encoding="utf-8") as file:
            file.write(text)


def build(folder: Path, fleet: Fleet) -> LogFiles:
    """Return the log files of a fleet."""
    return LogFiles(folder, fleet)
