"""The cases of a probe, from what the gateway tells and what files want of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from inferdeck.model.stack import RouteTarget
from inferdeck.probing import statistics
from inferdeck.probing.gateway import TOO_LONG, Deployed, Told
from inferdeck.probing.intended import Intended, matched
from inferdeck.probing.requests import ability
from inferdeck.probing.values import Case, Kind, Member

MOST_MODELS = 50
MOST_POOL_REQUESTS = 400
GATEWAY = "gateway"
EVEN = frozenset({"", "simple-shuffle"})
"""Strategies of LiteLLM that promise shares; the others follow load, latency, use or price."""
_CHATS = frozenset({"", "chat", "completion", "responses"})
_EMBEDDING = "embedding"
_WEIGHTS = ("weight", "rpm", "tpm")
"""What simple-shuffle balances by, the first of them that is given."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user wants of a probe."""

    models: tuple[str, ...] = ()
    """Only these; () is all, up to `limit`."""
    kinds: tuple[Kind, ...] = ()
    """Only these; () is all."""
    limit: int = MOST_MODELS
    pool_requests: int | None = None
    """For each pool; None: as many as a verdict needs, where that is not more than MOST_POOL_REQUESTS."""


@dataclass(frozen=True, slots=True)
class Made:
    """The cases, how many models were left out, and what else the user should know."""

    cases: tuple[Case, ...]
    left_out: int = 0
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Making:
    told: Told
    intended: Sequence[Intended]
    wish: Wish
    groups: Mapping[str, list[Deployed]]
    notes: list[str] = field(default_factory=list)

    def source(self, model: str) -> str:
        return next((one.place(model) for one in self.intended if model in one.models), GATEWAY)

    def of(self, model: str) -> Iterator[Case]:
        """Yield all cases of one public model."""
        group, mode = self.groups.get(model, []), self.told.mode(model, self.groups.get(model, []))
        if mode not in _CHATS and mode != _EMBEDDING:
            yield Case(Kind.DIRECT, model, source=self.source(model), because=f"{mode} is not probed")
            return
        base = Case(
            Kind.EMBEDDING if mode == _EMBEDDING else Kind.DIRECT,
            model,
            deployments=tuple(one.id for one in group),
            embeds=mode == _EMBEDDING,
            source=self.source(model),
        )
        if len(group) > 1:
            for one in group:
                yield replace(base, kind=Kind.MEMBER, model=one.id, group=model, deployments=(one.id,))
            yield self.pool(base, group)
        else:
            yield base
        if not base.embeds:
            yield replace(base, kind=Kind.STREAM)
        fallback = replace(base, kind=Kind.FALLBACK, deployments=())
        order, source = self.order(model)
        if order:
            yield replace(fallback, order=order, source=source)
        order, source = self.order_if_too_long(model)
        if order:
            yield replace(fallback, order=order, source=source, too_long=True)

    def order(self, model: str) -> tuple[tuple[str, ...], str]:
        for one in self.intended:
            if model in one.fallbacks:
                return one.fallbacks[model], one.place(f"fallback {model}")
        return self.told.fallbacks.get(model, ()), GATEWAY

    def order_if_too_long(self, model: str) -> tuple[tuple[str, ...], str]:
        for one in self.intended:
            if model in one.context_fallbacks:
                return one.context_fallbacks[model], one.place(f"{TOO_LONG} {model}")
        return self.told.context_fallbacks.get(model, ()), GATEWAY

    def pool(self, base: Case, group: Sequence[Deployed]) -> Case:
        members, source = self.members(base.model, group)
        case = replace(base, kind=Kind.POOL, members=members, requests=0, source=source)
        if len(members) < 2:
            return replace(case, because="one member gets all: the others come later, or have weight 0")
        if self.told.strategy not in EVEN:
            return replace(case, because=f"{self.told.strategy} promises no shares")
        return case

    def members(self, model: str, group: Sequence[Deployed]) -> tuple[tuple[Member, ...], str]:
        """Return who should get what, and who says so: the first file that has the model, else the gateway."""
        for one in self.intended:
            targets = one.models.get(model, ())
            pairs = [(target, matched(target, group)) for target in targets]
            found = {there.id: target for target, there in pairs if there is not None}
            if len(found) > 1 and len(found) == len(targets):
                return _weighed([(name, _facts(target)) for name, target in found.items()]), one.place(model)
        return weighed(group), GATEWAY

    def capability(self, name: str, models: Sequence[str], source: str) -> Iterator[Case]:
        """Yield the cases of a capability: the model of that name where the gateway has one, and those preferred."""
        tested = ability(name)
        wanted = [name, *models] if name in self.groups or name in self.told.listed else models
        for model in dict.fromkeys(wanted):
            if self.wish.models and model not in self.wish.models:
                continue
            group = self.groups.get(model, [])
            embeds = tested == _EMBEDDING
            case = Case(Kind.CAPABILITY, model, capability=name, embeds=embeds, source=source)
            case = replace(case, deployments=tuple(one.id for one in group))
            yield case if tested else replace(case, requests=0, because=f'no request shows whether it can "{name}"')


