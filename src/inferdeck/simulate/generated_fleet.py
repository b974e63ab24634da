"""A fleet of a wished size, always the same for the same wishes: what `generate:` in a fleet file stands for."""

from __future__ import annotations

from dataclasses import dataclass

from inferdeck.simulate.fleet import (
    Agent,
    Cache,
    Deployment,
    Engine,
    EngineModel,
    Fleet,
    Gateway,
    Gpu,
    Host,
    Price,
    Provider,
    Spread,
    Team,
    UseCase,
)

CARDS = 8
PER_HOST = 3
"""Processes of a host itself: node exporter, GPU exporter, Docker."""
_KINDS = (("vllm", "0.33.0"), ("vllm", "0.20.2"), ("sglang", "0.5.23"), ("vllm", "0.8.5"), ("tgi", "3.3.7"))
_RHYTHMS = ("steady", "office", "evening", "night")
_GIB = 2.0**30


@dataclass(frozen=True, slots=True)
class Generate:
    """How large a generated fleet is; names begin with `prefix` and end with a number."""

    targets: int
    """Processes that can be scraped: gateways, caches, engines with one card each, and three for each host."""
    models: int
    """Public models, over all gateways; the first ones run on the engines, the others at providers."""
    gateways: int = 4
    """LiteLLM proxies, each with a Redis of its own."""
    providers: int = 8
    """Providers in the cloud."""
    agents: int = 200
    """Agents, each with five models."""
    teams: int = 40
    """Teams."""
    requests_per_minute: float = 300.0
    """Of all agents together."""
    prefix: str = "g"
    """What every name begins with."""

    def engines(self) -> int:
        """Return how many engines there are: what is left beside gateways, caches and the hosts' own processes."""
        full, rest = self._rest()
        return CARDS * full + (rest - PER_HOST if rest > PER_HOST else rest // PER_HOST)

    def hosts(self) -> int:
        """Return how many hosts there are: as few as hold a card for each engine."""
        full, rest = self._rest()
        return full + (rest > 0)

    def dockers(self) -> int:
        """Return how many hosts run their programs in containers: but sometimes the last, all."""
        return self.hosts() - (self._rest()[1] in (1, PER_HOST))

    def _rest(self) -> tuple[int, int]:
        return divmod(self.targets - 2 * self.gateways, CARDS + PER_HOST)

    def mistake(self) -> str:
        """Return what is impossible in the wishes, "" where nothing is."""
        if not self.gateways or not self.providers or not self.teams:
            return "gateways, providers and teams must be at least 1"
        if self.targets < 2 * self.gateways:
            return f"{self.targets} targets are too few for {self.gateways} gateways and their caches"
        if self.models < max(self.gateways, self.engines()):
            return f"{self.models} models are too few for {self.engines()} engines and {self.gateways} gateways"
        return ""


def generated(wishes: Generate) -> Fleet:
    """Return the fleet; each engine serves one model, each further model has two deployments at providers."""
    name = _namer(wishes)
    docker = wishes.dockers()
    hosts = [Host(name("host", place), 64, 1024 * _GIB, docker=place < docker) for place in range(wishes.hosts())]
    gpus, engines = [], []
    for place in range(wishes.engines()):
        host = hosts[place // CARDS].name
        gpus.append(Gpu(name("gpu", place), host, place % CARDS))
        kind, version = _KINDS[place % len(_KINDS)]
        engines.append(
            Engine(name("engine", place), kind, version, _model(name, place), (gpus[-1].name,), host, kv_tokens=160_000)
        )
    deployments: list[list[Deployment]] = [[] for _ in range(wishes.gateways)]
    for place in range(wishes.models):
        deployments[place % wishes.gateways] += _deployments(wishes, place)
    return Fleet(
        hosts=tuple(hosts),
        gpus=tuple(gpus),
        engines=tuple(engines),
        providers=tuple(Provider(name("provider", place)) for place in range(wishes.providers)),
        gateways=tuple(_gateway(wishes, hosts, place, tuple(found)) for place, found in enumerate(deployments)),
        caches=tuple(
            Cache(name("cache", place), hosts[place % len(hosts)].name if hosts else "")
            for place in range(wishes.gateways)
        ),
        use_cases=(
            UseCase(f"{wishes.prefix}-chat", Spread(400.0, 0.8), Spread(180.0, 0.7), turns=3.0),
            UseCase(f"{wishes.prefix}-batch", Spread(1500.0, 0.5), Spread(60.0, 0.5), stream=0.0, repeat=0.1),
        ),
        teams=tuple(Team(name("team", place)) for place in range(wishes.teams)),
        agents=tuple(_agent(wishes, place) for place in range(wishes.agents)),
    )


class _namer:  # noqa: N801
    """Makes names such as g-engine-007: as many digits as the largest number of the fleet has."""

    def __init__(self, wishes: Generate) -> None:
        self.prefix = wishes.prefix
        self.digits = len(str(max(wishes.targets, wishes.models, wishes.agents)))

    def __call__(self, kind: str, place: int) -> str:
        return f"{self.prefix}-{kind}-{place:0{self.digits}}"


def _model(name: _namer, place: int) -> EngineModel:
    return EngineModel(name("weights", place), 16e9, 8e9, repository=f"generated/{name('weights', place)}")


def _deployments(wishes: Generate, place: int) -> list[Deployment]:
    name = _namer(wishes)
    model = name("model", place)
    if place < wishes.engines():
        return [Deployment(f"{model}-a", model, name("engine", place), name("weights", place))]
    price = Price(round(0.1 * (1 + place % 40), 2), round(0.4 * (1 + place % 40), 2))
    first = place % wishes.providers
    second = (place + 1) % wishes.providers
    found = [Deployment(f"{model}-a", model, name("provider", first), model, price=price)]
    if second != first:
        found.append(Deployment(f"{model}-b", model, name("provider", second), model, 0.5, price))
    return found


def _gateway(wishes: Generate, hosts: list[Host], place: int, deployments: tuple[Deployment, ...]) -> Gateway:
    name = _namer(wishes)
    version = "1.109.1" if place % 2 == 0 else "1.80.0"
    host = hosts[place % len(hosts)].name if hosts else ""
    return Gateway(
        name("gateway", place),
        version,
        database=place % 2 == 0,
        host=host,
        deployments=deployments,
        cache=name("cache", place),
    )


def _agent(wishes: Generate, place: int) -> Agent:
    name = _namer(wishes)
    gateway = place % wishes.gateways
    there = len(range(gateway, wishes.models, wishes.gateways))
    wanted = min(5, there)
    models = {
        name("model", gateway + wishes.gateways * ((place * 7 + step * 11) % there)): 1.0 for step in range(wanted)
    }
    return Agent(
        name("agent", place),
        name("team", place % wishes.teams),
        f"{wishes.prefix}-{('chat', 'batch')[place % 2]}",
        models,
        wishes.requests_per_minute / wishes.agents,
        rhythm=_RHYTHMS[place % len(_RHYTHMS)],
        gateway=name("gateway", gateway),
    )
