"""The generated part of docs/discovery.md: what discovery asks for, and by which marks it knows each service."""

from __future__ import annotations

from collections.abc import Iterator

from inferdeck.sources import probing
from inferdeck.sources.discovery import MOST_AT_A_LOOK
from inferdeck.sources.identity import NOT_HTTP_NAMES, NOT_HTTP_PORTS, REDIS_NAMES, REDIS_PORT
from inferdeck.sources.listening import WELL_KNOWN_PORTS
from inferdeck.sources.marks import KNOWN, Known, Mark

BEGIN = "<!-- generated: discovery -->"
END = "<!-- end of generated -->"


def page(text: str) -> str:
    """Return the page with the text between its two markers replaced; raises ValueError where they are missing."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{head}{BEGIN}\n\n{reference()}\n{END}{tail}"


def reference() -> str:
    """Return the reference as Markdown."""
    return "\n".join([*_bounds(), *_questions(), *_marks()])


def _bounds() -> Iterator[str]:
    bounds = (
        ("requests to one service, each time that it is looked at", f"at most {probing.MOST_REQUESTS}"),
        ("of one answer is read", f"at most {probing.MOST_BYTES // 1024} kB"),
        ("for one answer", f"at most {probing.PROBE_SECONDS:g} s"),
        ("for one service", f"no further question after {probing.SERVICE_SECONDS:g} s"),
        ("services asked at a time", f"at most {probing.AT_ONCE}"),
        ("services asked before what was found is watched", f"at most {MOST_AT_A_LOOK}"),
        ("headers", ", ".join(f"`{name}: {value}`" for name, value in _headers())),
        ("ports that are never asked", ", ".join(str(port) for port in sorted(NOT_HTTP_PORTS))),
        ("programs that are never asked", ", ".join(f"`{name}`" for name in NOT_HTTP_NAMES)),
        ("ports tried where the system lists no sockets", ", ".join(str(port) for port in WELL_KNOWN_PORTS)),
    )
    yield from ("### Bounds", "", "| what | how much |", "|---|---|")
    for what, much in bounds:
        yield f"| {what} | {much} |"
    yield ""


def _headers() -> Iterator[tuple[str, str]]:
    for name, value in probing.HEADERS.items():
        yield name, "inferdeck/VERSION (discovery)" if name == "User-Agent" else value


def _questions() -> Iterator[str]:
    asked = dict.fromkeys(mark.path for known in KNOWN for mark in known.marks[: known.leads])
    yield from ("### What a service that nobody knows is asked", "")
    yield "In this order, each once; what follows a mark is in the next table."
    yield ""
    yield ", ".join(f"`GET {path}`" for path in asked)
    yield ""


def _marks() -> Iterator[str]:
    yield from ("### Marks", "", "| service | kind | looked for in every service | after a first mark |")
    yield "|---|---|---|---|"
    for known in KNOWN:
        kind = f"`{known.kind}`" if known.kind else "–"
        yield f"| {known.title} | {kind} | {_cell(known.marks[: known.leads])} | {_rest(known)} |"
    names = ", ".join(f"`{name}`" for name in REDIS_NAMES)
    yield (
        f"| Redis or Valkey | `redis` | on port {REDIS_PORT}, for programs and images named {names}, and where HTTP is "
        "answered by an error of Redis: `PING` | `ECHO inferdeck`, `QUIT` |"
    )
    yield ""


def _rest(known: Known) -> str:
    found = _cell(known.marks[known.leads :])
    key = f"a key is wanted: `GET {known.key.path}` {known.key.says}" if known.key else ""
    return "<br>".join(filter(None, (found, key))) or "–"


def _cell(marks: tuple[Mark, ...]) -> str:
    return "<br>".join(f"`GET {mark.path}` {mark.says}{' (weak)' if mark.weak else ''}" for mark in marks)
