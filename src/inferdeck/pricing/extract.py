"""Prints what genai-prices knows as one small JSON table; run as a process of its own.

Importing the package takes half a second, all of it in one go, and 40 MB that nothing gives back.
"""

from __future__ import annotations

import json
import os
import re
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

KEYS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
_DAY = re.compile(r"\b20\d\d-\d\d-\d\d\b")


def table(today: str) -> dict[str, Any]:
    """Return all providers with their models, and the newest day up to `today` that the data names."""
    from genai_prices.data import providers

    newest = ""
    found = {}
    for provider in providers:
        models = [_model(model) for model in provider.models]
        found[provider.id] = {
            "api": provider.api_pattern,
            "fallback": list(provider.fallback_model_providers or ()),
            "models": models,
        }
        newest = max(newest, *_days(provider, today), "")
    return {"version": version("genai-prices"), "as_of": newest, "providers": found}


def _days(provider: Provider, today: str) -> list[str]:
    texts = [provider.price_comments or "", *(model.price_comments or "" for model in provider.models)]
    days = [day for text in texts for day in _DAY.findall(text)]
    for model in provider.models:
        days += [start for _, start, _, _ in _periods(model) if start]
    return [day for day in days if day <= today]


def _model(model: ModelInfo) -> dict[str, Any]:
    found: dict[str, Any] = {"id": model.id, **_clauses(model.match), "prices": _periods(model)}
    if model.deprecated:
        found["deprecated"] = True
    if model.context_window:
        found["context"] = model.context_window
    return found


def _clauses(match: Any) -> dict[str, list[str]]:
    """Return the rules that leave no room: the whole name, its beginning, an anchored expression."""
    kinds: dict[str, list[str]] = {"equals": [], "begins": [], "regex": []}
    for one in getattr(match, "or_", [match]):
        if hasattr(one, "equals"):
            kinds["equals"].append(one.equals)
        elif hasattr(one, "starts_with"):
            kinds["begins"].append(one.starts_with)
        elif hasattr(one, "regex") and one.regex.startswith("^"):
            kinds["regex"].append(one.regex)
    return {kind: values for kind, values in kinds.items() if values}


def _periods(model: ModelInfo) -> list[tuple[dict[str, Any], str, str, str]]:
    """Return (prices, from which day, from and to which time of day in UTC); the last one that holds counts."""
    if not isinstance(model.prices, list):
        return [(_prices(model.prices), "", "", "")]
    found = []
    for one in model.prices:
        day = getattr(one.constraint, "start_date", None)
        begin, end = (getattr(one.constraint, name, None) for name in ("start_time", "end_time"))
        found.append((_prices(one.prices), str(day or ""), str(begin or "")[:8], str(end or "")[:8]))
    return found


def _prices(prices: ModelPrice) -> dict[str, Any]:
    """Return USD per million tokens; a list is the base price and then [from how many tokens, price], …"""
    found: dict[str, Any] = {}
    for key in KEYS:
        value = prices.__dict__.get(key)
        if value is not None:
            found[key] = _tiers(value) if hasattr(value, "tiers") else float(value)
    return found


def _tiers(value: TieredPrices) -> list[Any]:
    return [float(value.base), *([one.start, float(one.price)] for one in value.tiers)]


if __name__ == "__main__":
    os.nice(10)
    json.dump(table(datetime.now(UTC).date().isoformat()), sys.stdout, separators=(",", ":"))
