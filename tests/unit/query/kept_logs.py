"""Logs as lists in memory, for tests of what asks several readers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from inferdeck.errors import ConnectError
from inferdeck.model.log_lines import LogLine, LogPage, LogQuery, LogStream


@dataclass
class Kept:
    """A second implementation of what keeps lines: lists in memory, a position is a count."""

    source: str
    texts: dict[str, list[tuple[float, str, str]]]
    broken: bool = False
    hangs: bool = False

    def streams(self) -> Sequence[LogStream]:
        return [
            LogStream(name, "file", f"/var/log/{name}", self.source, name.removesuffix(".log")) for name in self.texts
        ]

    async def read(self, query: LogQuery) -> LogPage:
        if self.hangs:
            await asyncio.sleep(1000)
        if self.broken:
            raise ConnectError("it is gone")
        lines: list[LogLine] = []
        older, newer, more = {}, {}, False
        for name in query.streams or tuple(self.texts):
            rows = [
                LogLine(time, level, name, self.source, text, "measured", position=str(number))
                for number, (time, level, text) in enumerate(self.texts[name])
            ]
            own = rows
            if query.newer:
                place = query.newer.get(name, "")
                first = 0 if place == "start" else int(place[1:]) if place.startswith("e") else int(place) + 1
                own = rows[first : first + query.limit]
                more |= first + len(own) < len(rows)
                newer[name] = f"e{first + len(own)}"
            elif name in query.older and not query.older[name]:
                own = []
            else:
                end = int(query.older[name].lstrip("e")) if query.older else len(rows)
                own = rows[max(0, end - query.limit) : end]
                older[name] = own[0].position if own and own[0].position != "0" else ""
                more |= bool(older[name])
                newer[name] = f"e{len(rows)}"
            lines += [line for line in own if all(word in line.text for word in query.include)]
        return LogPage(tuple(lines), more, older, newer)


def rows(name: str, count: int, start: float, step: float) -> list[tuple[float, str, str]]:
    return [(start + step * n, "info", f"{name}{n}") for n in range(count)]
