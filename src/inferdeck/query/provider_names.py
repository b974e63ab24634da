"""Which provider a series is about: a gateway says "openai" of everything that speaks OpenAI's protocol."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from urllib.parse import urlsplit

from inferdeck.model.model_catalog import ProviderSeries
from inferdeck.model.target import TargetState
from inferdeck.pricing.matching import PROVIDERS, host_of, private
from inferdeck.query.figures import Names


def provider_name(provider: str, endpoint: str) -> str:
    """Return the provider of a deployment: of one on a machine nearby that goes by a cloud's name also its address."""
    if provider in PROVIDERS and (host := host_of(endpoint)) and private(host):
        try:
            port = urlsplit(endpoint).port
        except ValueError:
            port = None
        return f"{provider} at {host}:{port}" if port else f"{provider} at {host}"
    return provider


_last: tuple[ProviderNames, Names] | None = None


def series_names(states: Iterable[TargetState]) -> Names:
    """Return the names of series with their provider renamed; the same object while gateways tell the same."""
    global _last
    renamed = ProviderNames(states)
    known = _last
    if known is None or known[0].told != renamed.told:
        known = _last = (renamed, Names(renamed.apply))
    return known[1]


class ProviderNames:
    """Renames the label `provider` of series by what the gateways tell of their deployments.

    A series without a deployment is its model's provider's, where all deployments of that model have the same one;
    where they do not, it is nobody's: "".
    """

    def __init__(self, states: Iterable[TargetState]) -> None:
        self._deployments: dict[tuple[str, str, str], str] = {}
        self._models: dict[tuple[str, ...], set[str]] = defaultdict(set)
        self._renamed: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        for state in states:
            place = (state.key.environment, state.gateway or state.key.instance)
            for fact in state.inventory:
                if fact.kind == "deployment" and (provider := fact.facts.get("provider", "")):
                    name = provider_name(provider, fact.facts.get("api_base", ""))
                    self._deployments[*place, fact.name] = name
                    self._models[*place, provider, fact.facts.get("model", "")].add(name)
                    self._renamed[*place, provider].add(name)
        self._known: dict[tuple[str, ...], str] = {}

    def series(self, environment: str, gateway: str, name: str) -> ProviderSeries | None:
        """Return which series a provider has that is called otherwise than its label; None where the label says all."""
        place = (environment, gateway)
        for (*where, label), names in self._renamed.items():
            if (*where,) != place or name not in names or names == {label}:
                continue
            deployments = sorted(key[2] for key, one in self._deployments.items() if key[:2] == place and one == name)
            models = sorted(
                key[3] for key, every in self._models.items() if key[:3] == (*place, label) and every == {name}
            )
            return ProviderSeries(label, len(names) == 1, tuple(deployments), tuple(models))
        return None

    @property
    def told(self) -> tuple[object, ...]:
        """What decides every name."""
        return self._deployments, self._models, self._renamed

    def apply(self, labels: dict[str, str]) -> None:
        """Put the provider that is meant into the labels of a series."""
        provider = labels.get("provider", "")
        if not provider:
            return
        place = (labels.get("environment", ""), labels.get("gateway", ""))
        every = self._renamed.get((*place, provider))
        if not every or every == {provider}:
            return
        key = (*place, provider, labels.get("deployment", ""), labels.get("model", ""))
        name = self._known.get(key)
        if name is None:
            name = self._known[key] = self._name(*key)
        labels["provider"] = name

    def _name(self, environment: str, gateway: str, provider: str, deployment: str, model: str) -> str:
        if deployment:
            return self._deployments.get((environment, gateway, deployment), provider)
        of_model = self._models.get((environment, gateway, provider, model)) if model else None
        names = of_model or self._renamed[environment, gateway, provider]
        return next(iter(names)) if len(names) == 1 else ""
