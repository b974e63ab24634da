"""Where the file, the history and the socket are when nobody says so."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from inferdeck.errors import ConfigError

FILE_NAME = "inferdeck.yaml"
CONFIG_VARIABLE = "INFERDECK_CONFIG"


def search_order(environ: Mapping[str, str]) -> list[Path]:
    """Return the places that are looked at, in order, when neither --config nor $INFERDECK_CONFIG names a file."""
    home = _home(environ)
    config_home = _absolute(environ.get("XDG_CONFIG_HOME")) or (home / ".config" if home else None)
    user = [config_home / "inferdeck" / FILE_NAME] if config_home else []
    return [Path(FILE_NAME), *user, Path("/etc/inferdeck") / FILE_NAME]


def find(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the file to read, None where there is none; raises ConfigError where a named one does not exist."""
    for chosen, by in ((path, "--config"), (environ.get(CONFIG_VARIABLE) or None, CONFIG_VARIABLE)):
        if chosen is not None:
            named = Path(chosen).expanduser()
            if not named.exists():
                raise ConfigError(f"{named}: no such file (named by {by})")
            return named
    return next((place for place in search_order(environ) if _exists(place)), None)


def file_to_make(environ: Mapping[str, str]) -> Path:
    """Return where a file is made when there is none and one is needed: the user's own place."""
    order = search_order(environ)
    return order[1] if len(order) > 2 else order[0]


def data_directory(environ: Mapping[str, str]) -> Path:
    """Return $XDG_DATA_HOME/inferdeck, ~/.local/share/inferdeck, or /var/lib/inferdeck where there is no home."""
    base = _absolute(environ.get("XDG_DATA_HOME"))
    home = _home(environ)
    if base is None and home is not None:
        base = home / ".local" / "share"
    return (base or Path("/var/lib")) / "inferdeck"


def unix_socket(environ: Mapping[str, str], data_dir: Path) -> Path:
    """Return the socket's path; its directory must be made with mode 0700 by whoever binds it.

    The daemon's own directory below $XDG_RUNTIME_DIR where that exists, else one below the data directory.
    """
    runtime = _absolute(environ.get("XDG_RUNTIME_DIR"))
    folder = runtime / "inferdeck" if runtime is not None and _exists(runtime) else data_dir / "run"
    return folder / "inferdeck.sock"


def note_of(environ: Mapping[str, str], file: Path) -> Path | None:
    """Return where the daemon of a configuration file notes its data directory, None where there is no home.

    What must be fast finds it there without reading the configuration: below $XDG_STATE_HOME/inferdeck, or
    ~/.local/state/inferdeck, under the file's own path.
    """
    home = _home(environ)
    state = _absolute(environ.get("XDG_STATE_HOME")) or (home / ".local" / "state" if home else None)
    # Not resolved: a link to a configuration is another name of it, and what is fast looks at no links.
    return Path(f"{state}/inferdeck/daemons{os.path.abspath(file)}.data_dir") if state else None  # noqa: PTH100


def _home(environ: Mapping[str, str]) -> Path | None:
    return _absolute(environ.get("HOME"))


def _absolute(text: str | None) -> Path | None:
    """The XDG specification tells to ignore relative paths."""
    path = Path(text) if text else None
    return path if path is not None and path.is_absolute() else None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # A folder that we may not enter; a file that exists but cannot be read is an error when it is read.
        return False
