"""Which series match: label -> value -> sorted ids in numpy; regular expressions run over distinct values only."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import numpy as np
import re2
from numpy.typing import NDArray

from inferdeck.errors import UsageError
from inferdeck.model.labels import Labels
from inferdeck.store.interface import Matcher, MatchOp

Ids = NDArray[np.uint32]
NO_IDS: Ids = np.empty(0, dtype=np.uint32)


class Index:
    """Posting lists that grow at their ends: ids are added in increasing order. Safe to read while one thread adds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all = array("I")
        self._postings: dict[str, dict[str, array[int]]] = {}

    def add(self, series: Iterable[tuple[int, Labels]]) -> None:
        """Add series whose ids are greater than all before."""
        for part in _parts(series, 500):
            with self._lock:
                for number, pairs in part:
                    self._all.append(number)
                    for name, value in pairs:
                        values = self._postings.setdefault(name, {})
                        posting = values.get(value)
                        if posting is None:
                            posting = values[value] = array("I")
                        posting.append(number)

    def match(self, matchers: Sequence[Matcher]) -> Ids:
        """Return the sorted ids of the series that satisfy all matchers; raises UsageError on a bad expression."""
        found: Ids | None = None
        tests = [(matcher, predicate(matcher)) for matcher in matchers]
        with self._lock:
            for matcher, test in sorted(tests, key=lambda pair: pair[0].op is not MatchOp.EQUAL):
                ids = self._matching(matcher, test)
                found = ids if found is None else np.intersect1d(found, ids, assume_unique=True)
                if not found.size:
                    return found
            return self._everything() if found is None else found

    def _matching(self, matcher: Matcher, test: Callable[[str], bool]) -> Ids:
        values = self._postings.get(matcher.name, {})
        if test(""):  # an absent label has the value "": take away those whose value does not match
            others = _union([posting for value, posting in values.items() if not test(value)])
            return np.setdiff1d(self._everything(), others, assume_unique=True)
        if matcher.op is MatchOp.EQUAL:
            return _union([values[matcher.value]] if matcher.value in values else [])
        return _union([posting for value, posting in values.items() if test(value)])

    def _everything(self) -> Ids:
        return np.array(self._all, dtype=np.uint32)


def _parts(series: Iterable[tuple[int, Labels]], size: int) -> Iterable[list[tuple[int, Labels]]]:
    part: list[tuple[int, Labels]] = []
    for entry in series:
        part.append(entry)
        if len(part) == size:
            yield part
            part = []
    yield part


def _union(postings: list[array[int]]) -> Ids:
    if not postings:
        return NO_IDS
    if len(postings) == 1:
        return np.array(postings[0], dtype=np.uint32)
    return np.sort(np.concatenate([np.array(posting, dtype=np.uint32) for posting in postings]))


def predicate(matcher: Matcher) -> Callable[[str], bool]:
    """Return the test of one matcher on a label's value ("" for an absent label); raises UsageError."""
    wanted = matcher.value
    if matcher.op is MatchOp.EQUAL:
        return lambda value: value == wanted
    if matcher.op is MatchOp.NOT_EQUAL:
        return lambda value: value != wanted
    pattern = _compiled(wanted)
    if matcher.op is MatchOp.MATCH:
        return lambda value: pattern.fullmatch(value) is not None
    return lambda value: pattern.fullmatch(value) is None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re2._Regexp[str]:
    """Compile with RE2, which is linear in its input: a pattern from a user cannot hang the daemon."""
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True  # as Prometheus does since 3.0
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        raise UsageError(f"the regular expression {pattern!r} is not valid: {reason}") from error
