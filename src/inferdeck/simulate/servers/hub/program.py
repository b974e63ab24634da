"""The hub's routes: models by name and by search, files, and who is allowed to have them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web

from inferdeck.simulate.events import Phase
from inferdeck.simulate.fleet import Fleet
from inferdeck.simulate.servers.hub.bodies import EXPANDABLE, info, listed, tree
from inferdeck.simulate.servers.hub.repository import File, Repository, repositories
from inferdeck.simulate.servers.program import Handlers, World
from inferdeck.simulate.table import Table

TOKEN = "hf_demo"  # noqa: S105 - the demo's own
"""The token of somebody whom every gated repository has let in; another token that begins with hf_ is a stranger's."""
LARGEST_PAGE = 1000
_FALLING = {"downloads", "likes", "lastModified", "createdAt", "trendingScore"}


class DeniedError(Exception):
    """An answer that is an error, with the hub's headers for its client."""

    def __init__(self, status: int, code: str, message: str, *, plain: bool = False) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.plain = status, code, message, plain

    def response(self) -> web.Response:
        """Return it as it goes over the wire."""
        headers = {"X-Error-Message": self.message}
        if self.code:
            headers["X-Error-Code"] = self.code
        if self.plain:
            return web.Response(status=self.status, text=self.message, headers=headers)
        return web.json_response({"error": self.message}, status=self.status, headers=headers)


