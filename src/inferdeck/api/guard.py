"""Who may ask: Host allow-list, tokens, Origin and size of every request, before any route sees it.

Over TCP: the Host must be one of ours (DNS rebinding), and where tokens are configured every request needs one; the
viewer's looks, the operator's looks and changes. Without tokens (loopback only) anyone on this machine may look, and
changing things takes the unix socket, whose peers are our own user.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inferdeck.api import errors as shape
from inferdeck.api.prometheus.routes import PREFIX, WRITE_PATH
from inferdeck.config.schema import Settings
from inferdeck.errors import ConfigError, ForbiddenError, LimitError

BLOCKS_PATH = "/api/store/blocks"
LARGEST_BODY_BYTES = 1 << 20
LARGEST_WRITE_BYTES = 16 << 20
"""Of a remote write request, as it comes: compressed."""
OPEN_PATHS = frozenset({"/-/healthy", "/-/ready"})
"""Answered without a token, for supervisors; they tell nothing."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, repr=False)
class Access:
    """What is allowed over TCP; `hosts` are lower-case names and addresses without ports."""

    hosts: frozenset[str]
    loopback: bool
    viewer_token: str = ""
    operator_token: str = ""
    unix_socket: str = ""
    """Path of the socket where this daemon may be changed without a token, for the message that says so."""


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a listener on that address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def access(host: str, allowed: Iterable[str], viewer_token: str, operator_token: str) -> Access:
    """Return the rules for a listener; raises ConfigError where it could be reached from outside without a token."""
    loopback = is_loopback(host)
    if not loopback and not (viewer_token or operator_token):
        raise ConfigError(
            f"listen.host: {host} can be reached by other machines, and no token is set; "
            "set auth: {viewer_token: {env: NAME}, operator_token: {env: NAME}}, or listen on 127.0.0.1"
        )
    names = {"localhost", "127.0.0.1", "::1", host, *allowed}
    return Access(frozenset(name.lower().rstrip(".") for name in names), loopback, viewer_token, operator_token)


def of(settings: Settings) -> Access:
    """Return the rules for the listener of the settings; raises ConfigError as `access` does."""
    auth, listen = settings.auth, settings.listen
    tokens = [token.get_secret_value() if token else "" for token in (auth.viewer_token, auth.operator_token)]
    rules = access(listen.host, settings.allowed_hosts, *tokens)
    return replace(rules, unix_socket=str(listen.unix_socket or ""))


class Guard:
    """ASGI middleware; access None stands for the unix socket, whose peers were checked when they connected."""

    def __init__(self, app: ASGIApp, rules: Access | None) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
        except (ForbiddenError, LimitError) as error:
            status = 413 if isinstance(error, LimitError) else 403
            kind = "limit" if isinstance(error, LimitError) else "forbidden"
            if status == 413:
                await _drain(receive)
            await shape.answer(status, kind, str(error), shape.next_step(error))(scope, receive, send)
            return
        await self._app(scope, _bounded(receive, _largest(scope)), send)

    def _check(self, scope: Scope) -> None:
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value)
        if self._rules is not None:
            _check_host(self._rules, headers)
            if scope["path"] not in OPEN_PATHS:
                _check_token(self._rules, headers, reading=_only_reads(self._rules, scope))
        if scope["method"] not in READING:
            _check_origin(headers)
        length = headers.get(b"content-length", [b"0"])[0]
        if length.isdigit() and int(length) > _largest(scope):
            raise LimitError(f"the request body is larger than {_largest(scope) >> 20} MiB")


def _only_reads(rules: Access, scope: Scope) -> bool:
    """Questions in a form body change nothing; samples may be pushed by any program here while there are no tokens."""
    path: str = scope["path"]
    if path == WRITE_PATH:
        return not (rules.viewer_token or rules.operator_token)
    return scope["method"] in READING or path.startswith(f"{PREFIX}/")


def _largest(scope: Scope) -> int:
    return LARGEST_WRITE_BYTES if scope["path"] in (WRITE_PATH, BLOCKS_PATH) else LARGEST_BODY_BYTES


def _check_host(rules: Access, headers: dict[bytes, list[bytes]]) -> None:
    found = headers.get(b"host", [])
    if len(found) != 1:
        raise ForbiddenError("the request needs exactly one Host header")
    name = _host_name(found[0])
    if name in rules.hosts or (not rules.loopback and _is_address(name)):
        return
    shown = found[0][:100].decode("ascii", "backslashreplace")
    raise ForbiddenError(f"Host {shown!r} is not ours; allow it with: allowed_hosts: [{name[:100]}]")


def _host_name(value: bytes) -> str:
    try:
        return (urlsplit(f"//{value.decode('ascii')}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    """A name can be rebound to another address, an address cannot."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _check_token(rules: Access, headers: dict[bytes, list[bytes]], *, reading: bool) -> None:
    scheme, _, given = headers.get(b"authorization", [b""])[0].partition(b" ")
    token = given.strip() if scheme.lower() == b"bearer" else b""
    operator, viewer = _same(token, rules.operator_token), _same(token, rules.viewer_token)
    if operator:
        return
    if not reading:
        if rules.operator_token:
            raise ForbiddenError("changing things needs the operator's token: Authorization: Bearer TOKEN")
        how = f": inferdeck ... --url unix://{rules.unix_socket}" if rules.unix_socket else " (as the CLI does)"
        raise ForbiddenError(f"changing things needs auth.operator_token, or the daemon's unix socket{how}")
    if (rules.viewer_token or rules.operator_token) and not viewer:
        state = "a wrong token" if token else "no token"
        raise ForbiddenError(f"{state}; send Authorization: Bearer TOKEN")


def _same(given: bytes, expected: str) -> bool:
    return bool(expected) and hmac.compare_digest(given, expected.encode())


def _check_origin(headers: dict[bytes, list[bytes]]) -> None:
    """A browser always sends Origin with a call that changes things; programs send none."""
    for origin in headers.get(b"origin", []):
        site = urlsplit(origin.decode("ascii", "replace")).netloc.encode("ascii", "replace")
        if site != headers.get(b"host", [b""])[0]:
            raise ForbiddenError("this call comes from a page of another site")


async def _drain(receive: Receive) -> None:
    """Read what a client still sends, within reason: cut off in the midst of it, it would never see the answer."""
    seen = 0
    while seen < LARGEST_WRITE_BYTES:
        message = await receive()
        seen += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return


def _bounded(receive: Receive, most: int) -> Receive:
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise LimitError(f"the request body is larger than {most >> 20} MiB")
        return message

    return bounded
