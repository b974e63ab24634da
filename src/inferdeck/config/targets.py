"""From one entry of `sources` to the addresses it means: url, targets and file_sd files."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inferdeck.config.document import Document, read, read_json
from inferdeck.config.schema import OWN_LABELS, TargetConfig
from inferdeck.errors import ConfigError

MOST_ENDPOINTS = 10_000


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of one entry, with the labels that its file_sd group adds."""

    url: str
    labels: Mapping[str, str]
    origin: str
    """The key or the file that names it."""


@dataclass(frozen=True, slots=True)
class Expanded:
    """All addresses of one entry, none twice; each warning names its file and the key in it."""

    endpoints: tuple[Endpoint, ...]
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class TargetFiles:
    """file_sd files with their last good content: a broken one is reported and changes nothing."""

    _good: dict[Path, tuple[Endpoint, ...]] = field(default_factory=dict)
    _seen: dict[tuple[str, ...], tuple[tuple[Path, int, int], ...]] = field(default_factory=dict)

    def changed(self, config: TargetConfig) -> bool:
        """Say whether a file of the entry came, went or was written since the last time this was asked."""
        now = tuple(_stamp(path) for path in matching_files(config))
        before = self._seen.get(config.file_sd)
        self._seen[config.file_sd] = now
        return now != before

    def read(self, config: TargetConfig, scheme: str) -> tuple[list[Endpoint], list[str]]:
        """Return what the entry's files list now, and what is wrong with them."""
        found: list[Endpoint] = []
        problems: list[str] = []
        for path in matching_files(config):
            try:
                document = (read_json if path.suffix == ".json" else read)(path, str(path))
                problems += document.problems
                self._good[path] = tuple(_groups(document, scheme))
            except ConfigError as error:
                problems += str(error).splitlines()
            found += self._good.get(path, ())
        return found, problems


def expand_targets(config: TargetConfig, *, scheme: str = "http", files: TargetFiles | None = None) -> Expanded:
    """Return the addresses that an entry means; `scheme` completes those written as host:port.

    Reads the file_sd files each time; ask `TargetFiles.changed` first. Nothing raises: a file that cannot be used is
    a warning, and with the same `files` object its last good content stays.
    """
    named = [Endpoint(complete(config.url, scheme), {}, "url")] if config.url else []
    named += [Endpoint(complete(target, scheme), {}, "targets") for target in config.targets]
    listed, warnings = (files or TargetFiles()).read(config, scheme)
    first: dict[str, Endpoint] = {}
    for endpoint in (*named, *listed):
        first.setdefault(endpoint.url, endpoint)
    unique = list(first.values())
    if len(unique) > MOST_ENDPOINTS:
        warnings.append(f"file_sd: {len(unique)} targets; only the first {MOST_ENDPOINTS} are read")
    return Expanded(tuple(unique[:MOST_ENDPOINTS]), tuple(warnings))


def matching_files(config: TargetConfig) -> list[Path]:
    """Return the files that the entry's patterns match now, sorted, none twice."""
    found = {name for pattern in config.file_sd for name in glob.glob(pattern)}  # noqa: PTH207
    return [Path(name) for name in sorted(found)]


def complete(target: str, scheme: str) -> str:
    """Return a URL for a URL or host:port."""
    return target if "://" in target else f"{scheme}://{target}"


def _stamp(path: Path) -> tuple[Path, int, int]:
    try:
        status = path.stat()
    except OSError:
        return path, -1, -1
    return path, status.st_mtime_ns, status.st_size


def _groups(document: Document, scheme: str) -> Iterator[Endpoint]:
    """Read Prometheus' form: [{targets: [host:port], labels: {name: value}}]; raises ConfigError at the first flaw."""
    if document.data is None:
        return
    if not isinstance(document.data, list):
        raise ConfigError(f"{document.place(())}: expected a list of groups, each with targets and labels")
    for index, group in enumerate(document.data):
        where = document.place((index,))
        if not isinstance(group, dict) or not isinstance(group.get("targets"), list):
            raise ConfigError(f"{where}: expected a group with a list of targets")
        labels = _labels(group.get("labels"), where)
        for position, target in enumerate(group["targets"]):
            if not isinstance(target, str) or not target.strip():
                raise ConfigError(f"{document.place((index, 'targets', position))}: expected host:port or a URL")
            url = complete(target.strip(), labels.get("__scheme__", scheme)) + labels.get("__metrics_path__", "")
            shown = {name: value for name, value in labels.items() if not name.startswith("__")}
            yield Endpoint(url, shown, document.name)


def _labels(raw: Any, where: str) -> dict[str, str]:
    if raw is None:
        return {}
    if not isinstance(raw, dict) or not all(isinstance(value, str) for value in raw.values()):
        raise ConfigError(f"{where}: labels must be a mapping of text to text")
    own = sorted(OWN_LABELS & raw.keys())
    if own:
        raise ConfigError(f'{where}: the label "{own[0]}" is set by inferdeck itself; choose another name')
    return {str(name): value for name, value in raw.items()}
