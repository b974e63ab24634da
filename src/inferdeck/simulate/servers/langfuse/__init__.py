"""Langfuse, v3 and v4 by its version, as a client of its public API sees it.

Written from Langfuse's own sources, OpenAPI document and release notes (3.133: /v2/observations, 3.137: /v2/metrics,
3.179: /v3/scores), for no server can be had here. Unverified, since no capture of a running server backs it: that sums
and extremes of integers come as strings as counts do; how many digits costs and averages are rounded to; the rows that
fill gaps of a time series; bins of histograms (of equal width here, where ClickHouse adapts them); the
wording of validation errors; which of its resources a limit counts to (here each resource has the fleet's limit, per
minute); the answer to a list of scores; the page of a route that a version lacks; and from which 3.x version on (here
3.200) /v2/observations says that it needs v4 rather than that it is beta.
"""

from __future__ import annotations

from inferdeck.simulate.fleet import Fleet, Langfuse
from inferdeck.simulate.servers.langfuse.program import PUBLIC_KEY, SECRET_KEY, LangfuseServer
from inferdeck.simulate.servers.program import World

__all__ = ["PUBLIC_KEY", "SECRET_KEY", "LangfuseServer", "build"]


def build(langfuse: Langfuse, fleet: Fleet, world: World) -> LangfuseServer:
    """Return the server of one Langfuse of the fleet."""
    return LangfuseServer(langfuse, fleet, world)
