"""The configuration as types; the reference page and the JSON Schema are generated from them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    SerializeAsAny,
    field_validator,
    model_validator,
)

from inferdeck.config.secrets import MASK, Secret, mask_url
from inferdeck.config.values import (
    Bytes,
    BytesOrOff,
    FilePath,
    FilePathText,
    OneOrMany,
    Seconds,
    SecondsOrOff,
    WholeNumber,
)
from inferdeck.model.masking import mask_command

DEFAULT_PORT = 4633
LOOPBACK = "127.0.0.1"
OWN_LABELS = frozenset({"job", "instance", "environment", "gateway"})
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_HOURS = re.compile(rf"{_CLOCK}-(?:{_CLOCK}|24:00)")
_Named = TypeVar("_Named", bound=Mapping[str, Any])


class Section(BaseModel):
    """A mapping of the file: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_means_default(cls, data: Any) -> Any:
        """A key without a value means its default, and a section without keys all of its defaults."""
        if data is None:
            return {}
        if not isinstance(data, Mapping):
            return data
        return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}


def _checked_names(labels: _Named) -> _Named:
    for name in labels:
        if not _LABEL.fullmatch(name) or name.startswith("__"):
            raise ValueError(f'"{name}" is not a label name; letters, digits and _, no digit first, no leading __')
    return labels


class BasicAuth(Section):
    """HTTP basic authentication."""

    username: str = Field(description="User name.")
    password: Secret = Field(description="Password.")


class Tls(Section):
    """How the certificate of the other side is checked."""

    ca: FilePathText | None = Field(default=None, description="File with the certificate authority to trust.")
    verify: bool = Field(default=True, description="False accepts any certificate; say why beside it.")


class TargetConfig(Section):
    """What every source understands; each kind adds its own keys."""

    needs_url: ClassVar[bool] = True
    """False for a kind that also works without url, targets and file_sd (the host itself)."""

    url: str | None = Field(default=None, description="Where the target listens.")
    targets: Annotated[tuple[str, ...], OneOrMany] = Field(
        default=(), description="Further targets of this kind, as URL or host:port."
    )
    file_sd: Annotated[tuple[FilePathText, ...], OneOrMany] = Field(
        default=(), description="Files in Prometheus' file_sd form (JSON or YAML), globs allowed; read again on change."
    )
    name: str | None = Field(default=None, description="What to call it on screens; host:port where absent.")
    enabled: bool = Field(default=True, description="False keeps the entry and reads nothing.")
    environment: str | None = Field(default=None, description="Overrides the file's environment for this target.")
    labels: dict[str, str] = Field(default_factory=dict, description="Labels added to every series of the target.")
    key: Secret | None = Field(default=None, description="Bearer key; sent to this target only.")
    headers: dict[str, Secret] = Field(default_factory=dict, description="HTTP headers sent with every request.")
    basic_auth: BasicAuth | None = Field(default=None, description="HTTP basic authentication.")
    tls: Tls = Field(default=Tls(), description="How the target's certificate is checked.")
    interval: Seconds = Field(default=15.0, description="Time between collections.")
    deadline: Seconds | None = Field(default=None, description="Per collection; the interval, at most 10 s.")
    max_series: WholeNumber = Field(
        default=50_000, gt=0, description="Series kept per target; the rest is dropped and counted."
    )
    max_bytes: Bytes = Field(default=64 * 2**20, description="Largest answer that is read, after decompression.")
    honor_timestamps: bool = Field(default=False, description="Use the time stamps in the target's answer.")

    @field_validator("labels")
    @classmethod
    def _label_names(cls, labels: dict[str, str]) -> dict[str, str]:
        for name in _checked_names(labels):
            if name in OWN_LABELS:
                raise ValueError(f'the label "{name}" is set by inferdeck itself; choose another name')
        return labels

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if self.key is not None and self.basic_auth is not None:
            raise ValueError("give key or basic_auth, not both: a request carries one Authorization header")
        return self


class ListenConfig(Section):
    """Where the daemon answers."""

    host: str = Field(default=LOOPBACK, description="Address of the HTTP listener; off loopback a token is required.")
    port: WholeNumber = Field(
        default=DEFAULT_PORT, ge=0, le=65535, description="Port of the HTTP listener; 0 takes any that is free."
    )
    unix_socket: FilePath | None = Field(
        default=None,
        description="Unix socket for commands and widgets, in a directory of mode 0700; "
        "`$XDG_RUNTIME_DIR/inferdeck/inferdeck.sock` where that directory exists, else in the data directory.",
    )


