"""Long pieces of work, one at a time, each in a thread of its own, with progress."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from inferdeck.errors import InferdeckError, LimitError, NotFoundError
from inferdeck.model.answers import Job

_log = logging.getLogger(__name__)

KEPT = 20
Report = Callable[[float, str], None]
"""Takes progress from 0 to 1 and what is being done."""
Work = Callable[[Report], list[str]]
"""Does the work and returns the lines that say how it ended."""


class Jobs:
    """Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._numbers = itertools.count(1)

    def start(self, kind: str, work: Work) -> Job:
        """Begin; raises LimitError while another job runs."""
        with self._lock:
            running = next((job for job in self._jobs.values() if job.state == "running"), None)
            if running is not None:
                raise LimitError(f"a {running.kind} is running ({running.progress:.0%}); wait for it to end")
            job = Job(f"{kind}-{next(self._numbers)}", kind, "running", 0.0, "starting")
            self._jobs[job.id] = job
            for old in list(self._jobs)[:-KEPT]:
                del self._jobs[old]
        threading.Thread(target=self._run, args=(job, work), name=job.id, daemon=True).start()
        return job

    def get(self, identity: str) -> Job:
        """Return a job as it is now; raises NotFoundError."""
        with self._lock:
            if identity not in self._jobs:
                raise NotFoundError(f'no job is called "{identity}"; the last {KEPT} are kept until a restart')
            return self._jobs[identity]

    def _run(self, job: Job, work: Work) -> None:
        def report(progress: float, message: str) -> None:
            self._set(replace(job, progress=min(1.0, max(0.0, progress)), message=message))

        try:
            lines = work(report)
        except InferdeckError as error:
            self._set(replace(job, state="failed", progress=1.0, message=str(error)))
        except Exception as error:
            _log.exception("%s failed unexpectedly", job.id)
            text = f"an unexpected {type(error).__name__}; the log has the details"
            self._set(replace(job, state="failed", progress=1.0, message=text))
        else:
            self._set(replace(job, state="done", progress=1.0, message="done", lines=tuple(lines)))

    def _set(self, job: Job) -> None:
        with self._lock:
            self._jobs[job.id] = job
