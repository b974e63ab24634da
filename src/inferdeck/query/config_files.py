"""Questions about configuration files of the stack: what is in them, what changed, does the running gateway agree."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from difflib import unified_diff
from pathlib import PurePath
from typing import Protocol

from inferdeck.errors import NotFoundError
from inferdeck.model.config_files import ConfigFile, ConfigFilePage, Drift, FileRevision
from inferdeck.model.page import Page
from inferdeck.model.stack import RouteSource, RouteTarget
from inferdeck.model.target import TargetState
from inferdeck.query.stack.interface import EVERYTHING, Wanted, chosen
from inferdeck.routing import contents, drift
from inferdeck.routing.contents import Content, Named
from inferdeck.routing.interface import RouteFile

GATEWAY_KIND = "litellm"
STATES = (contents.READ, contents.MISSING, contents.UNREADABLE, contents.INVALID)
DRIFTS = (drift.SAME, drift.DIFFERS, drift.UNKNOWN, drift.NONE)
_LONGEST_CHANGE = 400
"""Lines of a change that are shown."""


class Revisions(Protocol):
    """What the questions need of the state store; blocks, from any thread. Raises StoreError."""

    def revisions(self, path: str) -> tuple[FileRevision, ...]: ...

    def contents(self, path: str, most: int = 2) -> tuple[str, ...]: ...


class ConfigFiles:
    """The questions; blocks, from any thread. `held` gives the files as they were read last."""

    def __init__(
        self,
        held: Callable[[], Sequence[tuple[Named, Content]]],
        states: Callable[[], Sequence[TargetState]],
        revisions: Revisions,
        environment: str,
    ) -> None:
        self._held = held
        self._states = states
        self._revisions = revisions
        self._environment = environment

    def files(self, wanted: Wanted = EVERYTHING) -> Page[ConfigFile]:
        """Return the files by path; filters: kind, gateway, environment, state, drift."""
        states = self._states()
        found = [self._file(named, content, states) for named, content in self._held()]
        return chosen(
            sorted(found, key=lambda one: one.path),
            wanted,
            {
                "kind": lambda one: (one.kind,),
                "gateway": lambda one: (one.gateway,),
                "environment": lambda one: (one.environment,),
                "state": lambda one: (one.state,),
                "drift": lambda one: (one.drift.state,),
            },
            lambda one: (one.path, one.kind, one.gateway, one.origin, one.state, one.hash, *one.problems),
            {"state": STATES, "drift": DRIFTS, "kind": contents.KINDS},
        )

    def running(self) -> dict[str, ConfigFile]:
        """Return the files from which gateways run, by the ids of their targets."""
        states = self._states()
        found = (self._file(named, content, states) for named, content in self._held())
        return {one.drift.gateway: one for one in found if one.drift.gateway}

    def file(self, identity: str) -> ConfigFilePage:
        """Return one file by id, path or name, with its content; raises NotFoundError."""
        named, content = _find(self._held(), identity)
        revisions = self._revisions.revisions(named.path)
        return ConfigFilePage(
            self._file(named, content, self._states(), revisions),
            content.text,
            content.truncated,
            revisions,
            _change(PurePath(named.path).name, self._revisions.contents(named.path)),
        )

    def routes(self) -> tuple[RouteSource, ...]:
        """Return what the files say of routes; where the gateway runs, its deployments' ids stand in them."""
        states = self._states()
        return tuple(
            self._routes(named, content.routes, states) for named, content in self._held() if content.routes is not None
        )

    def _file(
        self,
        named: Named,
        content: Content,
        states: Sequence[TargetState],
        revisions: tuple[FileRevision, ...] | None = None,
    ) -> ConfigFile:
        known = self._revisions.revisions(named.path) if revisions is None else revisions
        state, why = self._gateway(named, content.routes, states)
        compared = Drift(drift.NONE)
        if named.kind == contents.LITELLM and content.routes is not None:
            compared = drift.drift(content.routes, state, why)
        told = content.routes.gateway if content.routes else ""
        return ConfigFile(
            id=identity_of(named.path),
            path=named.path,
            name=PurePath(named.path).name,
            kind=named.kind,
            gateway=_name(state) if state is not None else named.gateway or told,
            environment=self._environment_of(named, content.routes, state),
            origin=named.origin,
            state=content.state,
            error=content.error,
            hash=content.hash,
            size=content.size,
            modified=content.modified,
            changed=known[0].modified if len(known) > 1 else None,
            revisions=len(known),
            routes=len(content.routes.models) if content.routes is not None else None,
            problems=content.problems,
            drift=compared,
        )

    def _gateway(
        self, named: Named, routes: RouteFile | None, states: Sequence[TargetState]
    ) -> tuple[TargetState | None, str]:
        """Return the running gateway of a file, or why it is not known."""
        if named.kind not in contents.WITH_ROUTES:
            return None, ""
        gateway = named.gateway or (routes.gateway if routes else "")
        environment = named.environment or (routes.environment if routes else "")
        found = [
            state
            for state in states
            if state.source_kind == GATEWAY_KIND
            and (not environment or state.key.environment == environment)
            and (not gateway or gateway in (state.gateway, state.key.instance, state.name, state.key.id))
        ]
        if len(found) == 1:
            return found[0], ""
        if found:
            names = ", ".join(sorted(_name(state) for state in found))
            return None, f"several gateways may run from it ({names}); say which: config_files: gateway"
        return None, f'no gateway is called "{gateway}"' if gateway else ""

    def _environment_of(self, named: Named, routes: RouteFile | None, state: TargetState | None) -> str:
        if state is not None:
            return state.key.environment
        return named.environment or (routes.environment if routes else "") or self._environment

    def _routes(self, named: Named, routes: RouteFile, states: Sequence[TargetState]) -> RouteSource:
        state, _ = self._gateway(named, routes, states)
        running = [fact for fact in state.inventory if fact.kind == "deployment"] if state is not None else []
        paired, _, _ = drift.pairs(routes.deployments, running)
        runs = {one.key: fact for one, fact in paired}
        name = PurePath(named.path).name
        targets: list[RouteTarget] = []
        for one in routes.deployments:
            fact = runs.get(one.key)
            if fact is None:
                targets.append(replace(one.target, id=one.target.id or f"{name}:{one.line}"))
            else:
                place = one.target.api_base or fact.facts.get("api_base", "")
                targets.append(replace(one.target, id=fact.name, api_base=place))
        given = {key: keyed.value for key, keyed in routes.settings.items()}
        return RouteSource(
            origin=named.path,
            gateway=_name(state) if state is not None else named.gateway or routes.gateway,
            environment=self._environment_of(named, routes, state),
            targets=tuple(targets),
            fallbacks=tuple(one.fallback for one in routes.fallbacks),
            strategy=given.get("strategy", ""),
            retries=given.get("num_retries", ""),
            timeout=given.get("timeout", ""),
        )


