"""What the world says about services, containers and cards: the figures that may stand in each row."""

from __future__ import annotations

import math

from inferdeck.model import numbers, ticks
from inferdeck.simulate.servers.dcgm import IDLE_CLOCK_SHARE, MEMORY_ABOVE_CORE_CELSIUS, MEMORY_CLOCK_MHZ
from inferdeck.simulate.servers.docker.server import Docker
from inferdeck.simulate.servers.redis.server import Redis
from tests.pipeline.claimed import Claims
from tests.pipeline.frozen_world import World, told
from tests.pipeline.playing import LATER_SECONDS

MIB = 2**20


# Services and containers.


def usage(world: World, process: str) -> set[str]:
    """Return everything that a process uses and since when, as the world has it."""
    stage = world.played.stage
    state = stage.world.processes.all[process]
    found = {
        str(state.pid),
        told(0.0, "seconds"),
        f"{told(LATER_SECONDS, 'seconds')} ago",
        f"{LATER_SECONDS:.0f} s ago",
    }
    host = _host(world, process)
    begun = [*stage.ledger.beginnings(-math.inf, world.played.last, process)]
    if begun:
        started = begun[-1].time
        found |= {told(world.now - started, "seconds"), told(float(len(begun) - 1), "count")}
        found |= {f"{ticks.local(started, None):{form}}" for form in ("%d %b %H:%M", "%Y-%m-%d %H:%M:%S")}
        found.add(f"{state.pid} on {host}")
    program = stage.site.programs.get(process)
    if isinstance(program, Redis):
        found.add(told(float(program.state.connected()), "count"))
    docker = stage.site.programs.get(f"{host}/docker")
    if isinstance(docker, Docker) and f"{host}/docker" in stage.watched:
        instance = stage.watched[f"{host}/docker"].target.key.instance
        for container in docker.containers.all.values():
            if container.facts.process == process:
                where = f'name="{container.facts.name}", instance="{instance}"'
                found |= world.texts(
                    (world.rate("container_cpu_usage_seconds_total", where), "cores"),
                    (f"sum(container_memory_working_set_bytes{{{where}}})", "bytes"),
                )
    return found


def _host(world: World, process: str) -> str:
    fleet = world.played.stage.scenario.fleet
    hosts = {one.name: one.host for one in fleet.gateways} | {one.name: one.host for one in fleet.engines}
    hosts |= {one.name: one.host for one in fleet.caches} | {one.name: one.host for one in fleet.applications}
    hosts |= {one.name: one.host for one in fleet.langfuse}
    return hosts.get(process, process.partition("/")[0])


def services(world: World, found: Claims) -> None:
    for name in world.played.stage.watched:
        found.add([name], usage(world, name))
        found.anywhere.add(name)


def containers(world: World, found: Claims) -> None:
    fleet = world.played.stage.scenario.fleet
    hosts = {host.name for host in fleet.hosts}
    for program in world.played.stage.site.programs.values():
        for one in program.containers.all.values() if isinstance(program, Docker) else ():
            process, host = one.facts.process, _host(world, one.facts.process)
            engine = next((engine for engine in fleet.engines if engine.name == process), None)
            cards = [gpu for gpu in fleet.gpus if gpu.host == host and (engine is None or gpu.name in engine.gpus)]
            texts = usage(world, process) | {", ".join(f"GPU {gpu.index} of {gpu.host}" for gpu in cards)}
            found.add([one.facts.name, host], texts)
            found.add([one.facts.name], texts, without=hosts)


def litellm(world: World, found: Claims) -> None:
    """The page of one program: each of its figures stands beside words of its own."""
    found.anywhere |= usage(world, world.gateway.name)
    one = world.played.stage.watched[world.gateway.name]
    found.anywhere |= {f"{one.target.key.instance.rpartition(':')[2]}->4000/tcp"}
    docker = world.played.stage.watched[f"{world.gateway.host}/docker"]
    images = [fact.facts["image"] for fact in docker.inventory if fact.name == world.gateway.name]
    # Where there is little room, a long name goes on in the next line.
    found.anywhere |= {text[:end] for text in images for end in range(20, len(text))}


# Cards.


def cards(world: World, found: Claims) -> None:
    for gpu in world.played.stage.scenario.fleet.gpus:
        state = world.played.cards[gpu.name]
        used, whole = int(state.memory_bytes) // MIB * MIB, gpu.memory_bytes // MIB * MIB
        cooled = math.exp((state.time - world.played.last) / gpu.heat_seconds)
        celsius = state.settle_celsius + (state.celsius - state.settle_celsius) * cooled
        clock = math.floor(state.clock_mhz if state.busy > 0 else gpu.clock_mhz * IDLE_CLOCK_SHARE) * 1e6
        memory = next((mhz for part, mhz in MEMORY_CLOCK_MHZ.items() if part in gpu.model), 0.0) * 1e6
        sizes = (numbers.byte_size(used), numbers.byte_size(whole))
        told_of = {
            *(told(math.floor(100 * min(1.0, state.busy) + 0.5) / 100, "ratio"), *sizes, " of ".join(sizes)),
            *(told(used / whole, "ratio"), f"{math.floor(celsius)} °C", told(round(state.watts, 3), "watts")),
            *(
                told(clock, "hertz"),
                told(memory, "hertz"),
                f"{math.floor(celsius + MEMORY_ABOVE_CORE_CELSIUS)} °C",
                "0",
            ),
        }
        name = f"{gpu.index} {gpu.model if gpu.model.startswith('NVIDIA') else f'NVIDIA {gpu.model}'}"
        found.anywhere.add(name)
        engines = sorted(
            (one for one in world.played.stage.scenario.fleet.engines if gpu.name in one.gpus), key=lambda one: one.name
        )
        told_of |= {", ".join(one.model.name.rpartition("/")[2] for one in engines)}
        told_of |= {", ".join(sorted(one.name for one in engines))}
        asked = ", ".join(sorted(str(one.rpartition("-")[2]) for engine in engines for one in engine.gpus))
        told_of |= {f"inspect of {one.name} asks for devices {asked} on {gpu.host}" for one in engines}
        # Cards of a host are told apart by their numbers.
        found.add([gpu.host, name], told_of)
        found.add([name], told_of, without={host.name for host in world.played.stage.scenario.fleet.hosts})


def card(world: World, found: Claims) -> None:
    """The page of the first card."""
    for row in list(found.rows):
        if row.words <= {"gpu-1", "0 NVIDIA H100 80GB HBM3"}:
            found.anywhere |= row.texts
