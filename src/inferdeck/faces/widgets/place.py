"""Where the daemon answers, by the rules of config/places.py and of the marker in its data directory."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferdeck.faces.widgets.wish import Wish

LARGEST_FILE_BYTES = 1 << 20
_PAGE_BYTES = 4096


class Place:
    """One daemon: its unix socket or its URL, and its data directory; "" where not known."""

    __slots__ = ("data_dir", "socket_path", "token", "url")

    def __init__(self, data_dir: str = "", socket_path: str = "", url: str = "", token: str = "") -> None:
        self.data_dir = data_dir
        self.socket_path = socket_path
        self.url = url
        self.token = token


def find(wish: Wish, environ: Mapping[str, str]) -> Place:
    """Return where the daemon that is meant answers; nothing is asked and nothing raises."""
    url = wish.url or environ.get("INFERDECK_URL", "")
    if url:
        # Whose data directory is not known, and may be on another machine.
        return Place(socket_path=url[7:]) if url.startswith("unix://") else Place(url=url, token=_token(environ))
    data_dir = data_directory(wish.data_dir, wish.config, environ)
    socket_path, url = _marked(data_dir)
    if not socket_path and not url:
        socket_path = unix_socket(environ, data_dir)
    return Place(data_dir, socket_path, "" if socket_path else url, _token(environ) if not socket_path else "")


def data_directory(named: str, config: str, environ: Mapping[str, str]) -> str:
    """Return the data directory that is named, that the daemon of the configuration file noted, or the usual one."""
    if chosen := named or environ.get("INFERDECK_DATA_DIR", ""):
        return os.path.abspath(os.path.expanduser(chosen))  # noqa: PTH100, PTH111
    file = os.path.expanduser(config or environ.get("INFERDECK_CONFIG", ""))  # noqa: PTH111
    file = file or next((path for path in search_order(environ) if os.path.exists(path)), "")  # noqa: PTH110
    note = note_of(environ, file) if file else ""
    if note and (noted := text_of(note).rstrip("\n")) and os.path.isabs(noted):  # noqa: PTH117
        return noted
    return usual_data_directory(environ)


def search_order(environ: Mapping[str, str]) -> list[str]:
    """As config/places.py."""
    home = _absolute(environ.get("HOME"))
    config_home = _absolute(environ.get("XDG_CONFIG_HOME")) or (f"{home}/.config" if home else "")
    user = [f"{config_home}/inferdeck/inferdeck.yaml"] if config_home else []
    return ["inferdeck.yaml", *user, "/etc/inferdeck/inferdeck.yaml"]


def note_of(environ: Mapping[str, str], file: str) -> str:
    """As config/places.py; "" where there is no home."""
    home = _absolute(environ.get("HOME"))
    state = _absolute(environ.get("XDG_STATE_HOME")) or (f"{home}/.local/state" if home else "")
    return f"{state}/inferdeck/daemons{os.path.abspath(file)}.data_dir" if state else ""  # noqa: PTH100


def usual_data_directory(environ: Mapping[str, str]) -> str:
    """As config/places.py."""
    home = _absolute(environ.get("HOME"))
    base = _absolute(environ.get("XDG_DATA_HOME")) or (f"{home}/.local/share" if home else "")
    return f"{base or '/var/lib'}/inferdeck"


def unix_socket(environ: Mapping[str, str], data_dir: str) -> str:
    """As config/places.py."""
    runtime = _absolute(environ.get("XDG_RUNTIME_DIR"))
    folder = f"{runtime}/inferdeck" if runtime and os.path.exists(runtime) else f"{data_dir}/run"  # noqa: PTH110
    return f"{folder}/inferdeck.sock"


def cache_folder(environ: Mapping[str, str]) -> str:
    """Return where answers are kept for when no daemon answers, "" where there is no home."""
    home = _absolute(environ.get("HOME"))
    cache = _absolute(environ.get("XDG_CACHE_HOME")) or (f"{home}/.cache" if home else "")
    return f"{cache}/inferdeck/widgets" if cache else ""


def bytes_of(path: str, most: int = LARGEST_FILE_BYTES) -> bytes:
    """Return what a regular file of ours or of root holds, b"" where it cannot be had; never waits for a writer."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return b""
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid not in (0, os.geteuid()) or found.st_size > most:
            return b""
        # Files below /proc have no size.
        return os.read(descriptor, found.st_size or _PAGE_BYTES)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def text_of(path: str) -> str:
    """Return the same as text, whatever bytes it is of."""
    return os.fsdecode(bytes_of(path))


def _marked(data_dir: str) -> tuple[str, str]:
    """Return the socket and the URL in the marker of a running daemon (client/marker.py), read without json."""
    text = text_of(f"{data_dir}/daemon.json")
    return _value(text, "socket_path"), _value(text, "url")


def _value(text: str, key: str) -> str:
    _, found, rest = text.partition(f'"{key}": "')
    value, end, _ = rest.partition('"')
    if not found or not end:
        return ""
    if "\\" not in value:
        return value
    # A path with letters beyond ASCII, or a quote.
    import json

    try:
        return str(json.loads(text)[key])
    except (ValueError, KeyError, TypeError):
        return ""


def _token(environ: Mapping[str, str]) -> str:
    """As client/tiny.py."""
    token = environ.get("INFERDECK_TOKEN", "")
    file = environ.get("INFERDECK_TOKEN_FILE", "")
    return token or (text_of(file).strip() if file else "")


def _absolute(path: str | None) -> str:
    """The XDG specification tells to ignore relative paths."""
    return path if path and path.startswith("/") else ""
