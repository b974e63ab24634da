"""`inferdeck logs`: what the programs of the stack wrote, filtered, around an instant, or as it comes."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

from inferdeck.cli import daemons
from inferdeck.cli.text import STYLES, Page, coloured, columns, safe
from inferdeck.client.tiny import Client
from inferdeck.errors import UsageError
from inferdeck.model.json_form import dumps
from inferdeck.model.log_lines import LogAnswer, LogLine

POLL_SECONDS = 1.0
MOST_AT_ONCE = 2000
_STYLES = {"critical": "red", "error": "red", "warning": "yellow", "debug": "dim", "trace": "dim"}
_MESSAGES = ("message", "msg", "event")
_TOLD_APART = frozenset({"time", "timestamp", "ts", "asctime", "level", "levelname", "severity"})
"""Fields of a line of JSON that stand before its text already."""
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_LETTERS = {"critical": "C", "error": "E", "warning": "W", "info": "I", "debug": "D", "trace": "T"}


def logs(options: argparse.Namespace) -> int:
    """Print lines, the newest last; with --follow until Ctrl-C."""
    client = daemons.client(options)
    if options.streams:
        return _streams(client, options)
    if options.follow and (options.around or options.until):
        raise UsageError("--follow: goes with neither --around nor --until")
    question = _question(options)
    names = Names()
    if not options.json:
        names.learn((one.name, one.source) for one in client.log_streams().streams)
    answer = client.logs(question)
    _print(answer, options, names)
    if not options.follow:
        if not answer.lines and not options.json:
            sys.stderr.write(f"no line matches; {answer.looked_at} stream{'s' * (answer.looked_at != 1)} looked at\n")
        return 0
    try:
        _follow(client, question, answer, options, names)
    except KeyboardInterrupt:
        print()
    return 0


class Names:
    """What streams are called on screens: `host/name` where several machines have one of that name."""

    def __init__(self) -> None:
        self._sources: dict[str, set[str]] = {}

    def learn(self, streams: Iterable[tuple[str, str]]) -> None:
        """Take note of streams, each a name and the id of the source that reads it."""
        for stream, source in streams:
            self._sources.setdefault(_last(stream), set()).add(source)

    def of(self, stream: str, source: str) -> str:
        """Return the name to show."""
        name = _last(stream)
        sources = self._sources.get(name, set()) | {source}
        if len(sources) == 1:
            return name
        # The least that tells them apart: the machine, its port too, else all of the source's id.
        ways = (_host, _instance, str)
        way = next(way for way in ways if way is str or len({way(one) for one in sources}) == len(sources))
        return f"{way(source)}/{name}"


def _last(stream: str) -> str:
    return stream.rpartition("/")[2] or stream


def _instance(source: str) -> str:
    return source.split("/", 2)[-1]


def _host(source: str) -> str:
    return re.sub(r":\d+$", "", _instance(source))


def _follow(
    client: Client, question: dict[str, list[str]], answer: LogAnswer, options: argparse.Namespace, names: Names
) -> None:
    asked = {name: values for name, values in question.items() if name not in ("since", "limit")}
    cursor = answer.newer
    while True:
        if not answer.truncated:
            time.sleep(POLL_SECONDS)
        # Where nothing was there to read yet, there is no cursor: the newest lines then.
        place = {"cursor": [cursor]} if cursor else {}
        answer = client.logs({**asked, **place, "limit": [str(MOST_AT_ONCE)]})
        cursor = answer.newer or cursor
        _print(answer, options, names)


def _question(options: argparse.Namespace) -> dict[str, list[str]]:
    asked = {
        "stream": options.stream,
        "q": options.grep,
        "exclude": options.exclude,
        "level": [options.level],
        "around": [of_clock(options.around)],
        "since": [of_clock(options.since)],
        "until": [of_clock(options.until)],
        "limit": [options.lines],
        "before": [options.before],
        "after": [options.after],
    }
    told = {name: [str(one) for one in values if one is not None] for name, values in asked.items()}
    return {name: values for name, values in told.items() if values}


def of_clock(text: str | None) -> str | None:
    """Return the last moment at which a clock here showed `12:30` or `12:30:05`; any other text as it is."""
    found = _CLOCK.fullmatch(text or "")
    if found is None:
        return text
    now = time.localtime()
    hour, minute, second = (int(part or 0) for part in found.groups())
    if hour > 23 or minute > 59 or second > 59:
        return text
    later = (hour, minute, second) > (now.tm_hour, now.tm_min, now.tm_sec)
    # mktime knows how long a day is, also where clocks are changed.
    moment = (now.tm_year, now.tm_mon, now.tm_mday - later, hour, minute, second, 0, 0, -1)
    return str(int(time.mktime(moment)))


def _print(answer: LogAnswer, options: argparse.Namespace, names: Names) -> None:
    if options.json:
        # As it comes, one line of JSON for each; otherwise the answer as the API gives it.
        texts = [dumps(line) for line in answer.lines] if options.follow else [dumps(answer, indent=2)]
        sys.stdout.writelines(f"{text}\n" for text in texts)
    else:
        colour = coloured(sys.stdout)
        names.learn((line.stream, line.source) for line in answer.lines)
        for line in answer.lines:
            sys.stdout.writelines(_drawn(line, names.of(line.stream, line.source), colour=colour))
        for warning in answer.warnings:
            sys.stderr.write(f"! {safe(warning)}\n")
        if answer.truncated and not options.follow and not options.around:
            sys.stderr.write("! there are older lines that match: -n for more, --until for earlier ones\n")
    sys.stdout.flush()


def _drawn(line: LogLine, name: str, *, colour: bool) -> Iterator[str]:
    clock = "-" if line.time is None else time.strftime("%m-%d %H:%M:%S", time.localtime(line.time))
    # A time that was inferred says so.
    sign = {"estimated": "~", "carried": "^"}.get(line.time_quality, " ")
    head = f"{clock:>14}{sign}{_LETTERS.get(line.level, '?')} {safe(name)}: "
    style = _STYLES.get(line.level, "")
    first, *rest = safe(said(line.text), lines=True).split("\n")
    more = [f"{' ' * 17}{text}" for text in rest]
    if line.cut:
        more.append(f"{' ' * 17}… {line.cut} characters more")
    if colour:
        head = f"\x1b[{STYLES['dim']}m{head}\x1b[0m"
    for text in (first, *more):
        painted = f"\x1b[{STYLES[style]}m{text}\x1b[0m" if colour and style else text
        yield f"{head if text is first else ''}{painted}\n"


def said(text: str) -> str:
    """Return a line for people: of one that is JSON the message first, then what else it says but time and level."""
    if not text.startswith("{"):
        return text
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return text
    message = next((key for key in _MESSAGES if isinstance(fields.get(key), str)), "")
    if not message:
        return text
    told = " ".join(f"{key}={_value(value)}" for key, value in fields.items() if key not in (message, *_TOLD_APART))
    return f"{_ESCAPES.sub('', fields[message])}  {told}".rstrip()


def _value(value: Any) -> str:
    return value if isinstance(value, str) and value and not set(value) & set(' "=\n') else json.dumps(value)


def _streams(client: Client, options: argparse.Namespace) -> int:
    found = client.log_streams()
    if options.json:
        print(dumps(found, indent=2))
        return 0
    page = Page(columns(), colour=coloured(sys.stdout))
    rows = [(one.name, one.origin, one.service, one.source) for one in found.streams]
    if rows:
        page.table(("STREAM", "ORIGIN", "SERVICE", "SOURCE"), rows, spare="SOURCE SERVICE")
    else:
        page.wrapped("no log is read yet; to read some: sources: {logs: {files: [/var/log/litellm.log]}}", "")
    sys.stdout.write(page.text())
    return 0