def identity_of(path: str) -> str:
    """Return the short name under which a file is asked for."""
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _find(held: Sequence[tuple[Named, Content]], identity: str) -> tuple[Named, Content]:
    steps: tuple[Callable[[Named], Iterable[str]], ...] = (
        lambda one: (identity_of(one.path), one.path, one.path.removeprefix("/")),
        lambda one: (PurePath(one.path).name,),
    )
    for names in steps:
        found = [pair for pair in held if identity in names(pair[0])]
        if len(found) == 1:
            return found[0]
        if found:
            paths = ", ".join(sorted(named.path for named, _ in found))
            raise NotFoundError(f'"{identity[:200]}" names several files; say which one: {paths}')
    raise NotFoundError(f'no configuration file is called "{identity[:200]}"; `inferdeck config files` names them all')


def _name(state: TargetState) -> str:
    return state.gateway or state.key.instance


def _change(name: str, kept: tuple[str, ...]) -> str:
    if len(kept) < 2:
        return ""
    after, before = (text.splitlines() for text in kept[:2])
    lines = list(unified_diff(before, after, f"{name} before", f"{name} now", n=2, lineterm=""))
    more = len(lines) - _LONGEST_CHANGE
    return "\n".join([*lines[:_LONGEST_CHANGE], *([f"… {more} lines more"] if more > 0 else [])])
