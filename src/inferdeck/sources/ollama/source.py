"""The Ollama source: what is in memory with each collection, what is on the disk now and then; no model is ever used.

Ollama has no metrics of its own (ollama/ollama#3144): requests and tokens are known to the gateway before it alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import orjson

from inferdeck.errors import CollectError, MalformedError
from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels
from inferdeck.model.metric import SideEffect
from inferdeck.model.target import Fact, TargetKey
from inferdeck.sources.columns import Columns, Pairs, Sample
from inferdeck.sources.http import HttpClient, Response
from inferdeck.sources.interface import Collected, Probe
from inferdeck.sources.ollama import answers
from inferdeck.sources.ollama.answers import Loaded, Model, Shown
from inferdeck.sources.ollama.config import OllamaConfig

STATUSES = ("available", "loading", "degraded", "error", "unknown")
LARGEST_ANSWER = 8_000_000
SHOWN_AT_ONCE = 4
ASK_AGAIN_SECONDS = 600.0
_EMBEDDING = "embedding"

PROBES = (
    Probe("memory", "GET /api/ps", SideEffect.NONE, "does not put off the moment at which a model leaves memory"),
    Probe("models", "GET /api/version, /api/tags", SideEffect.NONE, "every poll_models"),
    Probe(
        "show",
        "POST /api/show",
        SideEffect.NONE,
        "once for each model that is new: reads the head of its file and loads nothing; never for a cloud's model, "
        "whose details would be asked for over the network",
    ),
    Probe("use", "POST /api/generate, /api/chat, /api/embed", SideEffect.WAKES_MODEL, "loads the model; never sent"),
    Probe("change", "POST /api/pull, /api/create, DELETE /api/delete", SideEffect.EXHAUSTS_MEMORY, "never sent"),
)


class OllamaSource:
    """One Ollama, or its cloud; a model on the disk is available, for the first request loads it."""

    kind = "ollama"
    probes: Sequence[Probe] = PROBES

    def __init__(self, config: OllamaConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels) -> None:
        self.instance = target.instance
        self._config = config
        self._url = config.url or f"http://{target.instance}"
        self._http = http
        self._clock = clock
        self._cloud = config.is_cloud
        self._deadline = config.deadline or min(config.interval, 10.0)
        self._columns = Columns(extra)
        self._due = float("-inf")
        self._version = ""
        self._models: tuple[Model, ...] | None = None
        self._shown: dict[str, Shown] = {}
        """By digest, for as long as a model has it."""
        self._not_shown: dict[str, float] = {}
        """Digests that were asked for in vain -> when to ask again (monotonic)."""
        self._notes: tuple[str, ...] = ()
        self._asked = 0
        self._bytes = 0

    async def collect(self, now: float) -> Collected:
        """Read what is in memory, and on the disk where that is due; raises CollectError where it does not answer."""
        self._asked = self._bytes = 0
        loaded = () if self._cloud else await self._read_memory(now)
        if self._clock.monotonic() >= self._due:
            await self._read_models()
        await self._read_details()
        layout, values = self._columns.collect(self._samples(loaded))
        return Collected(
            layout,
            values,
            inventory=self._inventory(loaded),
            version=self._version,
            warnings=self._notes,
            response_bytes=self._bytes,
            requests=self._asked,
        )

    async def aclose(self) -> None:
        """The HTTP client belongs to the daemon; nothing is held here."""

    # What it is asked

    async def _get(self, path: str) -> Response:
        self._asked += 1
        answer = await self._http.get(
            self._url, settings=self._config, path=path, deadline=self._deadline, max_bytes=LARGEST_ANSWER
        )
        self._bytes += len(answer.body)
        return answer

    async def _read_memory(self, now: float) -> tuple[Loaded, ...]:
        answer = await self._get("/api/ps")
        found = answers.loaded(answer.body, now)
        if found is None:
            raise MalformedError(f"{answer.url}: no list of models; does an Ollama answer there?")
        return found

    async def _read_models(self) -> None:
        """Renew the list of models; where it cannot be had, that of the last time stays, with a note."""
        try:
            answer = await self._get("/api/tags")
            found = answers.models(answer.body)
            if found is None:
                raise MalformedError(f"{answer.url}: no list of models; does an Ollama answer there?")
        except CollectError as error:
            if self._cloud or self._models is None:
                raise
            self._notes = (f"models on the disk as of before: {error}",)
            return
        self._models, self._notes = found, ()
        digests = {model.digest for model in found}
        self._shown = {digest: shown for digest, shown in self._shown.items() if digest in digests}
        self._not_shown = {digest: due for digest, due in self._not_shown.items() if digest in digests}
        self._due = self._clock.monotonic() + self._config.poll_models
        try:
            self._version = answers.version((await self._get("/api/version")).body) or self._version
        except CollectError as error:
            if not self._cloud:
                self._notes = (f"version unknown: {error}",)

    async def _read_details(self) -> None:
        """Ask for the details of models that are new, a few at a time."""
        if not self._config.show or self._cloud:
            return
        now = self._clock.monotonic()
        wanted = [model for model in self._models or () if self._wants_details(model, now)]
        for model in wanted[:SHOWN_AT_ONCE]:
            self._asked += 1
            try:
                answer = await self._http.post(
                    self._url,
                    orjson.dumps({"model": model.name}),
                    settings=self._config,
                    path="/api/show",
                    deadline=self._deadline,
                    max_bytes=LARGEST_ANSWER,
                )
            except CollectError as error:
                self._not_shown[model.digest] = now + ASK_AGAIN_SECONDS
                self._notes = (f"details of {model.name!a} unknown: {error}",)
                return
            self._bytes += len(answer.body)
            self._shown[model.digest] = answers.shown(answer.body)

    def _wants_details(self, model: Model, now: float) -> bool:
        if model.remote or not model.digest or model.digest in self._shown:
            return False
        told = bool(model.capabilities) and model.context is not None
        return not told and now >= self._not_shown.get(model.digest, now)

    # What it says

    def _samples(self, loaded: Sequence[Loaded]) -> Iterator[Sample]:
        models, memory = self._models or (), {one.model.name: one for one in loaded}
        for model in (*models, *_unlisted(models, loaded)):
            own: Pairs = (("model", model.name),)
            status = self._status(model, memory.get(model.name))
            for name in STATUSES:
                yield "llm_model_status", (("engine", self.kind), *own, ("status", name)), float(name == status)
            if self._is_remote(model):
                continue
            yield "ollama_model_loaded", own, float(model.name in memory)
            if model.size_bytes is not None:
                yield "ollama_model_size_bytes", own, float(model.size_bytes)
        for one in loaded:
            yield from _memory(one)
            yield "llm_engine_info", (*self._info(one.model.name), *_facts_of(one.model)), 1.0
        if not loaded:
            yield "llm_engine_info", self._info(""), 1.0
        if self._models is not None:
            yield "ollama_models", (), float(len(models))
        if not self._cloud:
            yield "ollama_models_loaded", (), float(len(loaded))

    def _info(self, model: str) -> Pairs:
        return (("engine", self.kind), ("model", model), ("version", self._version))

    def _is_remote(self, model: Model) -> bool:
        return self._cloud or bool(model.remote)

    def _status(self, model: Model, loaded: Loaded | None) -> str:
        """A cloud lists its models and says nothing of how they are; asking one would cost money."""
        if self._is_remote(model):
            return "unknown"
        return "loading" if loaded is not None and loaded.loading else "available"

    def _inventory(self, loaded: Sequence[Loaded]) -> list[Fact]:
        models, memory = self._models or (), {one.model.name: one for one in loaded}
        service = {"version": self._version, "status": "available", "place": "cloud" if self._cloud else "local"}
        facts = [Fact("service", self.instance, {key: value for key, value in service.items() if value})]
        for model in (*models, *_unlisted(models, loaded)):
            found = self._facts(model, memory.get(model.name))
            facts.append(Fact("model", model.name, {key: value for key, value in found.items() if value}))
        return facts

    def _facts(self, model: Model, loaded: Loaded | None) -> dict[str, str]:
        shown = self._shown.get(model.digest, Shown())
        capabilities = model.capabilities or shown.capabilities
        limit = model.context if model.context is not None else shown.context
        remote = self._is_remote(model)
        facts = {
            "status": self._status(model, loaded),
            "root": model.root,
            "type": _type(capabilities),
            "parameters": _shown(shown.parameters if shown.parameters is not None else model.parameters),
            "quantization": model.quantization,
            "context": _shown(loaded.model.context if loaded and loaded.model.context else limit),
            "context_limit": _shown(limit),
            "family": model.family,
            "format": model.format,
            "licence": shown.licence,
            "capabilities": ",".join(capabilities),
            "digest": model.digest[:12],
        }
        if remote:
            return {**facts, "remote": model.remote or self.instance.partition(":")[0]}
        facts |= {"size_bytes": _shown(model.size_bytes), "sleeping": str(loaded is None).lower()}
        if loaded is None:
            return facts
        expires = "never" if loaded.stays else _shown(None if loaded.expires is None else round(loaded.expires))
        memory = {"memory_bytes": _shown(loaded.memory_bytes), "vram_bytes": _shown(loaded.vram_bytes)}
        return {**facts, **memory, "expires": expires}


def _unlisted(models: Sequence[Model], loaded: Sequence[Loaded]) -> Iterator[Model]:
    """Yield models in memory that came after the disk was read; the size that they say is that in memory."""
    known = {model.name for model in models}
    for one in loaded:
        if one.model.name not in known:
            yield replace(one.model, size_bytes=None, context=None)


def _memory(one: Loaded) -> Iterator[Sample]:
    """Yield what a model in memory takes; what is not said is left out."""
    own: Pairs = (("model", one.model.name),)
    numbers = {
        "ollama_model_memory_bytes": one.memory_bytes,
        "ollama_model_vram_bytes": one.vram_bytes,
        "ollama_model_context_tokens": one.model.context,
        "ollama_model_expires_timestamp_seconds": one.expires,
    }
    for name, value in numbers.items():
        if value is not None:
            yield name, own, float(value)


def _facts_of(model: Model) -> Pairs:
    return (("quantization", model.quantization), ("context", _shown(model.context)))


def _type(capabilities: Sequence[str]) -> str:
    if not capabilities:
        return ""
    return "Embedding" if _EMBEDDING in capabilities else "LLM"


def _shown(number: int | None) -> str:
    return "" if number is None else str(number)


def make(config: OllamaConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels) -> OllamaSource:
    """Return the source of one target."""
    return OllamaSource(config, http, clock, target, extra)
