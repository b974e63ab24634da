"""Which words a version of LiteLLM speaks: two dialects are known, the borders between them are those of its releases.

Sources: 1.109.1 and 1.106.2 as run and captured; 1.80.0 as read in its wheel (litellm/integrations/prometheus.py,
litellm/proxy), not run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NEW_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 420.0, 600.0)
OLD_BUCKETS = (
    *(0.005, 0.00625, 0.0125, 0.025, 0.05, 0.1),
    *(half / 2 for half in range(1, 21)),
    *(15.0, 20.0, 25.0, 30.0, 60.0, 120.0, 180.0, 240.0, 300.0),
)
DEFAULT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""prometheus_client's own, which `litellm_deployment_latency_per_output_token` keeps."""
_NUMBERS = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between the two; `version` is the one that the proxy says it has."""

    version: str
    new: bool
    """1.88 and later: authentication on /metrics, the shorter bucket ladder, /health/readiness/details."""

    @property
    def families(self) -> str:
        """The file that lists its metrics."""
        return "families_1.109.txt" if self.new else "families_1.80.txt"

    @property
    def buckets(self) -> tuple[float, ...]:
        """The bounds of its latency histograms, in seconds."""
        return NEW_BUCKETS if self.new else OLD_BUCKETS

    @property
    def remaining(self) -> tuple[str, str]:
        """The gauges of requests and of tokens that a deployment may still take."""
        suffix = "_metric" if self.new else ""
        return f"litellm_remaining_requests{suffix}", f"litellm_remaining_tokens{suffix}"

    @property
    def budget_status(self) -> int:
        """What a client whose budget is spent is answered."""
        return 422 if self.new else 400


def of(version: str) -> Dialect:
    """Return the dialect of a version; one that cannot be read is taken for new."""
    found = _NUMBERS.match(version)
    return Dialect(version, found is None or (int(found[1]), int(found[2])) >= (1, 88))
