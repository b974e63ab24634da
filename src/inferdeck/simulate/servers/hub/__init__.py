"""A subset of the Hugging Face Hub that knows the repositories of the fleet's engines.

Written from huggingface_hub's own sources. Unverified, since no capture of the Hub backs it: the 401 that a missing
repository has for who is not logged in (with X-Error-Code: RepoNotFound), the texts of errors, what a search returns
without `full`, and how its cursor looks. What the fleet does not say is left out (likes are 0, no spaces, no results
of evaluations); dates of creation and change are made from the repository's name. Weights are listed, not served.
"""

from __future__ import annotations

from inferdeck.simulate.fleet import Fleet
from inferdeck.simulate.servers.hub.program import TOKEN, Hub
from inferdeck.simulate.servers.program import World

__all__ = ["TOKEN", "Hub", "build"]


def build(_hub: object, fleet: Fleet, world: World) -> Hub:
    """Return the hub of a fleet."""
    return Hub(fleet, world)
