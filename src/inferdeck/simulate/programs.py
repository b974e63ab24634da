"""The programs of a fleet: each thing of it as what it is on the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from inferdeck.simulate.fleet import Fleet
from inferdeck.simulate.servers.program import Program, World

Make = Callable[[World], Program]


def makers(fleet: Fleet) -> Iterator[tuple[str, Make]]:
    """Yield the process name of each program and what makes it. Modules are imported only for what the fleet has."""
    if fleet.gateways:
        from inferdeck.simulate.servers import litellm

        yield from ((one.name, partial(litellm.build, one, fleet)) for one in fleet.gateways)
    if fleet.engines:
        from inferdeck.simulate.servers import engines

        yield from ((one.name, partial(engines.build, one, fleet)) for one in fleet.engines)
    if fleet.caches:
        from inferdeck.simulate.servers import redis

        yield from ((one.name, partial(redis.build, one, fleet)) for one in fleet.caches)
    if fleet.applications:
        from inferdeck.simulate.servers import applications

        yield from ((one.name, partial(applications.build, one, fleet)) for one in fleet.applications)
    if fleet.langfuse:
        from inferdeck.simulate.servers import langfuse

        yield from ((one.name, partial(langfuse.build, one, fleet)) for one in fleet.langfuse)
    if fleet.hub:
        from inferdeck.simulate.servers import hub

        yield "hub", partial(hub.build, None, fleet)
    yield from _of_hosts(fleet)


def _of_hosts(fleet: Fleet) -> Iterator[tuple[str, Make]]:
    from inferdeck.simulate.servers import dcgm, docker, node

    with_cards = {gpu.host for gpu in fleet.gpus}
    for host in fleet.hosts:
        yield f"{host.name}/node", partial(node.build, host, fleet)
        if host.name in with_cards:
            yield f"{host.name}/dcgm", partial(dcgm.build, host, fleet)
        if host.docker:
            yield f"{host.name}/docker", partial(docker.build, host, fleet)
