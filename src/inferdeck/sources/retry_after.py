"""How long a 429 asks to wait."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

LONGEST_WAIT_SECONDS = 86_400.0
USUAL_WAIT_SECONDS = 60.0


def wait_seconds(headers: Mapping[str, str], now: float) -> float:
    """Return the seconds to wait from `now` (Unix): Retry-After in seconds or as a date (RFC 9110, 10.2.3).

    A minute where the header says nothing that can be read; at least a second, at most a day.
    """
    given = headers.get("Retry-After", "").strip()
    wait = USUAL_WAIT_SECONDS
    if re.fullmatch(r"[0-9]{1,9}", given):
        wait = float(given)
    elif given:
        try:
            moment = parsedate_to_datetime(given)
        except ValueError:
            return wait
        wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
    return min(max(wait, 1.0), LONGEST_WAIT_SECONDS)
