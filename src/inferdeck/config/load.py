"""Read the configuration: find the file, lay the environment over it, check everything, report all mistakes at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from inferdeck.config import environment, places
from inferdeck.config.complaints import explain, unknown
from inferdeck.config.document import Document, KeyPath, read, shown
from inferdeck.config.keys import Setting, settings_table
from inferdeck.config.schema import Settings, TargetConfig
from inferdeck.config.secrets import EnvText, LoadContext
from inferdeck.errors import ConfigError

DEFAULT = "default"


def load(*, path: Path | None, environ: Mapping[str, str], kinds: Mapping[str, type[TargetConfig]]) -> Settings:
    """Return the effective settings; `path` is --config, `kinds` the source kinds with their own keys.

    Without a file all defaults hold. Raises ConfigError whose text has one line per mistake, each "file:line: key: …".
    """
    file = places.find(path, environ)
    document = read(file, _shown_name(file)) if file is not None else Document(places.FILE_NAME)
    if document.data is not None and not isinstance(document.data, dict):
        kind = "a list" if isinstance(document.data, list) else "a single value"
        raise ConfigError(f"{document.name}:1: expected a mapping of settings, got {kind}")
    context = LoadContext(environ, file.absolute().parent if file is not None else Path.cwd())
    reading = _Reading(document, kinds, context, settings_table(kinds))
    settings = reading.settings()
    settings._file = file.absolute() if file is not None else None
    settings._origins = reading.origins(settings)
    settings._warnings = (*reading.overrides.warnings, *context.warnings)
    return settings


def _shown_name(file: Path) -> str:
    """inferdeck.yaml here is called by its name alone; a file elsewhere by its whole path."""
    return file.name if file.absolute().parent == Path.cwd() else str(file)


@dataclass(slots=True)
class _Reading:
    """One pass over one configuration."""

    document: Document
    kinds: Mapping[str, type[TargetConfig]]
    context: LoadContext
    table: list[Setting]
    data: dict[str, Any] = field(default_factory=dict)
    overrides: environment.Overrides = field(default_factory=environment.Overrides)
    problems: list[str] = field(default_factory=list)

    def settings(self) -> Settings:
        self.data = self.document.data or {}
        self.problems += self.document.problems
        self.overrides = environment.apply(self.data, self.context.environ, self.table, self.kinds)
        self.problems += self.overrides.problems
        self.defaults()
        sources = self.sources(self.data.get("sources"))
        settings = self.checked({**self.data, "sources": sources})
        if settings is not None:
            self.environments(settings)
        if self.problems or settings is None:
            raise ConfigError("\n".join(self.in_order()))
        return settings

    def defaults(self) -> None:
        """The data directory and the socket depend on the environment, so the schema cannot know them."""
        environ = self.context.environ
        if self.data.get("data_dir") is None:
            self.data["data_dir"] = places.data_directory(environ)
        listen = self.data["listen"] if self.data.get("listen") is not None else {}
        if isinstance(listen, dict) and listen.get("unix_socket") is None:
            folder = self.data["data_dir"]
            base = Path() if isinstance(folder, EnvText) else self.context.folder
            data_dir = base.absolute() / Path(folder).expanduser() if isinstance(folder, str | Path) else base
            self.data["listen"] = {**listen, "unix_socket": places.unix_socket(environ, data_dir)}

    def sources(self, raw: Any) -> dict[str, tuple[TargetConfig, ...]]:
        if raw is None:
            return {}
        if not isinstance(raw, dict):
            self.complain(("sources",), "expected a mapping of source kinds, each with one entry or a list of them")
            return {}
        return {kind: tuple(self.entries(kind, entry)) for kind, entry in raw.items()}

    def entries(self, kind: str, raw: Any) -> Iterator[TargetConfig]:
        path: KeyPath = ("sources", kind)
        if kind not in self.kinds:
            self.complain(path, unknown(kind, self.kinds, "source kind"))
            return
        if not isinstance(raw, list):
            raw = [raw]
        for index, entry in enumerate(raw):
            target = self.entry(self.kinds[kind], (*path, index), entry)
            if target is not None:
                yield target

    def entry(self, model: type[TargetConfig], path: KeyPath, raw: Any) -> TargetConfig | None:
        try:
            target = model.model_validate(raw, context=self.context)
        except ValidationError as error:
            self.problems += explain(error, model, path, self.place)
            return None
        if model.needs_url and not (target.url or target.targets or target.file_sd):
            self.complain(path, "says not where the target is: give url, targets or file_sd")
        return target

    def checked(self, data: dict[str, Any]) -> Settings | None:
        try:
            return Settings.model_validate(data, context=self.context)
        except ValidationError as error:
            self.problems += explain(error, Settings, (), self.place, self.table)
            return None

    def environments(self, settings: Settings) -> None:
        names = settings.environments
        chosen: list[tuple[KeyPath, str | None]] = [(("environment",), settings.environment)]
        for kind, targets in settings.sources.items():
            chosen += [(("sources", kind, i, "environment"), t.environment) for i, t in enumerate(targets)]
        for path, name in chosen:
            explicit = path[0] == "sources" or "environment" in self.data
            if names and explicit and name is not None and name not in names:
                self.complain(path, f'"{name}": {unknown(name, names, "environment")}')

    def place(self, path: KeyPath) -> tuple[str, KeyPath]:
        """Return where the key was set, and its path as the user wrote it: a single entry has no index."""
        written: KeyPath = ()
        node: Any = self.data
        for part in path:
            if isinstance(part, int) and not isinstance(node, list):
                continue
            written = (*written, part)
            known = part in node if isinstance(node, dict) else isinstance(part, int) and part < len(node or ())
            node = node[part] if known else None
        variable = self.overrides.origins.get(written)
        return variable or self.document.place(written), written

    def complain(self, path: KeyPath, message: str) -> None:
        where, written = self.place(path)
        self.problems.append(f"{where}: {shown(written)}: {message}")

    def in_order(self) -> list[str]:
        """Return the mistakes by line, those of the environment last, none twice."""

        def position(text: str) -> tuple[bool, int]:
            number = text.removeprefix(f"{self.document.name}:").partition(":")[0]
            return not text.startswith(f"{self.document.name}:"), int(number) if number.isdecimal() else 0

        return sorted(dict.fromkeys(self.problems), key=position)

    def origins(self, settings: Settings) -> dict[str, str]:
        found: dict[str, str] = {}
        for path in _leaves(settings.masked(), ()):
            _, written = self.place(path)
            found[shown(written)] = self.origin(written)
        return found

    def origin(self, written: KeyPath) -> str:
        if written in self.overrides.origins:
            return f"env {self.overrides.origins[written]}"
        return self.document.place(written) if written in self.document.lines else DEFAULT


def _leaves(value: Any, path: KeyPath) -> Iterator[KeyPath]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path
