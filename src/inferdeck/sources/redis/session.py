"""One connection to a Redis or Valkey server: commands in one write, each answer or refusal by itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

from redis import exceptions
from redis._parsers import _AsyncRESP2Parser
from redis.asyncio import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection

from inferdeck.errors import AuthError, CollectError, ConnectError, DeadlineError, MalformedError, TooLargeError
from inferdeck.sources.redis.config import RedisConfig
from inferdeck.sources.spending import spend

Command = tuple[str | bytes, ...]


class Refused:
    """The server's refusal of one command: its words, and whether an ACL is the reason."""

    __slots__ = ("message", "not_permitted")

    def __init__(self, error: exceptions.ResponseError) -> None:
        self.message = str(error)
        self.not_permitted = isinstance(error, exceptions.NoPermissionError)


Reply: TypeAlias = "bytes | int | Refused | list[Reply] | None"


class BoundedParser(_AsyncRESP2Parser):
    """redis-py's own parser, which gives up on a reply of more than `limit` bytes instead of filling the memory."""

    __slots__ = ("_left", "_limit")

    def __init__(self, socket_read_size: int, *, limit: int) -> None:
        super().__init__(socket_read_size)
        self._limit = limit
        self._left = limit

    async def read_response(self, disable_decoding: bool = False) -> Any:
        """Read one reply, arrays with all of their items; raises TooLargeError."""
        self._left = self._limit
        return await super().read_response(disable_decoding=disable_decoding)

    async def _read(self, length: int) -> bytes:
        self._spend(length)
        return await super()._read(length)

    async def _readline(self) -> bytes:
        line = await super()._readline()
        self._spend(len(line) + 2)
        return line

    def _spend(self, length: int) -> None:
        spend(response_bytes=max(0, length))
        self._left -= length
        if length < 0 or self._left < 0:
            raise TooLargeError(f"one reply has more than {self._limit} bytes; raise `max_bytes` if that is right")


class Session:
    """Connects on first use and stays connected; a failure or a cancellation closes the connection.

    Neither names itself (CLIENT SETNAME, SETINFO) nor checks the connection with PINGs of its own, so the server sees
    the commands asked for and, once per connection, AUTH and SELECT.
    """

    def __init__(self, config: RedisConfig, address: str) -> None:
        parts = _parts(config, address)
        self.database = _database(config, parts)
        self.commands = 0
        """Commands sent so far."""
        self._where = config.url or address
        self._make = _connector(config, parts, self.database)
        self._connection: AbstractConnection | None = None

    async def connect(self) -> None:
        """Connect where there is no connection yet; raises CollectError."""
        if self._connection is not None:
            return
        connection = self._connection = self._make()
        try:
            with _mapped_errors(self._where):
                await connection.connect()  # type: ignore[no-untyped-call]
        except BaseException:
            await self.aclose()
            raise

    async def ask(self, commands: Sequence[Command]) -> list[Reply]:
        """Return one reply per command; raises CollectError where the server cannot be talked to.

        A connection that was closed since the last time (the server's `timeout`, a restart) is opened again once.
        """
        reused = self._connection is not None
        try:
            return await self._ask(commands)
        except ConnectError:
            if not reused:
                raise
        return await self._ask(commands)

    async def _ask(self, commands: Sequence[Command]) -> list[Reply]:
        await self.connect()
        connection = self._connection
        if connection is None:
            raise ConnectError(f"{self._where}: closed while connecting")
        self.commands += len(commands)
        spend(requests=len(commands))
        try:
            with _mapped_errors(self._where):
                await connection.send_packed_command(connection.pack_commands(commands))
                return [await self._reply(connection) for _ in commands]
        except BaseException:
            await self.aclose()
            raise

    async def _reply(self, connection: AbstractConnection) -> Reply:
        try:
            answer: Reply = await connection.read_response(disable_decoding=True)
        except exceptions.AuthenticationError:
            raise
        except exceptions.ResponseError as error:
            if str(error).startswith("NOAUTH"):
                raise exceptions.AuthenticationError(str(error)) from error
            return Refused(error)
        return answer

    async def aclose(self) -> None:
        """Close the connection; the next `ask` opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)


class _Connector:
    """Makes one kind of connection with the arguments that the configuration gives."""

    def __init__(self, kind: type[AbstractConnection], arguments: dict[str, object]) -> None:
        self._kind = kind
        self._arguments = arguments

    def __call__(self) -> AbstractConnection:
        return self._kind(**self._arguments)  # type: ignore[arg-type]


def _parts(config: RedisConfig, address: str) -> SplitResult:
    url = config.url or address
    return urlsplit(url if "://" in url else f"redis://{url}")


def _connector(config: RedisConfig, parts: SplitResult, database: int) -> _Connector:
    arguments: dict[str, object] = {
        "db": database,
        "username": config.username,
        "password": config.password.get_secret_value() if config.password else None,
        "protocol": 2,
        "parser_class": partial(BoundedParser, limit=config.max_bytes),
        "driver_info": None,
        "socket_timeout": None,
        "socket_connect_timeout": None,
    }
    if parts.scheme == "unix":
        return _Connector(UnixDomainSocketConnection, {**arguments, "path": unquote(parts.path)})
    arguments |= {"host": parts.hostname or "localhost", "port": parts.port or 6379}
    if parts.scheme not in ("rediss", "valkeys"):
        return _Connector(Connection, arguments)
    arguments |= {"ssl_ca_certs": config.tls.ca, "ssl_check_hostname": config.tls.verify}
    return _Connector(SSLConnection, {**arguments, "ssl_cert_reqs": "required" if config.tls.verify else "none"})


def _database(config: RedisConfig, parts: SplitResult) -> int:
    path = parts.path.strip("/")
    return int(path) if parts.scheme != "unix" and path.isdigit() and not config.db else config.db


@contextmanager
def _mapped_errors(where: str) -> Iterator[None]:
    try:
        yield
    except exceptions.AuthenticationError as error:
        raise AuthError(f"{where}: {error}; set sources.redis username and password") from error
    except exceptions.TimeoutError as error:
        raise DeadlineError(f"{where}: {error}") from error
    except TooLargeError as error:
        raise TooLargeError(f"{where}: {error}") from error
    except (exceptions.InvalidResponse, ValueError, RecursionError) as error:
        raise MalformedError(f"{where}: does not speak the Redis protocol ({str(error)[:80]})") from error
    except (exceptions.ConnectionError, OSError) as error:
        raise ConnectError(f"{where}: {_reason(error)}; is the server running there?") from error
    except exceptions.RedisError as error:
        raise CollectError(f"{where}: {error}") from error


def _reason(error: Exception) -> str:
    """Return what failed in plain words; redis-py's text names numbers and the address once more."""
    cause = next((one for one in (error.__cause__, error.__context__, error) if isinstance(one, OSError)), None)
    if isinstance(cause, ConnectionRefusedError) or "refused" in str(error).lower():
        return "connection refused"
    if isinstance(cause, socket.gaierror):
        return "the host name is not known here"
    return (cause.strerror.lower() if cause is not None and cause.strerror else "") or str(error)
