"""Configuration files of the watched stack: what is in them, when they changed, and whether what runs agrees."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileRevision:
    """One content that a file had; `seen` and `modified` in Unix seconds."""

    hash: str
    """SHA-256 of the content as it stood in the file."""
    size: int
    modified: float
    seen: float


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which a file and the running gateway differ."""

    change: str
    """added: the file has it, the gateway does not run it; removed: the other way round; changed: both, unlike."""
    what: str
    """What it is about: `deployment gpt-4o`, `fallback gpt-4o`, `routing`."""
    key: str
    """The key of the file, such as model_list[3].litellm_params.rpm; that of the running side where it is removed."""
    line: int
    """The line of the key, 0 where the file has none."""
    file: str
    running: str


@dataclass(frozen=True, slots=True)
class Drift:
    """Whether the running gateway is as the file says."""

    state: str
    """same, differs, unknown (the gateway does not tell enough), none (nothing runs from this file)."""
    gateway: str = ""
    """The id of the target that was compared with."""
    unknown: tuple[str, ...] = ()
    """What could not be compared, and why."""
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One file, without its content."""

    id: str
    path: str
    name: str
    kind: str
    """litellm, model_mappings, providers, systemd or other."""
    gateway: str
    """The gateway that it belongs to, "" for none."""
    environment: str
    origin: str
    """What names it: config_files of the configuration, or the source that was told its path."""
    state: str
    """read, missing, unreadable or invalid (read, but not understood)."""
    error: str
    """Why it is missing, unreadable or invalid."""
    hash: str
    size: int | None
    modified: float | None
    """When it was written last, Unix seconds."""
    changed: float | None
    """When its content changed last as far as inferdeck saw; None where it never did."""
    revisions: int
    """How many contents inferdeck has seen."""
    routes: int | None
    """How many public models it has; None where the kind has none."""
    problems: tuple[str, ...]
    """What is wrong in it: file, line, key and what to write."""
    drift: Drift


@dataclass(frozen=True, slots=True)
class ConfigFilePage:
    """One file with its content, secrets masked."""

    file: ConfigFile
    content: str
    truncated: bool
    """Whether the content was longer than what is shown."""
    revisions: tuple[FileRevision, ...] = ()
    """Newest first."""
    last_change: str = ""
    """What the newest content changed, as a unified diff of the masked contents."""
