"""Ask a running daemon, with the standard library alone: over its unix socket, or over TCP with a token."""

from __future__ import annotations

import http.client
import json
import os
import socket
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from inferdeck import __version__, errors
from inferdeck.model.json_form import build
from inferdeck.model.page import Page


class _Later:
    """A module that is imported when something of it is needed: each question needs but one of them."""

    def __init__(self, name: str) -> None:
        self._name = f"inferdeck.model.{name}"

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)


if TYPE_CHECKING:
    from inferdeck.model import annotations as notes
    from inferdeck.model import answers, dashboard_answers, log_lines, model_catalog, stack
    from inferdeck.model import config_files as files
    from inferdeck.model import widget as widgets
else:
    notes, files, widgets = _Later("annotations"), _Later("config_files"), _Later("widget")
    answers, dashboard_answers, log_lines = _Later("answers"), _Later("dashboard_answers"), _Later("log_lines")
    model_catalog, stack = _Later("model_catalog"), _Later("stack")

T = TypeVar("T")
LARGEST_ANSWER_BYTES = 64 * 2**20
_KINDS: dict[type, str] = {str: "x-www-form-urlencoded", bytes: "octet-stream"}


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a daemon answers: a unix socket's path, or an http(s) URL; `token` as bearer where given."""

    socket_path: str = ""
    url: str = ""
    token: str = ""

    def __str__(self) -> str:
        return self.socket_path or self.url

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"