def make(told: Told, intended: Sequence[Intended], wish: Wish, own: Sequence[Case] = ()) -> Made:
    """Return the cases that the wish asks for, after the user's own; `notes` tell what is not probed."""
    making = _Making(told, intended, wish, told.groups())
    names = dict.fromkeys([*making.groups, *told.listed, *(name for one in intended for name in one.models)])
    patterns = [name for name in names if "*" in name]
    plain = [name for name in names if "*" not in name and (not wish.models or name in wish.models)]
    chosen = plain[: wish.limit]
    cases = [*own, *(case for model in chosen for case in making.of(model))]
    for one in intended:
        for name, models in one.capabilities.items():
            cases += making.capability(name, models, one.place(f"capability {name}"))
    notes = [*told.notes, *making.notes, *(problem for one in intended for problem in one.problems)]
    if patterns:
        notes.append(f"{len(patterns)} names with * stand for many and are not probed: {', '.join(patterns[:3])}")
    missing = [name for name in wish.models if name not in names]
    if missing:
        notes.append(f"neither the gateway nor a file knows {', '.join(missing[:5])}")
        cases += [Case(Kind.DIRECT, name, source="--model") for name in missing]
    kept = [case for case in unique(cases) if not wish.kinds or case.kind in wish.kinds]
    return Made(sized(kept, wish), len(plain) - len(chosen), tuple(notes))


def sized(cases: Sequence[Case], wish: Wish) -> tuple[Case, ...]:
    """Return the cases, pools with the number of their requests; the error of all pools together is ALPHA."""
    level = alpha(cases)
    return tuple(_sized(case, level, wish) if case.kind is Kind.POOL and not case.because else case for case in cases)


def _sized(case: Case, level: float, wish: Wish) -> Case:
    if case.requests:
        return case
    wanted = statistics.needed(statistics.shares([one.weight for one in case.members]), level)
    if wish.pool_requests is not None:
        return replace(case, requests=wish.pool_requests)
    if wanted > MOST_POOL_REQUESTS:
        why = f"a verdict needs {wanted} requests: allow them with --pool-requests {wanted}"
        return replace(case, requests=0, because=why)
    # A few more, since one or the other may fail.
    return replace(case, requests=wanted + max(2, wanted // 20))


def alpha(cases: Sequence[Case]) -> float:
    """Return the level of each pool's test (Bonferroni's correction for their number)."""
    return statistics.ALPHA / max(1, sum(case.kind is Kind.POOL and not case.because for case in cases))


def unique(found: Iterable[Case]) -> list[Case]:
    """Return each case once: of two with the same id the first one."""
    kept: dict[str, Case] = {}
    for case in found:
        kept.setdefault(case.id, case)
    return list(kept.values())


def weighed(group: Sequence[Deployed]) -> tuple[Member, ...]:
    """Return the members of a pool with the weights that the gateway has."""
    return _weighed([(one.id, one.facts) for one in group])


def _facts(target: RouteTarget) -> dict[str, str]:
    return {
        "weight": target.weight,
        "rpm": target.requests_per_minute,
        "tpm": target.tokens_per_minute,
        "order": target.order,
    }


def _weighed(found: Sequence[tuple[str, Mapping[str, str]]]) -> tuple[Member, ...]:
    """Return members with their weights: explicit ones, else rpm or tpm where all have it, else the same for all.

    Only those of the first `order` are asked while they work; a weight of 0 takes a deployment out.
    """
    orders = [_number(facts.get("order", "")) for _, facts in found]
    first = min((order for order in orders if order is not None), default=None)
    able = [one for one, order in zip(found, orders, strict=True) if first is None or order == first]
    for key in _WEIGHTS:
        given = [_number(facts.get(key, "")) for _, facts in able]
        if all(value is None for value in given) or (key != "weight" and any(value is None for value in given)):
            continue
        weights = [1.0 if value is None else value for value in given]
        return tuple(Member(name, weight) for (name, _), weight in zip(able, weights, strict=True) if weight > 0)
    return tuple(Member(name) for name, _ in able)


def _number(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
