"""Whether another program reads llama-server's /metrics too: its two averages start anew with each reading.

Between two readings of ours, without another one, llama-server adds the same tokens and seconds to its counters and to
its averages (server-context.cpp, result_metrics: on_prompt_eval, on_prediction, reset_bucket). So prompt_tokens_seconds
is exactly what the prompt counters grew by, and predicted_tokens_seconds at most (it leaves out the first token of each
request). Numbers are printed with six digits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from inferdeck.model.target import ANOTHER_READER

SHOWN_COLLECTIONS = 20
_TOLERANCE = 0.005
_FEW_TOKENS = 16
_PROMPT = ("llamacpp:prompt_tokens_total", "llamacpp:prompt_seconds_total", "llamacpp:prompt_tokens_seconds")
_PREDICTED = (
    "llamacpp:tokens_predicted_total",
    "llamacpp:tokens_predicted_seconds_total",
    "llamacpp:predicted_tokens_seconds",
)


@dataclass(frozen=True, slots=True)
class _Growth:
    """What a pair of counters grew by, as lowest and highest rate that the printed digits allow, and its average."""

    tokens: float
    lowest: float
    highest: float
    average: float


@dataclass(slots=True)
class Averages:
    """Compares one reading with the one before; `forget` after a reading whose answer may have been lost."""

    _before: Mapping[str, float] | None = None
    _shown: int = 0

    def forget(self) -> None:
        """Take the next reading as the first one."""
        self._before = None

    def warning(self, native: Mapping[str, float]) -> str:
        """Take in one reading and return what is wrong, for some collections after it was seen last; else ""."""
        if self._before is not None and _read_between(self._before, native):
            self._shown = SHOWN_COLLECTIONS
        elif self._shown:
            self._shown -= 1
        self._before = native
        if not self._shown:
            return ""
        return (
            f"{ANOTHER_READER} /metrics of this llama-server too: its averages (prompt_tokens_seconds, "
            "predicted_tokens_seconds) start anew with each reading, so that neither sees the whole; let only one "
            "program read it (counters, which inferdeck uses, stay right)"
        )


def _read_between(before: Mapping[str, float], now: Mapping[str, float]) -> bool:
    prompt, predicted = _growth(before, now, _PROMPT), _growth(before, now, _PREDICTED)
    if prompt is not None and prompt.tokens > 0:
        return not prompt.lowest * (1 - _TOLERANCE) <= prompt.average <= prompt.highest * (1 + _TOLERANCE)
    if predicted is None or predicted.tokens <= _FEW_TOKENS:
        return False
    return predicted.average == 0 or predicted.average > predicted.highest * (1 + _TOLERANCE)


def _growth(before: Mapping[str, float], now: Mapping[str, float], names: tuple[str, str, str]) -> _Growth | None:
    """Return None where a name is missing, or the server began anew."""
    tokens, seconds, average = names
    if not all(name in now and math.isfinite(now[name]) for name in names) or not {tokens, seconds} <= before.keys():
        return None
    more, longer = now[tokens] - before[tokens], now[seconds] - before[seconds]
    if more < 0 or longer < 0:
        return None
    tokens_off, seconds_off = _last_digit(now[tokens]), _last_digit(now[seconds])
    shortest = longer - seconds_off
    return _Growth(
        tokens=max(0.0, more - tokens_off) if tokens_off >= 1 else more,
        lowest=max(0.0, more - tokens_off) / (longer + seconds_off),
        highest=(more + tokens_off) / shortest if shortest > 0 else math.inf,
        average=now[average],
    )


def _last_digit(value: float) -> float:
    """Return the weight of the last of the six digits that are printed."""
    return 10.0 ** (math.floor(math.log10(value)) - 5) if value > 0 else 1e-9
