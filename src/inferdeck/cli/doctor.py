"""`inferdeck doctor`: what is wrong and how to mend it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from inferdeck.cli import board, daemons
from inferdeck.cli.text import Page, coloured, columns
from inferdeck.model.json_form import dumps

PATIENCE_SECONDS = 60.0
"""It is asked when a machine has too much to do."""


def doctor(options: argparse.Namespace) -> int:
    """Print every finding with its evidence and the line that mends it; 1 where one is an error."""
    answer = replace(daemons.client(options), timeout_seconds=PATIENCE_SECONDS).doctor()
    worst = any(finding.severity == "error" for finding in answer.findings)
    if options.json:
        print(dumps(answer, indent=2))
        return int(worst)
    page = Page(columns(), colour=coloured(sys.stdout))
    for finding in answer.findings:
        sign = board.SEVERITIES[finding.severity]
        page.wrapped(f"{sign.text} {finding.severity}: {finding.subject}: {finding.message}", "", sign.style)
        if finding.evidence:
            page.wrapped(f"seen: {finding.evidence}", "    ", "dim")
        if finding.fix:
            page.whole(f"mend: {finding.fix}", "    ", "cyan")
    found = len(answer.findings)
    page.line(f"{answer.checks} checks, {found} finding{'' if found == 1 else 's'}", "" if found else "green")
    sys.stdout.write(page.text())
    return int(worst)