class StoreConfig(Section):
    """The history on disk."""

    sync: Literal["normal", "full"] = Field(
        default="normal", description="normal survives kill -9 of the process, full also a power cut, at more writes."
    )
    retention_age: SecondsOrOff = Field(default=90 * 86400.0, description="Older days are deleted; off keeps all.")
    retention_size: BytesOrOff = Field(
        default=20 * 10**9, description="The oldest days are deleted above this size; off means no limit."
    )


class RemoteWriteConfig(Section):
    """A Prometheus-compatible server that receives every sample as well."""

    url: str = Field(description="Its remote write address, for example http://mimir:9009/api/v1/push.")
    name: str | None = Field(default=None, description="What to call it on screens; host:port where absent.")
    enabled: bool = Field(default=True, description="False keeps the entry and sends nothing.")
    key: Secret | None = Field(default=None, description="Bearer key.")
    headers: dict[str, Secret] = Field(default_factory=dict, description="HTTP headers, for example X-Scope-OrgID.")
    basic_auth: BasicAuth | None = Field(default=None, description="HTTP basic authentication.")
    tls: Tls = Field(default=Tls(), description="How the server's certificate is checked.")
    deadline: Seconds = Field(default=30.0, description="Per request.")
    spool_size: Bytes = Field(
        default=10**9, description="Disk space for samples that wait; above it the oldest are dropped and counted."
    )


class QueryConfig(Section):
    """Where PromQL questions are answered: here, or by a Prometheus-compatible server."""

    url: str | None = Field(
        default=None,
        description="A Prometheus-compatible server that answers instead, for example http://mimir:9009/prometheus.",
    )
    name: str | None = Field(default=None, description="What to call that server on screens; host:port where absent.")
    tenant: str | None = Field(default=None, description="Its tenant, sent as X-Scope-OrgID.")
    key: Secret | None = Field(default=None, description="Its bearer key.")
    headers: dict[str, Secret] = Field(default_factory=dict, description="Further HTTP headers for it.")
    basic_auth: BasicAuth | None = Field(default=None, description="HTTP basic authentication.")
    tls: Tls = Field(default=Tls(), description="How the server's certificate is checked.")
    timeout: Seconds = Field(default=120.0, description="A query that takes longer is given up.")
    max_samples: WholeNumber = Field(
        default=50_000_000, gt=0, description="Samples that one query may read from the history."
    )
    parallel: WholeNumber = Field(default=4, gt=0, le=64, description="Queries evaluated at once; the others wait.")
    cache_size: BytesOrOff = Field(
        default=64 * 10**6, description="Memory for results, so that a refreshed panel computes its new steps only."
    )


