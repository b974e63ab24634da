"""Secrets: written as text, as {env: NAME} or as {file: PATH}; never shown, never logged."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, SecretStr, ValidationInfo, WithJsonSchema

MASK = "•••"
LARGEST_SECRET_BYTES = 64 * 1024
SHORTEST_SECRET = 4
"""A shorter one stands in too many other words to be taken out of a text."""
_QUERY = re.compile(r"([?&][^=&#\s]*(?:key|token|secret|passw|signature)[^=&#\s]*=)[^&#\s]+", re.IGNORECASE)
_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^/?#\s:@]*):[^/?#\s]*@")


@dataclass(slots=True)
class LoadContext:
    """What the validators need to know while one configuration is read; `warnings` collects what they notice."""

    environ: Mapping[str, str]
    folder: Path
    """Where relative paths of the file start."""
    warnings: list[str] = field(default_factory=list)


class EnvText(str):
    """Text from an environment variable: lists are split at commas, relative paths start at the working directory."""

    __slots__ = ()


def resolve(value: Any, info: ValidationInfo) -> Any:
    """Return the text of a secret; raises ValueError that names the variable or the file, never the content."""
    if not isinstance(value, dict):
        return value
    context = info.context if isinstance(info.context, LoadContext) else LoadContext({}, Path())
    if len(value) != 1 or not isinstance(next(iter(value.values())), str) or not value.keys() <= {"env", "file"}:
        raise ValueError("a secret is text, {env: NAME} or {file: PATH}")
    if "env" in value:
        return from_environment(value["env"], context.environ)
    return from_file((context.folder / Path(value["file"]).expanduser()), context.warnings)


def secrets_of(value: Any) -> Iterator[str]:
    """Yield every secret in settings or a part of them: secret values, passwords in URLs, what basic_auth sends."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, str):
        yield from _userinfo(value)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_of(getattr(value, name))
        user, password = getattr(value, "username", None), getattr(value, "password", None)
        if isinstance(user, str) and isinstance(password, SecretStr):
            yield _basic(user, password.get_secret_value())
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_of(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secrets_of(item)


def _userinfo(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        user, password = parts.username or "", parts.password
    except ValueError:
        return
    if password:
        yield from {password, unquote(password)}
        yield _basic(unquote(user), unquote(password))


def _basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return a text, in which the other side may have echoed what it was sent, with the secrets masked."""
    # The longest first, since one secret may begin another.
    for secret in sorted({one for one in secrets if len(one) >= SHORTEST_SECRET}, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def from_environment(name: str, environ: Mapping[str, str]) -> str:
    """Return the variable's text; raises ValueError where it is unset or empty."""
    text = environ.get(name, "")
    if not text:
        state = "empty" if name in environ else "not set"
        raise ValueError(f"the environment variable {name} is {state}")
    return text


def from_file(path: Path, warnings: list[str]) -> str:
    """Return the file's text without its last line break; warns where others may read the file."""
    try:
        with path.open("rb") as stream:
            mode = path.stat().st_mode
            body = stream.read(LARGEST_SECRET_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ValueError(f"cannot read the secret file {path}: {reason}") from error
    if len(body) > LARGEST_SECRET_BYTES:
        raise ValueError(f"the secret file {path} is larger than {LARGEST_SECRET_BYTES // 1024} KiB")
    try:
        text = body.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"the secret file {path} is not UTF-8 text") from error
    if not text:
        raise ValueError(f"the secret file {path} is empty")
    if mode & 0o004:
        warnings.append(f"{path}: everyone on this machine can read this secret; run: chmod o-r {path}")
    return text


def one_line(secret: SecretStr) -> SecretStr:
    """Refuse control characters: a key with a line break would write headers of its own."""
    if any(ord(character) < 32 or ord(character) == 127 for character in secret.get_secret_value()):
        raise ValueError("the secret contains a line break or another control character")
    return secret


def mask_url(text: str) -> str:
    """Return the URL with its password, and keys in its query, masked; text without them comes back as it is."""
    return _QUERY.sub(rf"\g<1>{MASK}", _USERINFO.sub(rf"\g<scheme>\g<user>:{MASK}@", text))


Secret = Annotated[
    SecretStr,
    BeforeValidator(resolve),
    AfterValidator(one_line),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"env": {"type": "string"}, "file": {"type": "string"}},
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
"""A key, password or token. In a source's own Config use this instead of SecretStr, else {env: …} does not work."""
