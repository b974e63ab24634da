"""How a gateway is reached: its address, and the credentials that the configuration or the environment has for it."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from inferdeck.config.schema import Settings, TargetConfig, Tls
from inferdeck.errors import ConfigError, UsageError

KIND = "litellm"
VARIABLES = ("LITELLM_API_KEY", "LITELLM_MASTER_KEY")
"""Looked at, in this order, where the configuration has no key for the gateway."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Access:
    """Where requests go; `headers` hold the key and are never shown."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What must not be in any text that is shown."""
    tls: Tls | None = None

    def trust(self) -> ssl.SSLContext | bool:
        """Return how certificates are checked; raises ConfigError where the authority's file cannot be used."""
        if self.tls is None or (self.tls.ca is None and self.tls.verify):
            return True
        try:
            context = ssl.create_default_context(cafile=self.tls.ca)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"tls.ca: {self.tls.ca}: cannot be used: {error}") from error
        if not self.tls.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def to(url: str, key: str, settings: Settings, environ: Mapping[str, str]) -> Access:
    """Return the access to a gateway: with this key, else that of the source with its address, else of $VARIABLES."""
    where, url = place(url), url if "://" in url else f"http://{url}"
    entry = next((one for one in settings.sources.get(KIND, ()) if where in [place(text) for text in urls(one)]), None)
    if key:
        return _bearer(url, key)
    if entry is not None and (entry.key or entry.basic_auth or entry.headers):
        return _of_entry(url, entry)
    found = next((environ[name] for name in VARIABLES if environ.get(name)), "")
    return _bearer(url, found, entry.tls if entry is not None else None)


def urls(entry: TargetConfig) -> Sequence[str]:
    """Return the addresses of a source's entry."""
    return tuple(text for text in (entry.url, *entry.targets) if text)


def place(url: str) -> tuple[str, int]:
    """Return the host and port of an address; raises UsageError for what is none."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        parts, port = urlsplit(""), 0
    if not parts.hostname or not port:
        raise UsageError("the gateway's address is not a URL; write http://HOST:PORT")
    return ("127.0.0.1" if parts.hostname == "localhost" else parts.hostname), port


def _bearer(url: str, key: str, tls: Tls | None = None) -> Access:
    return Access(url, {"Authorization": f"Bearer {key}"} if key else {}, (key,) if key else (), tls)


def _of_entry(url: str, entry: TargetConfig) -> Access:
    headers = {name: value.get_secret_value() for name, value in entry.headers.items()}
    secrets = [value for value in headers.values() if len(value) >= 4]
    if entry.key is not None:
        secrets.append(entry.key.get_secret_value())
        headers["Authorization"] = f"Bearer {entry.key.get_secret_value()}"
    if entry.basic_auth is not None:
        password = entry.basic_auth.password.get_secret_value()
        both = b64encode(f"{entry.basic_auth.username}:{password}".encode()).decode()
        secrets += [password, both]
        headers["Authorization"] = f"Basic {both}"
    return Access(url, headers, tuple(secrets), entry.tls)
