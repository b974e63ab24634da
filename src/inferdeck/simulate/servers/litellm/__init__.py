"""A LiteLLM proxy: metrics, health, inventory, spend, and an OpenAI-compatible endpoint that the world answers.

Backed by captures of 1.106.2 and 1.109.1: families, types, label names, bounds and values of the metrics of 1.109,
bodies with and without a database, LiteLLM's response headers, events of the callback `generic_api`.
`disable_fallbacks`, `num_retries`, `mock_testing_fallbacks` with its refusal, and deployments asked for by id are as
1.106.2 answered.

Unverified, because it was read in source alone or stands in no capture:

- all of 1.80 (its wheel was read: families, labels, bounds; that `litellm_deployment_cooled_down` never counts there,
  since it is given a label more than it has; status `None` of a spent budget);
- `litellm_deployment_state` 2 after a cooldown: LiteLLM names the deployment by its public model there, so that a twin
  series stays at 2 until the proxy starts again; that each hop of a chain of fallbacks is named by the model asked for;
- without a database, the bodies of routes that `nodatabase` does not name; what a virtual key is refused;
- `/global/activity/exceptions` with content, `/global/activity/cache_hits`, errors of models that have fallbacks;
- what a model answers that cannot do what is asked for (400 to a picture, text instead of a tool call), and what those
  answer that can: their words are made up;
- that a request whose client went away counts as failed with an internal error, and not as spent;
- that a quarter of a gateway's overhead is queue time (`meter.PRE_CALL_SHARE`); memory and files of an idle process.

Without a database all agents use the master key: LiteLLM then knows no teams and tells agents apart by `user_agent`.
"""

from __future__ import annotations

from inferdeck.simulate.fleet import Fleet, Gateway
from inferdeck.simulate.servers.litellm.program import Litellm
from inferdeck.simulate.servers.program import World

__all__ = ["Litellm", "build"]


def build(gateway: Gateway, fleet: Fleet, world: World) -> Litellm:
    """Return one proxy of the fleet."""
    return Litellm(gateway, fleet, world)
