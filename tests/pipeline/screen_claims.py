"""What the world says about every table and page of the terminal view: the figures that may stand on each."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from inferdeck.model import numbers, ticks
from inferdeck.simulate.servers.dcgm import DRIVER, uuid
from inferdeck.simulate.servers.docker.server import Docker
from tests.pipeline import gateway_claims, host_claims, panels
from tests.pipeline.claimed import Claims
from tests.pipeline.frozen_world import World, told
from tests.pipeline.oracle import IDENTIFIER
from tests.pipeline.playing import NOTE

MOST_LINES = 500
"""That a page of logs has."""
FACTS = (
    *("address", "addresses", "api_base", "bus", "cuda_version", "driver", "engine_version", "family", "host", "id"),
    *("image", "image_tag", "licence", "litellm_model", "model", "networks", "path", "ports", "repository", "root"),
    *("config_hash", "container", "gpus", "hostname", "uuid", "version"),
)
"""What sources are told in words: names, addresses and versions, whatever digits are in them."""
PLAIN = (
    re.compile(r"(TTFT )?p\d\d"),  # heads of columns
    re.compile(r"\d\d:\d\d:\d\d(\.\d+)?"),  # when a line was written, beside the line itself
    re.compile(r"fallback \d: .*"),  # the place of a fallback in its list
    re.compile(r"Hit rates over \w+"),  # the chosen window of the dashboard
    re.compile(r"and \d+ more(; : \w+)?"),  # how many rows have no room
    re.compile(r".*(GATEWAY|answer\.choices).*"),  # an example of a program to be copied
)
"""What is no figure of the stack."""
BESIDE = (
    f"{gateway_claims.DURATION}_sum",
    "redis_connected_clients",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
)
"""Series of tables and pages that no dashboard asks for."""
HEAD = (
    *PLAIN,
    re.compile(r"own 1\.2 %|now, every 5 s"),  # what the test says of the daemon, and how often it asks
    re.compile(r"[a-z_]+=\S+( [a-z_]+=\S+)*"),  # the chosen values of a dashboard's variables
)
UNLIKE = re.compile(r"~ deployment .*")
LINE_OF_FILE = re.compile(r"litellm-0(\.yaml:\d+: .*|.*…)")
"""Where a file differs from what runs (tests/unit/routing), and in which of its lines."""


def claims(world: World, place: str) -> Claims:
    """Return what may stand on a screen outside of its charts."""
    found = Claims(anywhere=words(world), shapes=PLAIN)
    for add in BY_PLACE.get(place.split(" ")[0], ()):
        add(world, found)
    return found


def wanted() -> frozenset[str]:
    """Return the names of all series that any panel, chart or table is made of."""
    asked = " ".join(query.expr for one in panels.dashboards() for panel in one.panels() for query in panel.queries)
    return frozenset({*IDENTIFIER.findall(asked), *BESIDE})


def head(world: World, place: str) -> Claims:
    """Return what may stand on the first line of every screen."""
    found = Claims(anywhere=words(world), shapes=HEAD)
    fleet = world.played.stage.scenario.fleet
    watched = world.played.stage.watched
    up = sum(one.read[-1:] == [world.played.last] for one in watched.values())
    found.anywhere |= {f"{up}/{len(watched)} up", f"inferdeck {place.partition(' ')[2]}"}
    busiest = f'gateway="{world.gateway.name}"'
    texts = gateway_claims.used(world, busiest)
    found.anywhere |= {
        *texts,
        *(f"{world.gateway.name} (1 of 2) 5m {text}" for text in texts),
        *(f"5m {text}" for text in texts),
        *(f"out {text}" for text in texts),
    }
    made = len({one.model for one in world.gateway.deployments})
    boxed = sum(
        isinstance(one, Docker) and len(one.containers.all) for one in world.played.stage.site.programs.values()
    )
    counts = {"Services": len(watched), "Containers": boxed, "GPUs": len(fleet.gpus), "Models": made, "Routes": made}
    counts |= {"Events": 1, "Config": 1, "Providers": len(gateway_claims.providing(world))}
    found.anywhere |= {f"inferdeck {title} {count}" for title, count in counts.items()}
    found.anywhere |= {f"inferdeck Card {gpu.host} {gpu.index}" for gpu in fleet.gpus}
    found.anywhere |= {"inferdeck Model gpt-4o"}
    found.add([], set(), gateway_claims.percentiles(world, busiest))
    return found


def words(world: World) -> set[str]:
    """Return all names, addresses and versions of the fleet."""
    fleet, found = world.played.stage.scenario.fleet, set()
    for one in world.played.stage.watched.values():
        found |= {
            one.target.key.instance,
            one.target.url,
            one.target.key.job,
            f"{one.target.key.environment}/{one.target.key.job}/{one.target.key.instance}",
        }
        for fact in one.inventory:
            found |= {fact.name, *(fact.facts[key] for key in FACTS if key in fact.facts)}
    for gateway in fleet.gateways:
        for deployment in gateway.deployments:
            found |= {deployment.id, deployment.model, deployment.served}
    for engine in fleet.engines:
        # A model without its maker's name, and what runs it with its version.
        served = {engine.model.name, engine.model.repository, engine.model.name.rpartition("/")[2]}
        found |= {*served, engine.model.licence, engine.model.quantization, f"{engine.kind} {engine.version}"}
        found |= {f"{engine.model.name} {world.played.stage.scenario.fleet.environment}"}
    for gpu in fleet.gpus:
        found |= {f"{gpu.index} {gpu.model}", f"GPU {gpu.index} of {gpu.host}", uuid(gpu), DRIVER, gpu.model}
        found |= {f"{gpu.host} {gpu.index}"}
    found |= {host.name for host in fleet.hosts} | {
        f"{name} on {host.name}" for name in world.played.stage.world.processes.all for host in fleet.hosts
    }
    return found - {""}


# Texts.


def lines(world: World, found: Claims) -> None:
    """What programs wrote: lines as they are, behind their time and program."""
    logs = world.played.stage.site.logs
    assert logs is not None
    for process in world.played.stage.world.processes.all:
        for line in logs.journal.since(process, 0):
            moment = ticks.local(line.time, None)
            key = (f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}", process)
            found.written.setdefault(key, []).append(line.text)
    found.anywhere.add(f"{min(MOST_LINES, sum(map(len, found.written.values())))} lines")


def file(world: World, found: Claims) -> None:
    """A file as it is on the disk, line by line behind its number; and where it differs from what runs."""
    path = Path("/tmp/inferdeck-played/litellm-0.yaml")
    text = path.read_text()
    found.lines += [f"{number} {line}" for number, line in enumerate(text.splitlines(), 1)]
    found.anywhere |= {numbers.byte_size(float(path.stat().st_size)), str(path)}
    written = ticks.local(path.stat().st_mtime, None)
    found.anywhere |= {f"{written:%Y-%m-%d %H:%M:%S}", "1", f"{2 * len(world.gateway.deployments)} unlike"}
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    found.anywhere.add(f"litellm, SHA-256 {digest}, written {written:%Y-%m-%d %H:%M:%S}, 1 revisions seen")
    found.shapes = (*found.shapes, UNLIKE, LINE_OF_FILE)


def settings(world: World, found: Claims) -> None:
    """What inferdeck itself goes by: the numbers that the test gave it."""
    found.anywhere |= {"4633", told(5.0, "seconds"), told(465.0, "seconds"), "5 s", "30 d"}


def events(world: World, found: Claims) -> None:
    moment = ticks.local(world.now - 120, None)
    found.anywhere |= {f"{moment:%Y-%m-%d %H:%M:%S}", NOTE}


BY_PLACE: Mapping[str, Sequence[Callable[[World, Claims], None]]] = {
    "services": (host_claims.services,),
    "service": (host_claims.litellm,),
    "containers": (host_claims.containers,),
    "container": (host_claims.litellm,),
    "gpus": (host_claims.cards,),
    "card": (host_claims.cards, host_claims.card),
    "models": (gateway_claims.models,),
    "model": (gateway_claims.models, gateway_claims.model),
    "compare": (gateway_claims.compared,),
    "catalog": (gateway_claims.models,),
    "gateway": (gateway_claims.models,),
    "overview": (events,),
    "requests": (gateway_claims.requests, lines),
    "providers": (gateway_claims.providers,),
    "routes": (gateway_claims.routes,),
    "logs": (lines,),
    "file": (file,),
    "config": (file, settings),
    "settings": (settings,),
    "events": (events,),
}
