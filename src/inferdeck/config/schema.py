"""The configuration as types; the reference page and the JSON Schema are generated from them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class Section(BaseModel):
    """A mapping of the file: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BasicAuth(Section):
    """HTTP basic authentication."""

    username: str
    password: SecretStr


class Tls(Section):
    """How the target's certificate is checked."""

    ca: str | None = Field(default=None, description="File with the certificate authority to trust.")
    verify: bool = Field(default=True, description="False accepts any certificate; say why beside it.")


Seconds = Annotated[float, Field(gt=0)]


class TargetConfig(Section):
    """What every source understands; each kind adds its own keys."""

    url: str | None = Field(default=None, description="Where the target listens.")
    targets: tuple[str, ...] = Field(default=(), description="Further targets of this kind, as URL or host:port.")
    file_sd: tuple[str, ...] = Field(default=(), description="Files in Prometheus' file_sd form, globs allowed.")
    name: str | None = Field(default=None, description="What to call it on screens; host:port where absent.")
    enabled: bool = True
    environment: str | None = Field(default=None, description="Overrides the file's environment for this target.")
    labels: dict[str, str] = Field(default_factory=dict, description="Labels added to every series of the target.")
    key: SecretStr | None = Field(default=None, description="Bearer key.")
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    basic_auth: BasicAuth | None = None
    tls: Tls = Tls()
    interval: Seconds = Field(default=15.0, description="Time between collections.")
    deadline: Seconds | None = Field(default=None, description="Per collection; the interval, at most 10 s.")
    max_series: int = Field(default=50_000, gt=0)
    max_bytes: int = Field(default=64 * 2**20, gt=0, description="Largest answer that is read, after decompression.")
    honor_timestamps: bool = False


Raw = dict[str, Any]
