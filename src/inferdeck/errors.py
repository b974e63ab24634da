"""Every error that inferdeck raises on purpose, and what each means to a caller.

    InferdeckError                      exit 1, HTTP 500
    ├── UsageError                      exit 2, HTTP 400   what the user typed or asked is wrong
    │   ├── ConfigError                 exit 2, HTTP 400   a file, key or environment variable is wrong
    │   ├── CatalogError                exit 2, HTTP 500   one of our own (or a user's) catalog files is wrong
    │   ├── QueryError                  exit 2, HTTP 400   a PromQL expression cannot be read
    │   └── NotFoundError               exit 2, HTTP 404   a named thing does not exist
    ├── ForbiddenError                  exit 4, HTTP 403   no token, a wrong token, a wrong role, a wrong Host
    ├── LimitError                      exit 5, HTTP 422   a documented limit was reached
    ├── EvaluationError                 exit 2, HTTP 422   a PromQL query can be read, but not answered on this data
    ├── UnavailableError                exit 3, HTTP 503   something we need does not answer now
    │   ├── DaemonDownError             exit 3             no daemon: run inferdeck up
    │   ├── QueryTimeoutError           exit 3, HTTP 503   a query took longer than it may
    │   └── CollectError                                   one target could not be read
    │       ├── ConnectError                               refused, unreachable, DNS, TLS
    │       ├── DeadlineError                              did not answer within its deadline
    │       ├── StatusError                                answered with an HTTP status that is an error
    │       │   └── MetricsOffError                        answers, but its metrics are switched off
    │       ├── AuthError                                  needs a key, or the key is wrong
    │       ├── TooLargeError                              answered with more than the limit
    │       └── MalformedError                             answered with something that cannot be read
    └── StoreError                      exit 1, HTTP 503   the history on disk
        ├── StoreLockedError            exit 3             another daemon owns the data directory
        ├── StoreFullError                                 no space: writing has stopped, reading goes on
        ├── StoreVersionError           exit 2             written by a newer inferdeck, or not ours
        ├── StaleStampError                                a stamp that is not after the last one of its target
        └── UnsupportedFilesystemError  exit 2             a network file system, where locks are not locks

Every message names the thing, the place (file and line, key, or URL) and the next step.
"""

from __future__ import annotations


class InferdeckError(Exception):
    """Base of all errors that inferdeck raises on purpose; str() is what the user reads."""


class UsageError(InferdeckError):
    """What the user typed or asked is wrong."""


class ConfigError(UsageError):
    """A configuration file, key or environment variable is wrong."""


class CatalogError(UsageError):
    """A catalog file does not follow its schema."""


class QueryError(UsageError):
    """A PromQL expression cannot be read; str() is Prometheus' line and a view of the text with carets.

    start, end: the characters of `text` that are wrong, end exclusive.
    """

    def __init__(self, message: str, *, text: str = "", start: int = 0, end: int = 0) -> None:
        self.message = message
        self.text = text
        self.start = min(start, len(text))
        self.end = max(self.start, min(end, len(text)))
        view = self._view()
        super().__init__(f"{self.headline}\n{view}" if view else self.headline)

    @property
    def headline(self) -> str:
        """The one line that Prometheus would answer, `1:5: parse error: …`; its column counts bytes from 1."""
        line_start = self.text.rfind("\n", 0, self.start) + 1
        line = self.text.count("\n", 0, self.start) + 1
        column = len(self.text[line_start : self.start].encode("utf-8", "surrogatepass")) + 1
        return f"{line}:{column}: parse error: {self.message}"

    def _view(self) -> str:
        line_start = self.text.rfind("\n", 0, self.start) + 1
        line_end = self.text.find("\n", self.start)
        line_end = len(self.text) if line_end < 0 else line_end
        # A screen's width of the line is enough to find the place in a query of any length.
        first = max(line_start, self.start - 60)
        shown = self.text[first : min(line_end, first + 110)].replace("\t", " ")
        if not shown.strip():
            return ""
        carets = "^" * max(1, min(self.end, first + len(shown)) - self.start)
        lead = "…" if first > line_start else ""
        return f"  {lead}{shown}\n  {' ' * (len(lead) + self.start - first)}{carets}"


