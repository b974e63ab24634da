"""`inferdeck query`: a PromQL question to the daemon, or test scripts over our own evaluator."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from inferdeck.cli import daemons
from inferdeck.cli.text import PROSE_COLUMNS, columns, safe
from inferdeck.errors import UsageError
from inferdeck.model.quantities import parse_duration

POINTS = 250
PATIENCE_SECONDS = 120.0


def query(options: argparse.Namespace) -> int:
    """Ask, or run the scripts after the word `test`."""
    words: list[str] = options.words
    if words[0] == "test" and len(words) > 1:
        from inferdeck.cli import query_test

        return query_test.run([Path(word) for word in words[1:]], skipped=options.skipped)
    if len(words) > 1:
        raise UsageError("one expression; put it between quotes")
    return _ask(words[0], options)


def _ask(expression: str, options: argparse.Namespace) -> int:
    from inferdeck.query.promql.parser import parse

    # Read here first: the caret needs the text, which the answer of the daemon does not hold.
    parse(expression)
    if options.format == "chart" and not options.range:
        raise UsageError("--format chart draws a range; add for example --range 1h")
    if options.step and not options.range:
        raise UsageError("--step belongs to --range")
    at = _moment(options.at) if options.at else time.time()
    client = replace(daemons.client(options), timeout_seconds=PATIENCE_SECONDS)
    if options.range:
        length = _seconds(options.range, "--range")
        step = _seconds(options.step, "--step") if options.step else float(max(1, math.ceil(length / POINTS)))
        span = {"start": repr(at - length), "end": repr(at), "step": repr(step)}
        answer = client.prometheus("query_range", {"query": expression, **span})
        _print(answer, options.format, (at - length, at, step))
    else:
        answer = client.prometheus("query", {"query": expression, "time": repr(at)})
        _print(answer, options.format, (at, at, 1.0))
    return 0


def _print(answer: dict[str, Any], form: str, span: tuple[float, float, float]) -> None:
    """Print the answer; span: its first and last moment, and the step."""
    from inferdeck.cli import query_shown

    data = answer.get("data") or {}
    if form == "json":
        print(json.dumps(data, ensure_ascii=False, indent=2))
    elif form == "csv":
        query_shown.csv(data, sys.stdout)
    elif form == "chart":
        from inferdeck.cli import pictures

        look = pictures.look()
        drawn = query_shown.chart(data, query_shown.Grid(*span), columns() or PROSE_COLUMNS, look)
        sys.stdout.write(pictures.painted(drawn, colour=look.colour))
    else:
        sys.stdout.write(query_shown.table(data))
    for remark in [*answer.get("warnings", []), *answer.get("infos", [])]:
        print(safe(str(remark)), file=sys.stderr)


def _seconds(text: str, option: str) -> float:
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error
    if found <= 0:
        raise UsageError(f"{option}: must be longer than nothing")
    return found


def _moment(text: str) -> float:
    """Return Unix seconds; a time without an offset is that of this machine's clock."""
    try:
        found = float(text)
    except ValueError:
        try:
            return datetime.fromisoformat(text).timestamp()
        except (ValueError, OverflowError) as error:
            message = f'--at: "{text}" is not a time; write Unix seconds or 2026-01-31T12:00:00Z'
            raise UsageError(message) from error
    if not math.isfinite(found):
        raise UsageError(f'--at: "{text}" is not a time')
    return found
