"""What an engine is asked beside its metrics: questions that may fail without harm, and what their answers mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from inferdeck.config.schema import TargetConfig
from inferdeck.errors import AuthError, CollectError, StatusError
from inferdeck.sources.http import HttpClient, Response

SMALL_BYTES = 1_000_000
_OWN_FAULT = 500


@dataclass(frozen=True, slots=True)
class Model:
    """One name that the engine answers to. facts: those of a Fact "model" without its status; "" is left out."""

    name: str
    facts: Mapping[str, str] = field(default_factory=dict)


class Question:
    """The questions of one look at an engine: what failed, and how many requests it took."""

    def __init__(self, http: HttpClient, url: str, config: TargetConfig, deadline: float) -> None:
        self._http = http
        self._url = url
        self._config = config
        self._deadline = deadline
        self.requests = 0
        self.warnings: list[str] = []
        self.unanswered = False
        """Something failed that may work soon, as in a server that is busy or just starting."""

    async def status(self, path: str, *allow: int) -> int:
        """Return the status of an answer, 0 where there was none."""
        answer = await self._get(path, allow)
        return 0 if answer is None else answer.status

    async def mapping(self, *paths: str) -> dict[str, Any]:
        """Return the JSON object at the first of the paths that exists, {} where there is none."""
        for path in paths:
            answer = await self._get(path, () if path == paths[-1] else (404,))
            if answer is None:
                return {}
            if answer.status != 404:
                return self._object(answer)
        return {}

    async def _get(self, path: str, allow: Sequence[int]) -> Response | None:
        self.requests += 1
        try:
            return await self._http.get(
                self._url,
                settings=self._config,
                path=path,
                deadline=self._deadline,
                max_bytes=SMALL_BYTES,
                allow=allow,
            )
        except CollectError as error:
            self.warnings.append(str(error))
            refused = isinstance(error, AuthError) or (isinstance(error, StatusError) and error.status < _OWN_FAULT)
            self.unanswered |= not refused
            return None

    def _object(self, answer: Response) -> dict[str, Any]:
        try:
            found = orjson.loads(answer.body)
        except ValueError:
            found = None
        if isinstance(found, dict):
            return found
        self.warnings.append(f"{answer.url.partition('?')[0]}: answers no JSON object")
        return {}


def models(answer: Mapping[str, Any]) -> tuple[Model, ...]:
    """Read an OpenAI-compatible list of models: names, roots, contexts, and whose adapter each is."""
    cards = answer.get("data")
    found: dict[str, Model] = {}
    for card in cards if isinstance(cards, list) else ():
        if isinstance(card, dict) and (name := text(card.get("id"))):
            facts = {"root": text(card.get("root")), "context": whole(card.get("max_model_len"))}
            found.setdefault(name, Model(name, present({**facts, "adapter_of": text(card.get("parent"))})))
    return tuple(found.values())


def text(value: object) -> str:
    """Return a text, "" where it is none."""
    return value if isinstance(value, str) else ""


def whole(value: object) -> str:
    """Return a whole number as text, "" where it is none."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def present(facts: Mapping[str, str]) -> dict[str, str]:
    """Return the facts that are known."""
    return {key: value for key, value in facts.items() if value}
