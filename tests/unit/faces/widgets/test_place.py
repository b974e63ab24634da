"""Where a widget looks for the daemon is where the daemon and all other commands say that it is."""

from __future__ import annotations

import argparse
import json
import os
import re
import stat
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.cli import daemons
from inferdeck.client import marker, tiny
from inferdeck.config import places
from inferdeck.daemon import targets_file
from inferdeck.demo import folders
from inferdeck.faces.widgets import place
from inferdeck.faces.widgets.wish import Wish

PATHS = st.sampled_from(
    ["", "relative", "./x", "/", "/tmp", "/nowhere/at all", "/tmp/../tmp", "//tmp", "/ü", "~", "/a\nb"]
)
VARIABLES = ("HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME")
ENVIRONMENTS = st.dictionaries(st.sampled_from(VARIABLES), PATHS)


def asked(**more: str) -> Wish:
    found = Wish("health")
    for name, value in more.items():
        setattr(found, name, value)
    return found


def one(path: str | Path | None) -> str:
    """Return a path in one form: how many slashes stand between its parts does not matter."""
    return re.sub("/+", "/", str(path or ""))


@given(ENVIRONMENTS, PATHS)
def test_places_are_those_of_the_configuration(environ: dict[str, str], file: str) -> None:
    data = places.data_directory(environ)
    assert one(place.usual_data_directory(environ)) == one(data)
    assert one(place.unix_socket(environ, str(data))) == one(places.unix_socket(environ, data))
    assert [*map(one, place.search_order(environ))] == [*map(one, places.search_order(environ))]
    assert one(place.note_of(environ, file or "x")) == one(places.note_of(environ, Path(file or "x")))


@given(st.text(string.printable + "üñ\udcff", max_size=20).filter(lambda text: "\0" not in text))
def test_the_socket_in_the_marker_is_read_without_json(path: str) -> None:
    text = json.dumps({"pid": 1, "url": "http://127.0.0.1:1", "socket_path": path, "version": "1", "started": 1.0})
    assert place._value(text, "socket_path") == path
    assert place._value(text[: len(text) // 3], "socket_path") in ("", path)


def test_the_marker_of_the_daemon_says_where_it_is(tmp_path: Path) -> None:
    marker.write(tmp_path, marker.Marker(1, "http://127.0.0.1:1", "/run/my socket", "1", 1.0))
    found = place.find(asked(data_dir=str(tmp_path)), {})
    assert (found.socket_path, found.url, found.data_dir) == ("/run/my socket", "", str(tmp_path))
    marker.write(tmp_path, marker.Marker(1, "http://127.0.0.1:1", "", "1", 1.0))
    found = place.find(asked(data_dir=str(tmp_path)), {"INFERDECK_TOKEN": "t"})
    assert (found.socket_path, found.url, found.token) == ("", "http://127.0.0.1:1", "t")


@pytest.mark.parametrize("broken", ["", "{", '{"socket_path": "', '{"socket_path": 3}', "\0", '{"socket_path": "\\'])
def test_a_broken_marker_is_none(tmp_path: Path, broken: str) -> None:
    (tmp_path / marker.NAME).write_text(broken)
    assert place.find(asked(data_dir=str(tmp_path)), {"HOME": "/h"}).socket_path == f"{tmp_path}/run/inferdeck.sock"


def test_what_is_not_a_regular_file_of_ours_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "big").write_bytes(b"x" * 20)
    assert place.bytes_of(str(tmp_path / "pipe")) == b""
    assert place.bytes_of(str(tmp_path)) == b""
    assert place.bytes_of(str(tmp_path / "big"), most=10) == b""
    assert place.bytes_of(str(tmp_path / "big")) == b"x" * 20
    assert place.bytes_of("a\0b") == b""
    if os.geteuid() == 0:
        os.chown(tmp_path / "big", 65534, 65534)
        assert place.bytes_of(str(tmp_path / "big")) == b""


def test_the_daemon_of_a_configuration_file_is_found_without_reading_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, data = tmp_path / "own folder" / "inferdeck.yaml", tmp_path / "elsewhere"
    file.parent.mkdir()
    file.write_text(f"data_dir: {data}\n")
    environ = {"HOME": str(tmp_path), "INFERDECK_CONFIG": str(file)}
    for name in [*VARIABLES, "INFERDECK_DATA_DIR", "INFERDECK_URL"]:
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    options = argparse.Namespace(data_dir=None, config=None, url=None)
    targets_file.note(environ, file, data)
    assert place.data_directory("", "", environ) == str(data) == str(daemons.data_directory(options))
    assert place.data_directory("", str(file), {"HOME": str(tmp_path)}) == str(data)
    monkeypatch.chdir(file.parent)
    assert place.data_directory("", "", {"HOME": str(tmp_path)}) == str(data)
    assert place.data_directory("", "inferdeck.yaml", {"HOME": str(tmp_path)}) == str(data)
    named = {**environ, "INFERDECK_DATA_DIR": "/named"}
    monkeypatch.setenv("INFERDECK_DATA_DIR", "/named")
    assert place.data_directory("", "", named) == "/named" == str(daemons.data_directory(options))


def test_notes_of_files_that_are_gone_go_too(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path / "home")}
    gone, there = tmp_path / "one" / "deep" / "inferdeck.yaml", tmp_path / "inferdeck.yaml"
    gone.parent.mkdir(parents=True)
    gone.touch()
    there.touch()
    targets_file.note(environ, gone, tmp_path)
    first = places.note_of(environ, gone)
    assert first is not None
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    gone.unlink()
    targets_file.note(environ, there, tmp_path)
    assert not first.parent.exists()
    assert places.note_of(environ, there) is not None
    assert place.data_directory("", str(there), environ) == str(tmp_path)


def test_an_address_that_is_named_goes_before_all(tmp_path: Path) -> None:
    found = place.find(asked(url="unix:///x.sock"), {"INFERDECK_URL": "http://a:1"})
    assert (found.socket_path, found.url, found.data_dir) == ("/x.sock", "", "")
    (tmp_path / "token").write_text("secret\n")
    environ = {"INFERDECK_URL": "http://a:1", "INFERDECK_TOKEN_FILE": str(tmp_path / "token")}
    found = place.find(asked(), environ)
    assert (found.url, found.token) == ("http://a:1", tiny.token_from(environ))


def test_answers_are_kept_beside_what_else_is_in_the_cache(tmp_path: Path) -> None:
    for environ in ({"HOME": str(tmp_path)}, {"HOME": str(tmp_path), "XDG_CACHE_HOME": "/cache"}):
        if "XDG_CACHE_HOME" in environ:
            assert Path(place.cache_folder(environ)).parent == folders.parent(environ)
        else:
            assert place.cache_folder(environ) == f"{tmp_path}/.cache/inferdeck/widgets"
    assert place.cache_folder({}) == ""