class Hub:
    """The Hugging Face Hub, as far as the fleet's engines load models from it."""

    process = "hub"
    port = 8443

    def __init__(self, fleet: Fleet, world: World) -> None:
        self.tables: list[Table] = []
        """It has no metrics of its own."""
        self.clock_offset = 0.0
        self._world = world
        models = {engine.name: (engine.kind, engine.model) for engine in fleet.engines}
        self.repositories, self._engines = repositories(models)

    def handlers(self) -> Handlers:
        """Return what to call for which events."""
        return {(Phase, engine): self._phase for engine in self._engines}

    def refresh(self, now: float) -> None:
        """Nothing here depends on the time itself."""

    def _phase(self, event: Phase) -> None:
        if event.phase == "download":
            self._engines[event.engine].loaded.append(event.time)

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Return its routes."""
        one = "/api/models/{author}/{name}"
        return [
            web.get("/api/whoami-v2", self._guarded(self._whoami)),
            web.get("/api/models", self._guarded(self._search)),
            web.get(one, self._guarded(self._model)),
            web.get(f"{one}/revision/{{revision}}", self._guarded(self._model)),
            web.get(f"{one}/tree/{{revision}}", self._guarded(self._tree)),
            web.get(f"{one}/refs", self._guarded(self._refs)),
            web.get(f"{one}/auth-check", self._guarded(self._auth_check)),
            web.get("/{author}/{name}/resolve/{revision}/{file:.+}", self._guarded(self._resolve)),
        ]

    def _guarded(
        self, answer: Callable[[web.Request], web.Response]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def guarded(request: web.Request) -> web.Response:
            self._world.present()
            try:
                return answer(request)
            except DeniedError as denied:
                return denied.response()

        return guarded

    # Who asks, and for what

    def _token(self, request: web.Request) -> str | None:
        """Return the token; raises DeniedError where it can be none."""
        header = request.headers.get("Authorization")
        if header is None:
            return None
        token = header.removeprefix("Bearer ")
        if not token.startswith("hf_"):
            raise DeniedError(401, "", "Invalid credentials in Authorization header")
        return token

    def _repository(self, request: web.Request) -> Repository:
        """Return what the path names; raises DeniedError where there is no such repository or revision."""
        token = self._token(request)
        found = self.repositories.get("{author}/{name}".format(**request.match_info).lower())
        if found is None:
            if token is None:
                raise DeniedError(401, "RepoNotFound", "Invalid username or password.")
            raise DeniedError(404, "RepoNotFound", "Repository not found")
        revision = request.match_info.get("revision", "main")
        if revision not in ("main", "refs/heads/main", found.sha):
            raise DeniedError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return found

    def _open(self, repository: Repository, token: str | None) -> None:
        """Refuse the files of a gated repository to who was not let in."""
        if not repository.gated or token == TOKEN:
            return
        start = f"Access to model {repository.id} is restricted"
        if token is None:
            ask = "You must have access to it and be authenticated to access it. Please log in."
            raise DeniedError(401, "GatedRepo", f"{start}. {ask}", plain=True)
        raise DeniedError(
            403, "GatedRepo", f"{start} and you are not in the authorized list. Visit https://huggingface.co/"
            f"{repository.id} to ask for access.", plain=True,
        )  # fmt: skip

    # Answers

    def _whoami(self, request: web.Request) -> web.Response:
        token = self._token(request)
        if token is None:
            raise DeniedError(401, "", "Invalid username or password.")
        name = "demo" if token == TOKEN else "stranger"
        access = {"displayName": name, "role": "read"}
        body = {"type": "user", "name": name, "fullname": name, "isPro": False, "orgs": [], "canPay": False}
        return web.json_response({**body, "auth": {"type": "access_token", "accessToken": access}})

    def _model(self, request: web.Request) -> web.Response:
        repository = self._repository(request)
        expand = _expanded(request)
        blobs = request.query.get("blobs", "").lower() in ("1", "true")
        return _json(request, info(repository, self._world.present(), blobs=blobs, expand=expand))

    def _tree(self, request: web.Request) -> web.Response:
        return _json(request, tree(self._repository(request)))

    def _refs(self, request: web.Request) -> web.Response:
        sha = self._repository(request).sha
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": sha}
        return _json(request, {"tags": [], "branches": [main], "converts": []})

    def _auth_check(self, request: web.Request) -> web.Response:
        self._open(self._repository(request), self._token(request))
        return web.json_response({})

    def _search(self, request: web.Request) -> web.Response:
        """GET /api/models: a page, with the next one in the Link header."""
        self._token(request)
        query, now = request.query, self._world.present()
        found = [one for one in self.repositories.values() if _wanted(one, request)]
        field = query.get("sort", "trendingScore")
        if field not in _FALLING:
            raise DeniedError(400, "", f"Invalid sort parameter: {field}")
        found.sort(key=lambda one: one.id)
        found.sort(key=lambda one: info(one, now, expand=(field,))[field], reverse=query.get("direction", "-1") == "-1")
        limit, first = _number(query.get("limit"), LARGEST_PAGE), _cursor(query.get("cursor"))
        true = {name: query.get(name, "").lower() in ("1", "true") for name in ("full", "config", "cardData")}
        shown = [
            listed(one, now, full=true["full"], config=true["config"], card=true["cardData"], expand=_expanded(request))
            for one in found[first : first + limit]
        ]
        headers = {}
        if len(found) > first + limit:
            cursor = base64.urlsafe_b64encode(json.dumps({"from": first + limit}).encode()).decode()
            url = request.url.update_query(cursor=cursor)
            headers["Link"] = f'<{url}>; rel="next"'
        return _json(request, shown, headers)

    def _resolve(self, request: web.Request) -> web.Response:
        """GET or HEAD of a file: small ones themselves, weights as a way to a store that has none."""
        repository = self._repository(request)
        self._open(repository, self._token(request))
        name = request.match_info["file"]
        file = repository.file(name)
        if file is None:
            raise DeniedError(404, "EntryNotFound", "Entry not found", plain=True)
        headers = {"X-Repo-Commit": repository.sha, "Accept-Ranges": "bytes"}
        if file.content is None:
            return self._stored(request, repository, file, headers)
        tag = f'"{file.blob(repository.id)}"'
        headers |= {"ETag": tag, "Content-Disposition": f'inline; filename="{name.rpartition("/")[2]}"'}
        if tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        kind = "application/json" if name.endswith(".json") else "text/plain"
        return web.Response(body=file.content, headers=headers, content_type=kind)

    def _stored(
        self, request: web.Request, repository: Repository, file: File, headers: dict[str, str]
    ) -> web.Response:
        sha = file.sha256(repository.id)
        found = {**headers, "X-Linked-Size": str(file.size), "X-Linked-ETag": f'"{sha}"'}
        return web.Response(status=302, headers={**found, "Location": str(request.url.with_path(f"/stored/{sha}"))})


def _expanded(request: web.Request) -> tuple[str, ...]:
    """Return what to expand: `expand` may be repeated, with or without brackets."""
    names = (*request.query.getall("expand", []), *request.query.getall("expand[]", []))
    if strange := [name for name in names if name not in EXPANDABLE]:
        raise DeniedError(400, "", f"Invalid expand parameter: {strange[0]}")
    return names


def _wanted(repository: Repository, request: web.Request) -> bool:
    query = request.query
    tags = [part for value in query.getall("filter", []) for part in value.split(",")]
    gated = query.get("gated")
    return (
        query.get("search", "").lower() in repository.id.lower()
        and query.get("author", repository.author).lower() == repository.author.lower()
        and query.get("pipeline_tag", repository.pipeline) == repository.pipeline
        and set(tags) <= set(repository.tags())
        and (gated is None or (gated.lower() == "true") == bool(repository.gated))
    )


def _number(text: str | None, largest: int) -> int:
    if text is None:
        return largest
    if not text.isdigit() or not int(text):
        raise DeniedError(400, "", f"Invalid limit parameter: {text}")
    return min(int(text), largest)


def _cursor(text: str | None) -> int:
    if text is None:
        return 0
    try:
        return int(json.loads(base64.urlsafe_b64decode(text))["from"])
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise DeniedError(400, "", "Invalid cursor") from error


def _json(request: web.Request, body: Any, headers: dict[str, str] | None = None) -> web.Response:
    """Return JSON with its tag, or 304 to who has it."""
    text = json.dumps(body, separators=(",", ":"))
    tag = f'W/"{len(text):x}-{hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:27]}"'
    found = {**(headers or {}), "ETag": tag}
    if tag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=found)
    return web.Response(text=text, content_type="application/json", headers=found)
