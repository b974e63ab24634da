"""Programs of the user's own that count requests: the families of two dashboards (usage, gateway), and nothing else.

`llm` is an application with `llm_*` families, as Python's prometheus_client writes them with `_created` switched off;
`llm_gateway` is a gateway whose families carry their prefix twice. Names, types and labels are those that the
dashboards ask for; of buckets, of the values of labels and of when a gauge moves they say nothing, and no capture backs
those: docs/simulator.md lists them as unverified, the docstrings of the families say what we chose.
"""

from __future__ import annotations

from inferdeck.simulate.fleet import Application, Fleet
from inferdeck.simulate.servers.applications.counting import Counting
from inferdeck.simulate.servers.applications.edge import EdgeGateway
from inferdeck.simulate.servers.applications.usage import UsageApplication
from inferdeck.simulate.servers.program import World

__all__ = ["Counting", "build"]


def build(application: Application, fleet: Fleet, world: World) -> Counting:
    """Return the program of one application of the fleet; raises ValueError for families that are not known."""
    kinds = {"llm": UsageApplication, "llm_gateway": EdgeGateway}
    if application.metrics not in kinds:
        raise ValueError(f"{application.name}: metrics {application.metrics!r} is none of {', '.join(kinds)}")
    return kinds[application.metrics](application, fleet, world)
