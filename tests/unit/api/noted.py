"""A second implementation of what the questions about happenings and files need of the state store: lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from inferdeck.errors import NotFoundError
from inferdeck.model.annotations import ANNOTATION, Annotation, Asked, Draft, Event
from inferdeck.model.clock import ManualClock
from inferdeck.model.config_files import FileRevision
from inferdeck.model.page import Page, page
from inferdeck.model.stack import RouteTarget
from inferdeck.query.config_files import ConfigFiles, Revisions
from inferdeck.query.happenings import Happenings, HappeningStore
from inferdeck.routing.contents import Content, Named
from inferdeck.routing.interface import Deployment, RouteFile

NOW = 1_800_000_000.0
CLOCK = ManualClock(NOW)
FILE = Named("/etc/litellm/config.yaml", "litellm")


@dataclass
class Noted:
    """Keeps what it is given; filters by kind alone."""

    kept: list[Annotation] = field(default_factory=list)
    happened: list[Event] = field(
        default_factory=lambda: [Event(1, NOW - 60, "restart", "vllm", "vllm was restarted", "d", "default", NOW)]
    )

    def events(self, asked: Asked) -> Page[Event]:
        return page([one for one in self.happened if asked.kind in ("", one.kind)], asked.offset, asked.limit)

    def timeline(self, asked: Asked) -> Page[Event]:
        every = self._timeline()
        return page([one for one in every if asked.kind in ("", one.kind)], asked.offset, asked.limit)

    def timeline_values(self, name: Literal["kind", "source", "environment"]) -> list[str]:
        return sorted({getattr(one, name) for one in self._timeline()})

    def _timeline(self) -> list[Event]:
        noted = [
            Event(one.id, one.time, one.kind, "", one.text, ANNOTATION, one.environment, one.created)
            for one in self.kept
        ]
        return sorted([*self.happened, *noted], key=lambda one: -one.time)

    def annotate(self, draft: Draft) -> Annotation:
        number = len(self.kept) + 1
        given = (draft.time, draft.until, draft.kind, draft.text, draft.tags, draft.environment)
        self.kept.append(Annotation(number, *given, NOW))
        return self.kept[-1]

    def annotations(self, asked: Asked) -> Page[Annotation]:
        return page([one for one in self.kept if asked.kind in ("", one.kind)], asked.offset, asked.limit)

    def delete_annotation(self, number: int) -> None:
        found = [one for one in self.kept if one.id == number]
        if not found:
            raise NotFoundError(f"there is no annotation {number}")
        self.kept.remove(found[0])

    def revisions(self, path: str) -> tuple[FileRevision, ...]:
        return (FileRevision("ab" * 32, 20, NOW - 100, NOW - 90), FileRevision("cd" * 32, 10, NOW - 200, NOW - 190))

    def contents(self, path: str, most: int = 2) -> tuple[str, ...]:
        return ("a: 2\n", "a: 1\n")


def happenings(store: HappeningStore | None = None) -> Happenings:
    """Return the questions over lists, or over a store."""
    return Happenings(store if store is not None else Noted(), CLOCK, "default")


def files(revisions: Revisions | None = None) -> ConfigFiles:
    """Return questions over one file of LiteLLM that nothing runs from."""
    target = RouteTarget("", "gpt-4o", "openai", "openai/gpt-4o")
    routes = RouteFile((Deployment(target, "model_list[0]", 2),))
    content = Content("read", hash="ab" * 32, size=20, modified=NOW - 100, text="a: 2\n", routes=routes)
    return ConfigFiles(lambda: [(FILE, content)], tuple, revisions if revisions is not None else Noted(), "default")
