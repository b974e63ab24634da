"""Commands about the connection itself: who speaks, in which protocol, to which database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inferdeck.simulate.servers.redis import refusals
from inferdeck.simulate.servers.redis.wire import Refusal, Reply, Verbatim

if TYPE_CHECKING:
    from inferdeck.simulate.servers.redis.server import Client, Redis


def ping(_redis: Redis, _client: Client, words: Sequence[bytes]) -> Reply:
    """PING [message]."""
    if len(words) > 2:
        return refusals.arity("ping")
    return words[1] if len(words) == 2 else "PONG"


def echo(_redis: Redis, _client: Client, words: Sequence[bytes]) -> Reply:
    """ECHO message."""
    return words[1]


def hello(redis: Redis, client: Client, words: Sequence[bytes]) -> Reply:
    """HELLO [protover [AUTH username password] [SETNAME clientname]]."""
    protocol = client.protocol
    if len(words) > 1:
        number = refusals.integer(words[1])
        if number is None:
            return Refusal("ERR Protocol version is not an integer or out of range")
        if number not in (2, 3):
            return Refusal("NOPROTO unsupported protocol version")
        protocol = number
    place = 2
    while place < len(words):
        option, left = words[place].upper(), len(words) - place - 1
        if option == b"AUTH" and left >= 2:
            refused = _login(words[place + 1])
            if refused is not None:
                return refused
            place += 3
        elif option == b"SETNAME" and left >= 1:
            refused = _name(client, words[place + 1])
            if refused is not None:
                return refused
            place += 2
        else:
            return Refusal(f"ERR Syntax error in HELLO option '{words[place].decode('latin-1')}'")
    client.protocol = protocol
    return {
        b"server": b"redis",
        b"version": redis.version.encode(),
        b"proto": protocol,
        b"id": client.id,
        b"mode": b"standalone",
        b"role": b"master",
        b"modules": [],
    }


def auth(_redis: Redis, _client: Client, words: Sequence[bytes]) -> Reply:
    """AUTH [username] password: this Redis has no password."""
    if len(words) > 3:
        return refusals.SYNTAX
    if len(words) == 2:
        return Refusal(
            "ERR AUTH <password> called without any password configured for the default user. "
            "Are you sure your configuration is correct?"
        )
    return _login(words[1]) or "OK"


def select(_redis: Redis, client: Client, words: Sequence[bytes]) -> Reply:
    """SELECT index."""
    number = refusals.integer(words[1])
    if number is None:
        return refusals.NOT_INTEGER
    if not 0 <= number < 16:
        return Refusal("ERR DB index is out of range")
    client.db = number
    return "OK"


def quit_(_redis: Redis, client: Client, _words: Sequence[bytes]) -> Reply:
    """QUIT."""
    client.leaving = True
    return "OK"


def reset(_redis: Redis, client: Client, _words: Sequence[bytes]) -> Reply:
    """RESET."""
    client.protocol, client.db, client.name = 2, 0, ""
    return "RESET"


def client_id(_redis: Redis, client: Client, _words: Sequence[bytes]) -> Reply:
    """CLIENT ID."""
    return client.id


def client_getname(_redis: Redis, client: Client, _words: Sequence[bytes]) -> Reply:
    """CLIENT GETNAME."""
    return client.name.encode() or None


def client_setname(_redis: Redis, client: Client, words: Sequence[bytes]) -> Reply:
    """CLIENT SETNAME connection-name."""
    return _name(client, words[2]) or "OK"


def client_setinfo(redis: Redis, client: Client, words: Sequence[bytes]) -> Reply:
    """CLIENT SETINFO <LIB-NAME | LIB-VER> value, which came with Redis 7.2."""
    if redis.release < (7, 2):
        return refusals.unknown_subcommand("CLIENT", words[1])
    attribute = words[2].lower().decode("latin-1")
    if attribute not in ("lib-name", "lib-ver"):
        return Refusal(f"ERR Unrecognized option '{words[2].decode('latin-1')}'")
    client.library[attribute] = words[3].decode("latin-1")
    return "OK"


def client_info(redis: Redis, client: Client, _words: Sequence[bytes]) -> Reply:
    """CLIENT INFO."""
    return Verbatim(redis.describe(client).encode() + b"\n")


def client_list(redis: Redis, _client: Client, words: Sequence[bytes]) -> Reply:
    """CLIENT LIST [TYPE type] [ID id ...]."""
    lines = redis.client_lines()
    if len(words) == 4 and words[2].upper() == b"TYPE":
        if words[3].lower() not in (b"normal", b"master", b"replica", b"slave", b"pubsub"):
            return Refusal(f"ERR Unknown client type '{words[3].decode('latin-1')}'")
        lines = lines if words[3].lower() == b"normal" else []
    elif len(words) >= 4 and words[2].upper() == b"ID":
        wanted = {f"id={word.decode('latin-1')}" for word in words[3:]}
        lines = [line for line in lines if line.split(" ", 1)[0] in wanted]
    elif len(words) > 2:
        return refusals.SYNTAX
    return Verbatim("".join(f"{line}\n" for line in lines).encode())


def acl_whoami(_redis: Redis, _client: Client, _words: Sequence[bytes]) -> Reply:
    """ACL WHOAMI."""
    return b"default"


def _login(user: bytes) -> Refusal | None:
    if user == b"default":
        return None
    return Refusal("WRONGPASS invalid username-password pair or user is disabled.")


def _name(client: Client, name: bytes) -> Refusal | None:
    if any(not 33 <= byte <= 126 for byte in name):
        return Refusal("ERR Client names cannot contain spaces, newlines or special characters.")
    client.name = name.decode("ascii")
    return None