class LogConfig(Section):
    """What the daemon writes about itself."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level written.")
    file: FilePath | None = Field(default=None, description="Where to write; standard error where absent.")


class AuthConfig(Section):
    """Tokens of the HTTP interface."""

    viewer_token: Secret | None = Field(default=None, description="Token that may look.")
    operator_token: Secret | None = Field(default=None, description="Token that may look and change things.")


class DiscoveryConfig(Section):
    """Finding what runs on this machine."""

    enabled: bool = Field(default=True, description="False watches what `sources` lists and nothing else.")


class Deprecation(Section):
    """A model that ends, as far as no source tells."""

    model: str = Field(description="Its public name.")
    date: str | None = Field(default=None, description="The day on which it ends, as YYYY-MM-DD.")
    replacement: str | None = Field(default=None, description="The model to use instead.")

    @field_validator("date", mode="before")
    @classmethod
    def _day(cls, value: Any) -> Any:
        # YAML reads a day as one.
        return value.isoformat() if isinstance(value, datetime.date) else value

    @field_validator("date")
    @classmethod
    def _is_day(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                datetime.date.fromisoformat(value)
            except ValueError:
                raise ValueError(f'"{value}" is no day; write YYYY-MM-DD') from None
        return value


class ConfigFileEntry(Section):
    """A configuration file of the watched stack, shown with its secrets masked and compared with what runs."""

    path: FilePath = Field(description="The file.")
    kind: Literal["litellm", "model_mappings", "providers", "systemd", "other"] | None = Field(
        default=None, description="What it is; told by its name where absent."
    )
    gateway: str | None = Field(
        default=None, description="The gateway that it belongs to, by name or host:port; the only one where absent."
    )
    environment: str | None = Field(default=None, description="The environment of that gateway.")


class MaintenanceWindow(Section):
    """A time in which alert rules are silent: once from start to end, or every week on the days."""

    name: str = Field(description="What it is for; the label `window` of `inferdeck_maintenance`.")
    start: str | None = Field(default=None, description="When it begins, for example 2026-03-01T22:00:00Z.")
    end: str | None = Field(default=None, description="When it ends, the same.")
    days: Annotated[tuple[str, ...], OneOrMany] = Field(
        default=(), description="Instead: the days of the week, mon to sun, on which it begins every week."
    )
    hours: str | None = Field(
        default=None,
        description="From and to on those days in UTC, for example 02:00-04:00; past midnight if to is less.",
    )
    labels: dict[str, str] = Field(
        default_factory=dict, description="Only alerts with these labels are silent; without them all alerts."
    )

    @field_validator("start", "end", mode="before")
    @classmethod
    def _moment(cls, value: Any) -> Any:
        # YAML reads a moment or a day as one.
        return value.isoformat() if isinstance(value, datetime.date) else value

    @field_validator("start", "end")
    @classmethod
    def _is_moment(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                aware = datetime.datetime.fromisoformat(value).tzinfo is not None
            except ValueError:
                aware = False
            if not aware:
                raise ValueError(f'"{value}" is no moment; write 2026-03-01T22:00:00Z, with Z or another offset')
        return value

    @field_validator("days")
    @classmethod
    def _are_days(cls, days: tuple[str, ...]) -> tuple[str, ...]:
        wrong = next((day for day in days if day not in WEEKDAYS), None)
        if wrong is not None:
            raise ValueError(f'"{wrong}" is no day of the week; there are {", ".join(WEEKDAYS)}')
        return days

    @field_validator("hours")
    @classmethod
    def _are_hours(cls, hours: str | None) -> str | None:
        if hours is not None and not _HOURS.fullmatch(hours):
            raise ValueError(f'"{hours}" is no span of a day; write 02:00-04:00')
        return hours

    @field_validator("labels")
    @classmethod
    def _label_names(cls, labels: dict[str, str]) -> dict[str, str]:
        return _checked_names(labels)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        once, weekly = (self.start, self.end), (self.days, self.hours)
        if any(once) == any(weekly) or not (all(once) or all(weekly)):
            raise ValueError("give start and end, or days and hours")
        if self.start and self.end:
            begin, end = (datetime.datetime.fromisoformat(moment) for moment in (self.start, self.end))
            if begin >= end:
                raise ValueError("ends before it starts")
        return self


class RulesConfig(Section):
    """What a site changes in the alert rules."""

    values: dict[str, float | str] = Field(
        default_factory=dict, description="Named values that several rules share; docs/rules.md lists them."
    )
    alerts: dict[str, dict[str, bool | float | str]] = Field(
        default_factory=dict,
        description="Per alert rule its own values: enabled, severity, for, and those that docs/rules.md lists.",
    )
    exclude: dict[str, Annotated[tuple[str, ...], OneOrMany]] = Field(
        default_factory=dict, description="Series that no alert rule looks at: values per label."
    )
    maintenance: Annotated[tuple[MaintenanceWindow, ...], OneOrMany] = Field(
        default=(), description="Times in which alert rules are silent."
    )

    @field_validator("exclude")
    @classmethod
    def _label_names(cls, labels: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return _checked_names(labels)


class DashboardsConfig(Section):
    """Dashboards of your own."""

    folder: FilePath | None = Field(
        default=None,
        description="Folder of dashboard files (YAML); `dashboards` beside the configuration file where absent.",
    )


class TerminalConfig(Section):
    """How `inferdeck top` looks and which keys it takes; what the command line says holds instead."""

    interval: Seconds = Field(default=5.0, description="How often what is shown is asked for: 2 s to 60 s.")
    range: Seconds = Field(default=3600.0, description="How long a time charts show at first.")
    history: Seconds = Field(
        default=30 * 86_400.0,
        description="How long a time charts can show at most, and how far back keys go; at most what is kept.",
    )
    view: str = Field(default="overview", description="What is shown first: a view or a dashboard.")
    theme: str = Field(
        default="", description="A theme: one of Textual's, such as nord or ansi-dark, or one of your own."
    )
    themes: FilePath | None = Field(
        default=None,
        description="Folder of theme files (YAML); `themes` beside the configuration file where absent.",
    )
    glyphs: Literal["auto", "braille", "block", "ascii"] = Field(
        default="auto", description="What charts are made of; auto goes by the terminal."
    )
    keys: dict[str, str] = Field(
        default_factory=dict, description="Keys of your own: an action's id and keys with commas between them."
    )
    readonly: bool = Field(default=False, description="Take away every action that changes something.")

    @field_validator("interval")
    @classmethod
    def _within(cls, seconds: float) -> float:
        if not 2 <= seconds <= 60:
            raise ValueError("from 2 s to 60 s")
        return seconds

    @model_validator(mode="after")
    def _range_within_history(self) -> Self:
        if "range" in self.model_fields_set and self.range > self.history:
            raise ValueError("range is longer than history")
        return self


class Settings(Section):
    """The effective configuration: the file, the environment variables and the defaults."""

    environment: str = Field(default="default", description="The environment that targets belong to by default.")
    environments: Annotated[tuple[str, ...], OneOrMany] = Field(
        default=(), description="All environment names; where given, any other name is an error."
    )
    data_dir: FilePath = Field(
        default=Path("~/.local/share/inferdeck"),
        validate_default=True,
        description="Where the history lives, on a local disk; `$XDG_DATA_HOME/inferdeck` where that is set.",
    )
    listen: ListenConfig = Field(default=ListenConfig(), description="Where the daemon answers.")
    allowed_hosts: Annotated[tuple[str, ...], OneOrMany] = Field(
        default=(), description="Host names, beside localhost and the listen address, that a browser may ask for."
    )
    auth: AuthConfig = Field(default=AuthConfig(), description="Tokens of the HTTP interface.")
    store: StoreConfig = Field(default=StoreConfig(), description="The history on disk.")
    remote_write: Annotated[tuple[RemoteWriteConfig, ...], OneOrMany] = Field(
        default=(), description="Prometheus-compatible servers that receive every sample as well."
    )
    query: QueryConfig = Field(default=QueryConfig(), description="Where PromQL questions are answered.")
    log: LogConfig = Field(default=LogConfig(), description="What the daemon writes about itself.")
    discovery: DiscoveryConfig = Field(default=DiscoveryConfig(), description="Finding what runs on this machine.")
    deprecations: Annotated[tuple[Deprecation, ...], OneOrMany] = Field(
        default=(), description="Models that end, beside those of which a gateway's cost map says so."
    )
    config_files: Annotated[tuple[ConfigFileEntry, ...], OneOrMany] = Field(
        default=(), description="Configuration files of the watched stack, beside those that it names itself."
    )
    dashboards: DashboardsConfig = Field(default=DashboardsConfig(), description="Dashboards of your own.")
    rules: RulesConfig = Field(default=RulesConfig(), description="What a site changes in the alert rules.")
    terminal: TerminalConfig = Field(default=TerminalConfig(), description="How `inferdeck top` looks.")
    sources: dict[str, tuple[SerializeAsAny[TargetConfig], ...]] = Field(
        default_factory=dict, description="What is watched: per kind one entry or a list of entries."
    )

    _file: Path | None = PrivateAttr(default=None)
    _origins: dict[str, str] = PrivateAttr(default_factory=dict)
    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @property
    def file(self) -> Path | None:
        """The file that was read, or None."""
        return self._file

    @property
    def origins(self) -> Mapping[str, str]:
        """Where each effective value came from, by its key ("listen.port"): default, file:line or env NAME."""
        return self._origins

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was noticed while reading and should be said at start."""
        return self._warnings

    def masked(self) -> dict[str, Any]:
        """Return all values as plain JSON-like data; secrets and passwords in URLs are masked."""
        masked = _mask(self.model_dump())
        assert isinstance(masked, dict)  # noqa: S101
        return masked


Raw = dict[str, Any]


def _mask(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, Mapping):
        return {key: _command(item) if key == "command" else _mask(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mask(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return mask_url(value) if isinstance(value, str) else value


def _command(value: Any) -> Any:
    """Mask the words of a command together: a secret's name may be the word before it."""
    return mask_command([str(word) for word in value]) if isinstance(value, list | tuple) and value else _mask(value)
