"""The file of `inferdeck probe routing --config FILE`: cases of one's own, or the routes that a gateway should have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from inferdeck.config import document
from inferdeck.config.complaints import explain
from inferdeck.config.document import Document
from inferdeck.config.schema import Section
from inferdeck.config.secrets import LoadContext, Secret
from inferdeck.config.values import OneOrMany, WholeNumber
from inferdeck.errors import ConfigError
from inferdeck.probing.cases import EVEN, GATEWAY, Wish, unique, weighed
from inferdeck.probing.gateway import Deployed, Told
from inferdeck.probing.intended import LITELLM_KEYS, MAPPING_KEYS, Intended, of_document
from inferdeck.probing.requests import TESTED, ability
from inferdeck.probing.values import Case, Kind, Member

Names = Annotated[tuple[str, ...], OneOrMany]
OWN_KEYS = frozenset({"cases", "expect", "gateway"})
_KINDS = ("direct", "embedding", "stream", "fallback", "pool", "capability")


class Place(Section):
    """The gateway that is probed."""

    url: str = Field(description="Where it listens, as http://HOST:PORT.")
    key: Secret | None = Field(default=None, description="Its key, as {env: NAME} or {file: PATH}.")


class CaseEntry(Section):
    """One case: exactly one of direct, embedding, stream, fallback, pool and capability, and the keys of that."""

    direct: str | None = Field(default=None, description="A public model that is to answer itself.")
    embedding: str | None = Field(default=None, description="A public model that is to answer with a vector.")
    stream: str | None = Field(default=None, description="A public model that is to stream its answer.")
    fallback: str | None = Field(default=None, description="A public model that fails; `order` says who answers then.")
    pool: str | None = Field(default=None, description="A public model with several deployments; `shares` of each.")
    capability: str | None = Field(default=None, description=f"One of {', '.join(TESTED)}; `models` must have it.")
    deployments: Names = Field(default=(), description="Of direct: ids of the deployments that may answer.")
    dimensions: WholeNumber | None = Field(default=None, gt=0, description="Of embedding: the length of the vector.")
    order: Names = Field(default=(), description="Of fallback: public models, the first one first.")
    shares: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="Of pool: deployment id -> weight; as the gateway has them where absent."
    )
    requests: WholeNumber | None = Field(
        default=None, gt=0, le=100_000, description="Of pool: how many; as many as a verdict needs where absent."
    )
    models: Names = Field(default=(), description="Of capability: the public models.")

    @model_validator(mode="after")
    def _one_kind(self) -> CaseEntry:
        given = [name for name in _KINDS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(_KINDS)}")
        if self.fallback is not None and not self.order:
            raise ValueError("fallback wants order: the models that are to answer, the first one first")
        if self.capability is not None and (not self.models or not ability(self.capability)):
            raise ValueError(f"capability is one of {', '.join(TESTED)}, and wants models")
        return self


class CasesFile(Section):
    """A file of cases."""

    gateway: Place | None = Field(default=None, description="The gateway; the watched one where absent.")
    expect: Names = Field(
        default=(), description="Files of routes beside this one: LiteLLM's config.yaml or model-mappings.yaml."
    )
    cases: tuple[CaseEntry, ...] = Field(default=(), description="Cases; made from what is known where absent.")


@dataclass(frozen=True, slots=True)
class Given:
    """What a file gives: where to send, what should be, and cases of its own."""

    url: str = ""
    key: str = ""
    intended: tuple[Intended, ...] = ()
    entries: tuple[tuple[CaseEntry, str], ...] = ()
    """Each with its "file:line"."""


def is_one(found: Document) -> bool:
    """Return whether a file is for the probe, rather than inferdeck.yaml."""
    keys = set(found.data) if isinstance(found.data, dict) else set()
    return bool(keys & (OWN_KEYS | LITELLM_KEYS | MAPPING_KEYS))


def read(path: Path, environ: dict[str, str]) -> Given:
    """Read a file of cases or of routes; raises ConfigError with file, line and key of every mistake."""
    found = document.read(path)
    keys = set(found.data) if isinstance(found.data, dict) else set()
    if not keys & OWN_KEYS:
        return Given(intended=(of_document(found, str(path)),))
    if found.problems:
        raise ConfigError("\n".join(found.problems))
    try:
        file = CasesFile.model_validate(found.data, context=LoadContext(environ, path.parent))
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error, CasesFile, (), lambda key: (found.place(key), key)))) from error
    intended = [_beside(path.parent / name) for name in file.expect]
    entries = [(entry, found.place(("cases", index))) for index, entry in enumerate(file.cases)]
    place = file.gateway
    key = place.key.get_secret_value() if place is not None and place.key is not None else ""
    return Given(place.url if place is not None else "", key, tuple(intended), tuple(entries))


def _beside(path: Path) -> Intended:
    return of_document(document.read(path), str(path))


def cases(given: Given, told: Told, wish: Wish) -> tuple[Case, ...]:
    """Return the cases of a file as they can be asked of this gateway; pools are not sized yet."""
    groups = told.groups()
    found = [case for entry, source in given.entries for case in _of(entry, source, told, groups)]
    return tuple(case for case in unique(found) if not wish.kinds or case.kind in wish.kinds)


def _of(entry: CaseEntry, source: str, told: Told, groups: dict[str, list[Deployed]]) -> Sequence[Case]:
    kind = next(name for name in _KINDS if getattr(entry, name) is not None)
    if kind == "capability":
        embeds = ability(entry.capability or "") == "embedding"
        return [
            Case(
                Kind.CAPABILITY,
                model,
                deployments=tuple(one.id for one in groups.get(model, ())),
                capability=entry.capability or "",
                embeds=embeds,
                source=source,
            )
            for model in entry.models
        ]
    model = str(getattr(entry, kind))
    group = groups.get(model, [])
    embeds = kind == "embedding" or told.mode(model, group) == "embedding"
    ids = entry.deployments or tuple(one.id for one in group)
    case = Case(Kind(kind), model, deployments=ids, embeds=embeds, dimensions=entry.dimensions, source=source)
    if kind == "fallback":
        return [replace(case, order=entry.order, deployments=())]
    return [_pool(case, entry, told, group)] if kind == "pool" else [case]


def _pool(case: Case, entry: CaseEntry, told: Told, group: Sequence[Deployed]) -> Case:
    if entry.shares:
        members, source = tuple(Member(name, weight) for name, weight in entry.shares.items()), case.source
    else:
        members, source = weighed(group), GATEWAY
    case = replace(case, members=members, requests=entry.requests or 0, source=source)
    if len(members) < 2:
        return replace(case, because="a pool has two members or more")
    if not entry.shares and told.strategy not in EVEN:
        return replace(case, because=f"{told.strategy} promises no shares")
    return case
