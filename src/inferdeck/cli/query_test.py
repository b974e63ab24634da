"""`inferdeck query test`: Prometheus' test scripts over our own evaluator; needs no daemon."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inferdeck.cli.text import safe
from inferdeck.errors import UsageError
from inferdeck.query.promql.script.asking import Asking
from inferdeck.query.promql.script.reading import read
from inferdeck.query.promql.script.run import State, Verdict
from inferdeck.query.promql.script.run import run as run_script
from inferdeck.store.metrics.memory import MemoryStore


def run(files: Sequence[Path], *, skipped: bool) -> int:
    """Run the scripts, print every failure and a line of counts for each; 1 where something failed, else 0."""
    failed = False
    for file in files:
        verdicts = verdicts_of(file)
        for verdict in verdicts:
            if verdict.state is State.FAILED or (skipped and verdict.state is State.SKIPPED):
                print(
                    f"{file}:{verdict.line}: {verdict.state.value}: {safe(verdict.query)}\n    {safe(verdict.reason)}"
                )
        counts = {state: sum(verdict.state is state for verdict in verdicts) for state in State}
        print(f"{file}: {', '.join(f'{count} {state.value}' for state, count in counts.items())}")
        failed = failed or counts[State.FAILED] > 0
    return 1 if failed else 0


def verdicts_of(file: Path) -> list[Verdict]:
    """Return how each case of a script ended; raises UsageError for one that cannot be read."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read: {error}") from error
    try:
        commands = read(text)
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from error
    return run_script(commands, MemoryStore, Asking)
