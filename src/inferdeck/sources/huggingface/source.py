"""The Hugging Face source: looks up the repositories of the models that the stack serves, each once a day.

It asks about names alone that have the form of a repository; off unless it is configured, silent where it is offline.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import orjson

from inferdeck.errors import AuthError, CollectError, StatusError
from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels
from inferdeck.model.metric import SideEffect
from inferdeck.model.target import Fact, TargetKey
from inferdeck.sources.columns import Columns, Pairs, Sample
from inferdeck.sources.http import HttpClient, Response
from inferdeck.sources.huggingface import cache, names, repository
from inferdeck.sources.huggingface.cache import Entry
from inferdeck.sources.huggingface.config import HUB, HuggingfaceConfig
from inferdeck.sources.huggingface.repository import EXPAND, Repository
from inferdeck.sources.interface import Collected, Probe
from inferdeck.sources.retry_after import wait_seconds

LARGEST_ANSWER = 4_000_000
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0
REFUSED_SECONDS = 3600.0
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_TRUE = frozenset({"1", "on", "yes", "true"})
_LIMITED, _WRONG, _ABSENT, _TOKEN = 429, 400, (401, 403, 404, 410, 451), 401
_QUERY = urlencode([("expand", name) for name in EXPAND])

PROBES = (
    Probe(
        "repository",
        "GET /api/models/{repo}",
        SideEffect.NONE,
        "once a day for each repository that the stack serves, its name only; never a path, never a download",
    ),
    Probe("reach", "GET /api/models?limit=1", SideEffect.NONE, "once, where there is no repository to ask for"),
)


class HuggingfaceSource:
    """One hub. What was read is shown, with its age, for as long as its model is served, also where the hub is gone."""

    kind = "huggingface"
    probes: Sequence[Probe] = PROBES

    def __init__(
        self, config: HuggingfaceConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels, offline: bool
    ) -> None:
        self.instance = target.instance
        self._config = config
        self._url = (config.url or HUB).partition("?")[0].rstrip("/")
        self._http = http
        self._clock = clock
        self._offline = offline
        self._keyed = config.key is not None
        self._deadline = config.deadline or min(config.interval, 10.0)
        self._columns = Columns(extra)
        self._wanted: tuple[str, ...] = ()
        self._entries: dict[str, Entry] = {}
        self._file: Path | None = None
        self._loaded = False
        self._expands = True
        """Whether the hub takes `expand`; a mirror may not."""
        self._reached: bool | None = None
        self._failure: CollectError | None = None
        self._failures = 0
        self._not_before = float("-inf")
        self._allowance = float(config.requests_per_minute)
        self._allowed_at = clock.monotonic()
        self._asked = self._bytes = 0
        self._unsaved = ""

    def follow(self, names_served: Collection[str]) -> None:
        """Take over what the stack serves now."""
        self._wanted = names.repositories(names_served)

    def keep_in(self, folder: Path) -> None:
        """Keep answers in a file of this folder, one for each hub."""
        host = urlsplit(self._url).netloc.rpartition("@")[2].replace(":", "_")
        self._file = folder / f"{host}.json"

    async def collect(self, now: float) -> Collected:
        """Ask for what is due, within the bounds; raises CollectError where the hub fails and nothing is known."""
        self._asked = self._bytes = 0
        if not self._loaded:
            self._entries = await asyncio.to_thread(cache.load, self._file) if self._file else {}
            self._loaded = True
        if not self._offline and self._clock.monotonic() >= self._not_before:
            await self._ask(now)
        known = {name: entry for name in self._wanted if (entry := self._entries.get(name)) is not None}
        if self._failure is not None and not known:
            raise self._failure
        layout, values = self._columns.collect(self._samples(known))
        return Collected(
            layout,
            values,
            inventory=self._inventory(known),
            warnings=tuple(self._warnings()),
            response_bytes=self._bytes,
            requests=self._asked,
            withheld=self._failure,
        )

    async def aclose(self) -> None:
        """The HTTP client belongs to the daemon; nothing is held here."""

    # What it is asked

    async def _ask(self, now: float) -> None:
        """Ask for one repository after the other; the first failure ends the round and begins a pause."""
        due = self._due(now)
        if not due and self._failure is None and (self._wanted or self._reached is not None):
            return
        begun, changed = self._clock.monotonic(), False
        try:
            if not due:
                self._check(await self._get("/api/models", "limit=1"), now)
            for name in due:
                left = 0.8 * self._deadline - (self._clock.monotonic() - begun)
                if left <= 0 or not self._allow():
                    break
                self._entries[name] = await self._read(name, now, left)
                changed = True
        except CollectError as error:
            self._fail(error)
        else:
            self._reached, self._failure, self._failures = True, None, 0
        if changed:
            await self._save()

    def _due(self, now: float) -> list[str]:
        """Return what to ask for: first what was never asked for, then the oldest."""
        found = {name: self._entries.get(name) for name in self._wanted}
        wanted = [
            name
            for name, entry in found.items()
            if entry is None or entry.is_due(now, self._config.max_age, self._keyed)
        ]
        return sorted(wanted, key=lambda name: (entry.read if (entry := found[name]) is not None else 0.0, name))

    def _allow(self) -> bool:
        """Take one request from this minute's allowance, where one is left."""
        now, most = self._clock.monotonic(), float(self._config.requests_per_minute)
        self._allowance = min(most, self._allowance + (now - self._allowed_at) * most / 60.0)
        self._allowed_at = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    async def _read(self, name: str, now: float, left: float) -> Entry:
        path = f"/api/models/{name}"
        answer = await self._get(path, _QUERY if self._expands else "", left)
        if answer.status == _WRONG and self._expands:
            answer = await self._get(path, "", left)
            self._expands = answer.status == _WRONG
        self._check(answer, now)
        found = repository.read(_mapping(answer.body)) if answer.status < _WRONG else None
        return Entry(now, self._keyed, found)

    async def _get(self, path: str, query: str, left: float | None = None) -> Response:
        self._asked += 1
        answer = await self._http.get(
            f"{self._url}?{query}" if query else self._url,
            settings=self._config,
            path=path,
            deadline=left or self._deadline,
            max_bytes=LARGEST_ANSWER,
            redirects="same_origin",
            allow=(*_ABSENT, _LIMITED, _WRONG),
        )
        self._asked += answer.requests - 1
        self._bytes += len(answer.body)
        return answer

    def _check(self, answer: Response, now: float) -> None:
        """Raise what an answer means that is not about the repository: too many questions, a token that is none."""
        if answer.status == _LIMITED:
            wait = wait_seconds(answer.headers, now)
            self._not_before = self._clock.monotonic() + wait
            raise StatusError(f"{self._url}: asked too often (HTTP 429); left alone for {wait:.0f} s", _LIMITED)
        unknown = answer.headers.get("X-Error-Code", "")
        if answer.status == _TOKEN and self._keyed and unknown not in ("RepoNotFound", "GatedRepo"):
            raise AuthError(f"{self._url}: refuses the token it was given (HTTP 401); check `key`")

    def _fail(self, error: CollectError) -> None:
        self._reached = isinstance(error, StatusError | AuthError)
        self._failure = error
        self._failures += 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures - 1, 10))
        if isinstance(error, AuthError):
            pause = REFUSED_SECONDS
        self._not_before = max(self._not_before, self._clock.monotonic() + pause - 1.0)

    async def _save(self) -> None:
        if self._file is None:
            return
        try:
            await asyncio.to_thread(cache.save, self._file, dict(self._entries))
        except OSError as error:
            self._unsaved = f"{self._file}: what was read cannot be kept: {(error.strerror or 'no space').lower()}"
        else:
            self._unsaved = ""

    # What it says

    def _warnings(self) -> Iterator[str]:
        if self._offline:
            yield "offline: nothing is asked, what was read before is shown"
        if self._unsaved:
            yield self._unsaved

    def _samples(self, known: Mapping[str, Entry]) -> Iterator[Sample]:
        found = [(name, entry, entry.repository) for name, entry in known.items() if entry.repository is not None]
        yield "huggingface_repositories", (), float(len(found))
        yield "huggingface_repositories_absent", (), float(len(known) - len(found))
        yield "huggingface_repositories_waiting", (), float(len(self._wanted) - len(known))
        if self._reached is not None:
            yield "huggingface_reachable", (), float(self._reached)
        for name, entry, one in found:
            yield from _of(name, entry, one)

    def _inventory(self, known: Mapping[str, Entry]) -> list[Fact]:
        status = "offline" if self._offline else {True: "available", False: "error", None: ""}[self._reached]
        facts = [Fact("service", self.instance, {"status": status} if status else {})]
        for name, entry in known.items():
            if entry.repository is not None:
                facts.append(Fact("repository", name, {**entry.repository.facts(), "read": str(round(entry.read))}))
        return facts


