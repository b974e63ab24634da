"""The Langfuse source: its health with each collection, its project and what the last hour and day held now and then.

Both metrics routes are limited on Langfuse Cloud (a Hobby project: 100 a day): questions are few, and after a 429
nothing is asked before the time that it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inferdeck.errors import AuthError, CollectError, MalformedError
from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels
from inferdeck.model.metric import SideEffect
from inferdeck.model.target import Fact, TargetKey
from inferdeck.sources.columns import Columns, Sample
from inferdeck.sources.http import HttpClient, Response
from inferdeck.sources.interface import Collected, Probe
from inferdeck.sources.langfuse import answers, totals
from inferdeck.sources.langfuse.config import LangfuseConfig
from inferdeck.sources.langfuse.totals import DAY, HOUR, Totals, Window
from inferdeck.sources.retry_after import wait_seconds

HEALTH, PROJECTS = "/api/public/health", "/api/public/projects"
METRICS, METRICS_V2 = "/api/public/metrics", "/api/public/v2/metrics"
LARGEST_ANSWER = 4_000_000
PROJECTS_SECONDS = 600.0
REFUSED_SECONDS = 900.0
SHORTEST_DAY_SECONDS = 900.0
ABSENT_SECONDS = 3600.0
_REFUSED = (401, 403)
_LIMITED, _MISSING, _WRONG, _SICK = 429, 404, 400, 503
_SLACK_SECONDS = 1.0
"""So that what is due each minute is not left out by a collection that began a little early."""

PROBES = (
    Probe("health", f"GET {HEALTH}", SideEffect.NONE, "without the keys; looks into its database", required=True),
    Probe("projects", f"GET {PROJECTS}", SideEffect.NONE, "every ten minutes"),
    Probe(
        "totals",
        f"GET {METRICS_V2}, or {METRICS} of version 3",
        SideEffect.NONE,
        "one aggregate over the last hour every totals_interval, one over the last day four times less often; counts "
        "towards the limits of Langfuse Cloud",
        enabled_by="totals",
    ),
    Probe("records", "GET /api/public/traces, /observations, /sessions", SideEffect.EXHAUSTS_MEMORY, "never sent"),
)


@dataclass(slots=True)
class _Kept:
    """The totals of one window, and when to ask for them again (monotonic)."""

    window: Window
    period: float
    due: float = float("-inf")
    totals: Totals | None = None
    read: float = 0.0

    @property
    def oldest(self) -> float:
        """How long totals are shown while newer ones cannot be had (s)."""
        return 3 * self.period + 60.0


class _LimitedError(CollectError):
    """Asked too often."""


class LangfuseSource:
    """One Langfuse project; the keys go to its own origin alone."""

    kind = "langfuse"
    probes: Sequence[Probe] = PROBES

    def __init__(
        self, config: LangfuseConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels
    ) -> None:
        self.instance = target.instance
        self._config = config
        self._signed_in = config.signed_in()
        self._keyed = self._signed_in.basic_auth is not None or bool(config.headers)
        self._url = config.url or f"http://{target.instance}"
        self._http = http
        self._clock = clock
        self._deadline = config.deadline or min(config.interval, 10.0)
        self._columns = Columns(extra)
        self._health = answers.Health("", "")
        self._projects: tuple[answers.Project, ...] = ()
        self._projects_due = float("-inf")
        period = config.totals_seconds
        self._kept = (_Kept(HOUR, period), _Kept(DAY, max(4 * period, SHORTEST_DAY_SECONDS)))
        self._v2: bool | None = None
        """Which metrics route answers; None before that is known."""
        self._lean = False
        self._not_before = float("-inf")
        self._refused: AuthError | None = None
        self._notes: dict[str, str] = {}
        self._asked = self._bytes = 0
        self._ends = 0.0

    async def collect(self, now: float) -> Collected:
        """Read its health, and what is due of the rest; raises CollectError where no Langfuse answers.

        One that refuses the keys, or was given none, is up: its health is told.
        """
        self._asked = self._bytes = 0
        self._ends = self._clock.monotonic() + 0.9 * self._deadline
        await self._read_health()
        withheld = await self._read_the_rest(now)
        layout, values = self._columns.collect(self._samples())
        return Collected(
            layout,
            values,
            inventory=self._inventory(),
            version=self._health.version,
            warnings=tuple(self._notes.values()),
            response_bytes=self._bytes,
            requests=self._asked,
            withheld=withheld,
        )

    async def aclose(self) -> None:
        """The HTTP client belongs to the daemon; nothing is held here."""

    # What it is asked

    async def _read_health(self) -> None:
        self._asked += 1
        answer = await self._http.get(
            self._url,
            settings=self._config,
            path=HEALTH,
            deadline=self._deadline,
            max_bytes=LARGEST_ANSWER,
            send_key=False,
            allow=(_SICK,),
        )
        self._bytes += len(answer.body)
        found = answers.health(answer.body)
        if found is None:
            raise MalformedError(f"{answer.url}: no version and status; does a Langfuse answer there?")
        if found.version != self._health.version:
            # Another version may have other routes, and other limits.
            self._v2, self._lean = None, False
        self._health = found

    async def _read_the_rest(self, now: float) -> AuthError | None:
        """Renew what is due; a failure is a note, for Langfuse itself answers. Return why nothing is told, if so."""
        if not self._keyed:
            return AuthError(
                f"{self._url}: traces, cost and tokens need a project's keys; set `public_key` and `secret_key` under "
                "sources.langfuse"
            )
        started = self._clock.monotonic()
        if started < self._not_before:
            return self._refused
        self._refused = None
        self._note("limit", "")
        try:
            if started >= self._projects_due:
                await self._read_projects(now)
            if self._config.totals:
                await self._read_totals(now)
        except _LimitedError as error:
            self._note("limit", str(error))
        except AuthError as error:
            self._refused, self._not_before = error, started + REFUSED_SECONDS
        except CollectError as error:
            self._note("failed", f"what was told before is shown: {error}")
        return self._refused

    async def _get(self, path: str, now: float, question: bytes = b"") -> Response:
        self._asked += 1
        answer = await self._http.get(
            self._url,
            settings=self._signed_in,
            path=path,
            params={"query": question.decode()} if question else None,
            deadline=max(0.5, self._ends - self._clock.monotonic()),
            max_bytes=LARGEST_ANSWER,
            allow=(*_REFUSED, _LIMITED, _MISSING, _WRONG),
        )
        self._bytes += len(answer.body)
        if answer.status in _REFUSED:
            raise AuthError(
                f"{self._url}: refuses the keys it was given (HTTP {answer.status}); check `public_key` and "
                "`secret_key` under sources.langfuse"
            )
        if answer.status == _LIMITED:
            wait = wait_seconds(answer.headers, now)
            self._not_before = self._clock.monotonic() + wait
            raise _LimitedError(
                f"{self._url}: asked too often (HTTP 429); it is left alone for {wait:.0f} s; a longer "
                "`totals_interval` asks less"
            )
        return answer

    async def _read_projects(self, now: float) -> None:
        answer = await self._get(PROJECTS, now)
        if answer.status < _WRONG:
            self._note("failed", "")
            self._projects = answers.projects(answer.body)
            self._projects_due = self._clock.monotonic() + PROJECTS_SECONDS - _SLACK_SECONDS

    async def _read_totals(self, now: float) -> None:
        """Renew one window at most: an aggregate over much data takes its time."""
        moment = self._clock.monotonic()
        due = min(self._kept, key=lambda kept: kept.due)
        if moment < due.due:
            return
        # Also where it fails: nothing is asked more often than that.
        due.due = moment + due.period - _SLACK_SECONDS
        found = await self._totals(due.window, now)
        if found is not None:
            due.totals, due.read = found, moment

    async def _totals(self, window: Window, now: float) -> Totals | None:
        until = float(int(now))
        v2 = self._v2 if self._v2 is not None else self._health.major >= 4
        answer = await self._metrics(window, until, v2)
        if answer.status == _MISSING and self._v2 is None:
            v2 = not v2
            answer = await self._metrics(window, until, v2)
        if answer.status >= _WRONG:
            self._note_unanswered(answer)
            return None
        self._v2 = v2
        found = totals.rows(answer.body)
        if found is None:
            raise MalformedError(f"{answer.url.partition('?')[0]}: no rows; does a Langfuse answer there?")
        self._note("failed", "")
        self._note("totals", self._told(answer, len(found)))
        if len(found) >= totals.MOST_ROWS:
            return None
        return Totals(window, until, found, totals.roots(found) if v2 else await self._traces(window, until))

    async def _metrics(self, window: Window, until: float, v2: bool) -> Response:
        path = METRICS_V2 if v2 else METRICS
        answer = await self._get(path, until, totals.question(window, until, v2=v2, lean=self._lean))
        if answer.status == _WRONG and not self._lean:
            self._lean = True
            answer = await self._get(path, until, totals.question(window, until, v2=v2, lean=True))
        return answer

    async def _traces(self, window: Window, until: float) -> float | None:
        answer = await self._get(METRICS, until, totals.question(window, until, v2=False, traces=True))
        return totals.count(answer.body) if answer.status < _WRONG else None

    # What it says

    def _told(self, answer: Response, rows: int) -> str:
        if rows >= totals.MOST_ROWS:
            return f"no totals: more than {totals.MOST_ROWS} groups of model and level, of which not all are told"
        notice = answers.notice(answer.body)
        return f"Langfuse says of this route: {notice}" if notice else ""

    def _note_unanswered(self, answer: Response) -> None:
        for kept in self._kept:
            kept.due = max(kept.due, self._clock.monotonic() + ABSENT_SECONDS)
        what = "has no metrics route" if answer.status == _MISSING else f"answers HTTP {answer.status}"
        self._note("totals", f"no totals: Langfuse {self._health.version} {what}; asked again in an hour")

    def _note(self, about: str, text: str) -> None:
        self._notes.pop(about, None)
        if text:
            self._notes[about] = text

    @property
    def _project(self) -> str:
        return self._projects[0].name if len(self._projects) == 1 else ""

    def _samples(self) -> Iterator[Sample]:
        yield "langfuse_healthy", (), float(self._health.ok)
        yield "langfuse_build_info", (("version", self._health.version),), 1.0
        now = self._clock.monotonic()
        for kept in self._kept:
            if kept.totals is not None and now - kept.read <= kept.oldest:
                yield from totals.samples(kept.totals, self._project)

    def _inventory(self) -> list[Fact]:
        service = {
            "version": self._health.version,
            "status": "available" if self._health.ok else "degraded",
            "message": "" if self._health.ok else self._health.status,
            "api": "" if self._v2 is None else ("/v2/metrics" if self._v2 else "/metrics"),
        }
        facts = [Fact("service", self.instance, {key: value for key, value in service.items() if value})]
        for one in self._projects:
            found = {"id": one.id, "organization": one.organization}
            facts.append(Fact("project", one.name, {key: value for key, value in found.items() if value}))
        return facts


def make(config: LangfuseConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels) -> LangfuseSource:
    """Return the source of one target."""
    return LangfuseSource(config, http, clock, target, extra)
