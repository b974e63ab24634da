"""What the user writes under `sources.redis`."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from inferdeck.config.schema import TargetConfig
from inferdeck.config.secrets import Secret

SCHEMES = ("redis", "rediss", "valkey", "valkeys", "unix")


class RedisConfig(TargetConfig):
    """A Redis or Valkey server: redis://HOST:6379, rediss:// for TLS, unix:///path for a socket, HOST:PORT."""

    username: str | None = Field(default=None, description="ACL user; the default user where absent.")
    password: Secret | None = Field(default=None, description="Password of the user.")
    db: int = Field(default=0, ge=0, description="Database that sample_keys looks at.")
    sample_keys: bool = Field(
        default=False,
        description="Look at a bounded SCAN sample of keys by kind every 30 s. Adds to keyspace_hits.",
    )
    sample_limit: int = Field(default=1000, gt=0, le=10_000, description="Keys per sample at most.")
    sample_below_ops: float = Field(
        default=10_000, gt=0, description="No sample while the server does more per second."
    )

    @field_validator("url")
    @classmethod
    def _no_secret_in_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url if "://" in url else f"redis://{url}")
        if parts.scheme not in SCHEMES:
            raise ValueError(f"the URL must begin with one of {', '.join(f'{scheme}://' for scheme in SCHEMES)}")
        if parts.password is not None or parts.username:
            raise ValueError("write the user and password under username and password, not in the URL")
        return url
