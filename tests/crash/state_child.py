"""Annotates and notes events for ever, printing the number of each once it is kept; is killed by its test.

python -m tests.crash.state_child FILE FIRST
"""

from __future__ import annotations

import sys
from pathlib import Path

from inferdeck.model.annotations import Draft
from inferdeck.model.clock import SystemClock
from inferdeck.model.config_files import FileRevision
from inferdeck.model.happening import Happening
from inferdeck.store.state.database import StateDatabase


def main(path: Path, first: int) -> None:
    store = StateDatabase.open(path, clock=SystemClock())
    number = first
    while True:
        store.annotate(Draft(f"annotation {number}", float(number)))
        store.note([(Happening(float(number), "restart", "x", f"event {number}", "s"), "default")])
        store.keep_revision("/x.yaml", FileRevision(str(number), 1, 0.0, float(number)), "x" * 5000)
        print(number, flush=True)
        number += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