@dataclass(frozen=True, slots=True)
class Client:
    """The native API, one connection per question; raises the daemon's errors, DaemonDownError where none answers."""

    address: Address
    timeout_seconds: float = 10.0

    def status(self, at: str = "") -> answers.Status:
        """Return the whole stack; at: a moment of the past in the forms that the API takes, "" for now."""
        return self._ask(answers.Status, "GET", _with("/api/status", {"at": at}))

    def sources(self) -> answers.Sources:
        return self._ask(answers.Sources, "GET", "/api/sources")

    def source(self, identity: str) -> answers.SourceAnswer:
        return self._ask(answers.SourceAnswer, "GET", f"/api/sources/{quote(identity, safe='')}")

    def test_source(self, entry: dict[str, Any]) -> answers.Trial:
        return self._ask(answers.Trial, "POST", "/api/sources/test", entry)

    def add_source(self, entry: dict[str, Any]) -> answers.Added:
        return self._ask(answers.Added, "POST", "/api/sources", entry)

    def doctor(self) -> answers.Diagnosis:
        return self._ask(answers.Diagnosis, "GET", "/api/doctor")

    def config(self) -> answers.ConfigAnswer:
        return self._ask(answers.ConfigAnswer, "GET", "/api/config")

    def store_stats(self) -> answers.StoreReport:
        return self._ask(answers.StoreReport, "GET", "/api/store/stats")

    def send_block(self, body: bytes) -> answers.Imported:
        """Hand over many scrapes of one target at once; receive/blocks.py has the format."""
        return self._ask(answers.Imported, "POST", "/api/store/blocks", body)

    def start_job(self, kind: str, options: dict[str, Any]) -> answers.Job:
        return self._ask(answers.Job, "POST", f"/api/store/{kind}", options)

    def job(self, identity: str) -> answers.Job:
        return self._ask(answers.Job, "GET", f"/api/jobs/{quote(identity, safe='')}")

    def services(self, **parameters: str) -> Page[stack.StackService]:
        """Return a page of services; parameters as in query/stack/interface.py, empty ones are left out."""
        return self._page(stack.StackService, "/api/services", parameters)

    def containers(self, **parameters: str) -> Page[stack.StackContainer]:
        return self._page(stack.StackContainer, "/api/containers", parameters)

    def gpus(self, **parameters: str) -> Page[stack.Card]:
        return self._page(stack.Card, "/api/gpus", parameters)

    def chains(self, **parameters: str) -> Page[stack.Chain]:
        return self._page(stack.Chain, "/api/chains", parameters)

    def routes(self, **parameters: str) -> Page[stack.Route]:
        return self._page(stack.Route, "/api/routes", parameters)

    def logs(self, parameters: dict[str, list[str]]) -> log_lines.LogAnswer:
        """Return lines of logs; parameters as in api/logs.py."""
        return self._ask(log_lines.LogAnswer, "GET", f"/api/logs?{urlencode(parameters, doseq=True)}")

    def log_streams(self) -> log_lines.LogStreams:
        return self._ask(log_lines.LogStreams, "GET", "/api/logs/streams")

    def events(self, **parameters: str) -> Page[notes.Event]:
        """Return a page of what happened; parameters as in api/happenings.py, empty ones are left out."""
        return self._page(notes.Event, "/api/events", parameters)

    def annotations(self, **parameters: str) -> Page[notes.Annotation]:
        return self._page(notes.Annotation, "/api/annotations", parameters)

    def annotate(self, body: dict[str, Any]) -> notes.Annotation:
        """Note what happened; it is on disk when this returns."""
        return self._ask(notes.Annotation, "POST", "/api/annotations", body)

    def delete_annotation(self, number: int) -> notes.Deleted:
        return self._ask(notes.Deleted, "DELETE", f"/api/annotations/{number}")

    def config_files(self, **parameters: str) -> Page[files.ConfigFile]:
        """Return a page of configuration files; parameters as in api/config_files.py, empty ones are left out."""
        return self._page(files.ConfigFile, "/api/config-files", parameters)

    def config_file(self, identity: str) -> files.ConfigFilePage:
        return self._ask(files.ConfigFilePage, "GET", f"/api/config-files/{quote(identity, safe='')}")

    def dashboards(self) -> dashboard_answers.DashboardList:
        return self._ask(dashboard_answers.DashboardList, "GET", "/api/dashboards")

    def dashboard(self, uid: str) -> dashboard_answers.Definition:
        return self._ask(dashboard_answers.Definition, "GET", f"/api/dashboards/{quote(uid, safe='')}")

    def dashboard_data(self, uid: str, parameters: list[tuple[str, str]]) -> dashboard_answers.DashboardData:
        """Return what all visible panels show; parameters as in api/dashboards.py."""
        path = f"/api/dashboards/{quote(uid, safe='')}/data?{urlencode(parameters)}"
        return self._ask(dashboard_answers.DashboardData, "GET", path)

    def dashboard_variables(self, uid: str, parameters: list[tuple[str, str]]) -> dashboard_answers.Variables:
        """Return the options of a dashboard's variables and what is chosen; parameters as in api/dashboards.py."""
        path = f"/api/dashboards/{quote(uid, safe='')}/variables?{urlencode(parameters)}"
        return self._ask(dashboard_answers.Variables, "GET", path)

    def ready(self) -> bool:
        """Return whether a daemon answers and has finished starting; False where none does."""
        try:
            return self._request("GET", "/-/ready", None)[0] == 200
        except errors.DaemonDownError:
            return False

    def prometheus(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
        """Ask a route of Prometheus' HTTP API; returns its whole envelope: data, warnings, infos."""
        form = urlencode(parameters)
        status, data = self._request("POST", f"/api/v1/{path}", form)
        try:
            found = json.loads(data)
        except ValueError as error:
            raise errors.UnavailableError(f"{self.address}: the answer is not that of an inferdeck daemon") from error
        if isinstance(found, dict) and found.get("status") == "success":
            return found
        raise _prometheus_error(found, status, str(self.address))

    def models(self, **parameters: str) -> model_catalog.Models:
        """Return a page of models; parameters as in query/catalog/interface.py, empty ones are left out."""
        return self._ask(model_catalog.Models, "GET", _with("/api/models", parameters))

    def model(self, name: str, environment: str = "", at: str = "") -> model_catalog.ModelPage:
        path = f"/api/models/{quote(name, safe='')}"
        return self._ask(model_catalog.ModelPage, "GET", _with(path, {"environment": environment, "at": at}))

    def providers(self, **parameters: str) -> model_catalog.Providers:
        return self._ask(model_catalog.Providers, "GET", _with("/api/providers", parameters))

    def widget(self, name: str, parameters: dict[str, str]) -> widgets.Drawn:
        """Return a widget as the daemon draws it for a host; parameters as in api/widgets.py, empty ones left out."""
        status, data, headers = self._exchange("GET", _with(f"/widgets/{quote(name, safe='')}", parameters), None)
        if status < 400 and (state := headers.get("X-Inferdeck-State")) in widgets.EXIT_CODES:
            return widgets.Drawn(data.decode("utf-8", "replace"), widgets.State(state))
        try:
            found = json.loads(data)
        except ValueError:
            found = None
        raise _remote_error(found, status, str(self.address))

    def _page(self, kind: type[T], path: str, parameters: dict[str, str]) -> Page[T]:
        wanted: type[Page[T]] = Page[kind]  # type: ignore[valid-type]  # it is read as the program runs
        return self._ask(wanted, "GET", _with(path, parameters))

    def _ask(self, kind: type[T], method: str, path: str, body: dict[str, Any] | bytes | None = None) -> T:
        status, data = self._request(method, path, body)
        try:
            found = json.loads(data)
            if status < 400:
                return build(kind, found)
        except ValueError as error:
            raise errors.UnavailableError(f"{self.address}: {self._stranger()}") from error
        raise _remote_error(found, status, str(self.address))

    def _stranger(self) -> str:
        """Return what answers in another form than ours: a daemon of another version, or something else."""
        try:
            words = self._request("GET", "/", None)[1][:100].decode("utf-8", "replace").split()
        except errors.InferdeckError:
            words = []
        if words[:1] == ["inferdeck"] and len(words) > 1 and words[1] != __version__:
            return f"inferdeck {words[1]} runs there, and this is {__version__}: start it again, or use its version"
        return "the answer is not that of an inferdeck daemon"

    def _request(self, method: str, path: str, body: dict[str, Any] | str | bytes | None) -> tuple[int, bytes]:
        status, data, _ = self._exchange(method, path, body)
        return status, data

    def _exchange(
        self, method: str, path: str, body: dict[str, Any] | str | bytes | None
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        """Send JSON, a form where `body` is text, a block of samples where it is bytes; returns the headers too."""
        connection = self._connection()
        headers = {"Accept": "application/json"}
        if self.address.token:
            headers["Authorization"] = f"Bearer {self.address.token}"
        if body is not None:
            headers["Content-Type"] = f"application/{_KINDS.get(type(body), 'json')}"
        try:
            connection.request(method, path, json.dumps(body) if isinstance(body, dict) else body, headers)
            response = connection.getresponse()
            data = response.read(LARGEST_ANSWER_BYTES + 1)
        except TimeoutError as error:
            message = f"the daemon at {self.address} did not answer within {self.timeout_seconds:g} s"
            raise errors.UnavailableError(message) from error
        except (OSError, http.client.HTTPException) as error:
            message = f"no daemon answers at {self.address}; start one with: inferdeck up"
            raise errors.DaemonDownError(message) from error
        finally:
            connection.close()
        if len(data) > LARGEST_ANSWER_BYTES:
            raise errors.UnavailableError(f"{self.address}{path}: more than {LARGEST_ANSWER_BYTES >> 20} MiB answered")
        return response.status, data, response.headers

    def _connection(self) -> http.client.HTTPConnection:
        if self.address.socket_path:
            return _UnixConnection(self.address.socket_path, self.timeout_seconds)
        try:
            parts = urlsplit(self.address.url)
            port = parts.port
        except ValueError as error:
            raise errors.UsageError(f"{self.address.url}: not a URL; write http://HOST:PORT") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise errors.UsageError(f"{self.address.url}: not a URL; write http://HOST:PORT")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname, port, timeout=self.timeout_seconds)


def _with(path: str, parameters: dict[str, str]) -> str:
    text = urlencode({name: value for name, value in parameters.items() if value})
    return f"{path}?{text}" if text else path


def _remote_error(found: Any, status: int, where: str) -> errors.InferdeckError:
    entry = found.get("error") if isinstance(found, dict) else None
    if not isinstance(entry, dict):
        return errors.UnavailableError(f"{where}: HTTP {status} from something that is not an inferdeck daemon")
    # `next` speaks of routes, for those who ask over HTTP; the message says what a command's user needs.
    text = str(entry.get("message", ""))
    kind = errors.KINDS.get(str(entry.get("kind", "")), errors.InferdeckError)
    return errors.StatusError(text, status) if kind is errors.StatusError else kind(text)


_PROMETHEUS_ERRORS: dict[str, type[errors.InferdeckError]] = {
    "bad_data": errors.UsageError,
    "not_found": errors.NotFoundError,
    "timeout": errors.LimitError,
    "unavailable": errors.UnavailableError,
}


def _prometheus_error(found: Any, status: int, where: str) -> errors.InferdeckError:
    """Return the error of an envelope; what stands before our API, such as a guard, answers in our own form."""
    if not isinstance(found, dict) or not isinstance(found.get("error"), str):
        return _remote_error(found, status, where)
    kind = _PROMETHEUS_ERRORS.get(str(found.get("errorType", "")), errors.InferdeckError)
    return kind(found["error"])


def token_from(environ: dict[str, str] | os._Environ[str]) -> str:
    """Return the token of INFERDECK_TOKEN or of the file that INFERDECK_TOKEN_FILE names, "" where neither is set."""
    if token := environ.get("INFERDECK_TOKEN", ""):
        return token
    path = environ.get("INFERDECK_TOKEN_FILE", "")
    if not path:
        return ""
    try:
        with open(path, encoding="utf-8") as stream:  # noqa: PTH123  (pathlib costs an import that this module avoids)
            return stream.read().strip()
    except OSError as error:
        raise errors.UsageError(f"INFERDECK_TOKEN_FILE: cannot read {path}: {error.strerror}") from error
