"""Regular expressions of queries: RE2, anchored, linear in the length of what they read."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import re2

from inferdeck.store.interface import Matcher, MatchOp

if TYPE_CHECKING:
    from re2 import _Regexp


@lru_cache(maxsize=512)
def compiled(pattern: str) -> _Regexp[str]:
    """Return the expression, to be used with fullmatch; raises ValueError with RE2's reason."""
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True  # as Prometheus does since 3.0
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"error parsing regexp: {reason}") from error


def matches(matcher: Matcher, value: str) -> bool:
    """Return whether the matcher holds for a label with this value ("" for an absent one)."""
    if matcher.op is MatchOp.EQUAL:
        return value == matcher.value
    if matcher.op is MatchOp.NOT_EQUAL:
        return value != matcher.value
    found = compiled(matcher.value).fullmatch(value) is not None
    return found is (matcher.op is MatchOp.MATCH)