def _of(name: str, entry: Entry, found: Repository) -> Iterator[Sample]:
    """Yield what is known of one repository; what the hub does not say is left out."""
    own: Pairs = (("repository", name),)
    words = ("quantization", "licence", "pipeline", "library", "gated", "family")
    yield "huggingface_repository_info", (*own, *((word, getattr(found, word)) for word in words)), 1.0
    yield "huggingface_repository_read_timestamp_seconds", own, entry.read
    numbers = {
        "parameters": found.parameters,
        "size_bytes": found.size_bytes,
        "storage_bytes": found.storage_bytes,
        "context_tokens": found.context,
        "updated_timestamp_seconds": found.updated,
    }
    for word, value in numbers.items():
        if value is not None:
            yield f"huggingface_repository_{word}", own, float(value)
    if found.estimated:
        why = (("family", "huggingface_repository_parameters"), ("quality", "estimated"), ("reason", "packed_weights"))
        yield "inferdeck_quality", (*own, *why), 1.0


def _mapping(body: bytes) -> Mapping[str, object]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def is_offline(environ: Mapping[str, str]) -> bool:
    """Whether the environment tells programs to leave the hub alone, as huggingface_hub reads it."""
    return any(environ.get(name, "").lower() in _TRUE for name in _OFFLINE)


def make(
    config: HuggingfaceConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels
) -> HuggingfaceSource:
    """Return the source of one target."""
    return HuggingfaceSource(config, http, clock, target, extra, config.offline or is_offline(os.environ))
