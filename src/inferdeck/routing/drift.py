"""Whether a running gateway is as its file says: deployments, fallbacks, router settings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from inferdeck.model.config_files import Difference, Drift
from inferdeck.model.stack import RouteTarget
from inferdeck.model.target import Fact, TargetState
from inferdeck.routing.interface import ANY_ERROR, Deployment, RouteFile

SAME, DIFFERS, UNKNOWN, NONE = ("same", "differs", "unknown", "none")
ADDED, REMOVED, CHANGED = ("added", "removed", "changed")
COMPARED = ("model", "litellm_model", "api_base", "order", "weight", "rpm", "tpm")
_BOTH = frozenset({"api_base"})
"""What a gateway may know by itself: that the file does not have it is no difference."""


def pairs(
    deployments: Sequence[Deployment], running: Sequence[Fact]
) -> tuple[list[tuple[Deployment, Fact]], list[Deployment], list[Fact]]:
    """Return which deployment of the file runs as which, those that do not run, and those that only run.

    By id; else by public name, model and address; else by name and model; else by name alone.
    """
    left, waiting = list(running), list(deployments)
    found: list[tuple[Deployment, Fact]] = []
    steps: tuple[tuple[Callable[[Deployment], object], Callable[[Fact], object]], ...] = (
        (lambda one: one.target.id, lambda fact: fact.name),
        (lambda one: _identity(one.target), _running_identity),
        (lambda one: _identity(one.target)[:2], lambda fact: _running_identity(fact)[:2]),
        (lambda one: one.target.model, lambda fact: fact.facts.get("model", "")),
    )
    for of_file, of_fact in steps:
        by_key: dict[object, list[Fact]] = defaultdict(list)
        for fact in left:
            by_key[of_fact(fact)].append(fact)
        rest, used = [], set()
        for one in waiting:
            key = of_file(one)
            if key and by_key.get(key):
                fact = by_key[key].pop(0)
                found.append((one, fact))
                used.add(fact.name)
            else:
                rest.append(one)
        waiting, left = rest, [fact for fact in left if fact.name not in used]
    return found, waiting, left


def drift(file: RouteFile, state: TargetState | None, why: str = "") -> Drift:
    """Compare; state None: nothing runs from the file, or (`why`) it is not known what does."""
    if state is None:
        return Drift(UNKNOWN if why else NONE, unknown=(why,) if why else ())
    facts: dict[str, list[Fact]] = defaultdict(list)
    for fact in state.inventory:
        facts[fact.kind].append(fact)
    unknown = [f"{name} is included, and not read here" for name in file.missing]
    differences: list[Difference] = []
    if facts["deployment"]:
        found = [fact for fact in facts["deployment"] if fact.facts.get("origin") != "database"]
        differences += _deployments(file, found, whole=not file.missing)
    elif file.deployments:
        unknown.append("deployments: the gateway lists none; its key may not see them, or it has not been read yet")
    if facts["routing"] or facts["fallback"]:
        differences += _fallbacks(file, facts["fallback"], whole=not file.missing)
        differences += _settings(file, facts["routing"])
    elif file.fallbacks or file.settings:
        unknown.append("fallbacks and router settings: the gateway does not tell them (GET /get/config/callbacks)")
    word = DIFFERS if differences else UNKNOWN if unknown else SAME
    return Drift(word, state.key.id, tuple(unknown), tuple(differences))


def _deployments(file: RouteFile, running: Sequence[Fact], *, whole: bool) -> Iterator[Difference]:
    found, only_file, only_running = pairs(file.deployments, running)
    for one in only_file:
        what = f"deployment {one.target.model}"
        yield Difference(ADDED, what, one.key, one.line, _shown(one.target.litellm_model, one.target.api_base), "")
    for one, fact in found:
        yield from _values(one, fact)
    for fact in only_running if whole else ():
        facts = fact.facts
        shown = _shown(facts.get("litellm_model", ""), facts.get("api_base", ""))
        yield Difference(REMOVED, f"deployment {facts.get('model', '')}", f"model_info.id: {fact.name}", 0, "", shown)


def _values(one: Deployment, fact: Fact) -> Iterator[Difference]:
    what = f"deployment {one.target.model}"
    for name in COMPARED:
        if name in one.references:
            continue
        keyed, running = one.keyed.get(name), fact.facts.get(name, "")
        if keyed is None:
            if running and name not in _BOTH:
                yield Difference(REMOVED, what, f"{one.key}.litellm_params.{name}", one.line, "", running)
        elif not running:
            if name not in _BOTH:
                yield Difference(ADDED, what, keyed.key, keyed.line, keyed.value, "")
        elif not _same(keyed.value, running):
            yield Difference(CHANGED, what, keyed.key, keyed.line, keyed.value, running)


def _fallbacks(file: RouteFile, running: Iterable[Fact], *, whole: bool) -> Iterator[Difference]:
    runs: dict[tuple[str, str], str] = {}
    for fact in running:
        key = (fact.name, fact.facts.get("on", ANY_ERROR))
        runs.setdefault(key, _listed(fact.facts.get("to", "").split(",")))
    told: set[tuple[str, str]] = set()
    for one in file.fallbacks:
        key = (one.fallback.model, one.fallback.on)
        if key in told:
            continue
        told.add(key)
        what, wanted = _fallback_name(key), _listed(one.fallback.to)
        if key not in runs:
            yield Difference(ADDED, what, one.key, one.line, wanted, "")
        elif runs[key] != wanted:
            yield Difference(CHANGED, what, one.key, one.line, wanted, runs[key])
    for key, to in runs.items() if whole else ():
        if key not in told:
            yield Difference(REMOVED, _fallback_name(key), "router_settings.fallbacks", 0, "", to)


def _settings(file: RouteFile, routing: Sequence[Fact]) -> Iterator[Difference]:
    if not routing:
        return
    runs = {"strategy": routing[0].name, **routing[0].facts}
    for name, keyed in file.settings.items():
        running = runs.get(name, "")
        if running and not _same(keyed.value, running):
            yield Difference(CHANGED, "routing", keyed.key, keyed.line, keyed.value, running)


def _identity(target: RouteTarget) -> tuple[str, str, str]:
    return target.model, target.litellm_model, target.api_base.rstrip("/")


def _running_identity(fact: Fact) -> tuple[str, str, str]:
    facts = fact.facts
    return facts.get("model", ""), facts.get("litellm_model", ""), facts.get("api_base", "").rstrip("/")


def _same(one: str, other: str) -> bool:
    """Whether two values mean the same: 600 is 600.0, a slash at the end of an address says nothing."""
    try:
        return float(one) == float(other)
    except ValueError:
        return one.rstrip("/") == other.rstrip("/")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(name.strip() for name in names if name.strip())


def _fallback_name(key: tuple[str, str]) -> str:
    model, on = key
    return f"fallback {model}" if on == ANY_ERROR else f"fallback {model} ({on})"


def _shown(model: str, place: str) -> str:
    return f"{model} at {place}" if place else model