class NotFoundError(UsageError):
    """A named thing does not exist."""


class ForbiddenError(InferdeckError):
    """No token, a wrong token, a role that may not do this, or a Host that is not ours."""


class LimitError(InferdeckError):
    """A documented limit was reached."""


class EvaluationError(InferdeckError):
    """A PromQL query can be read, but not answered on this data (many-to-many matching and the like)."""


class NeedsHistogramsError(EvaluationError):
    """A PromQL query whose answer needs the content of native histograms, which is not kept."""

    def __init__(self) -> None:
        super().__init__("the answer needs native histograms, whose content is not kept")


class UnavailableError(InferdeckError):
    """Something that is needed does not answer now."""


class DaemonDownError(UnavailableError):
    """No daemon answers."""


class QueryTimeoutError(UnavailableError):
    """A query took longer than it may."""


class CollectError(UnavailableError):
    """One target could not be read; the others go on."""


class ConnectError(CollectError):
    """Refused, unreachable, unknown host, or TLS failed."""


class DeadlineError(CollectError):
    """The target did not answer within its deadline."""


class StatusError(CollectError):
    """The target answered with an HTTP status that is an error."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class MetricsOffError(StatusError):
    """The target answers, but its metrics are switched off; the message says how to switch them on."""


class AuthError(CollectError):
    """The target needs a key, or refuses the one it was given."""


class TooLargeError(CollectError):
    """The target answered with more bytes or lines than the limit."""


class MalformedError(CollectError):
    """The target answered with something that cannot be read."""


class StoreError(InferdeckError):
    """The history on disk cannot be read or written."""


class StoreLockedError(StoreError):
    """Another process owns the data directory."""


class StoreFullError(StoreError):
    """No space is left: writing has stopped, reading goes on, writing resumes by itself."""


class StoreVersionError(StoreError):
    """The files were written by a newer inferdeck, or are not inferdeck's."""


class StaleStampError(StoreError):
    """A scrape whose stamp is not after the last one of its target; last_ms is that one, 0 where it is not told."""

    def __init__(self, message: str, last_ms: int = 0) -> None:
        super().__init__(message)
        self.last_ms = last_ms


class UnsupportedFilesystemError(StoreError):
    """The data directory is on a network file system."""


# The first matching row wins, so a subclass stands above its base.
HTTP_STATUS: tuple[tuple[type[InferdeckError], int], ...] = (
    (NotFoundError, 404),
    (CatalogError, 500),
    (UsageError, 400),
    (ForbiddenError, 403),
    (LimitError, 422),
    (EvaluationError, 422),
    (UnavailableError, 503),
    (StoreError, 503),
    (InferdeckError, 500),
)
EXIT_CODE: tuple[tuple[type[InferdeckError], int], ...] = (
    (UsageError, 2),
    (StoreVersionError, 2),
    (UnsupportedFilesystemError, 2),
    (ForbiddenError, 4),
    (LimitError, 5),
    (EvaluationError, 2),
    (UnavailableError, 3),
    (StoreLockedError, 3),
    (InferdeckError, 1),
)


def kind_name(found: type[InferdeckError]) -> str:
    """Return the name that the HTTP interface gives to errors of a class."""
    name = found.__name__.removesuffix("Error")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


KINDS: dict[str, type[InferdeckError]] = {
    kind_name(found): found
    for found in list(vars().values())
    if isinstance(found, type) and issubclass(found, InferdeckError)
}
"""Every class under the name that the HTTP interface gives it ("not_found", "store_full", ...)."""


def kind(error: InferdeckError) -> str:
    """Return the name that the HTTP interface gives to errors like this one."""
    return kind_name(type(error))


def http_status(error: InferdeckError) -> int:
    """Return the HTTP status that answers `error`."""
    return next(status for kind, status in HTTP_STATUS if isinstance(error, kind))


def exit_code(error: InferdeckError) -> int:
    """Return the exit code of a command that ends with `error`."""
    return next(code for kind, code in EXIT_CODE if isinstance(error, kind))
