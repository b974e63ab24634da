"""Kept answers: the right one, of the right age, never a part of one, never without end."""

from __future__ import annotations

import os
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from inferdeck.faces.widgets import kept, plain
from inferdeck.faces.widgets.ask import Answer
from inferdeck.faces.widgets.wish import Wish

QUESTION = "/run/s /widgets/health?host=text"


def answer(body: bytes = b"a\nb\n", age: int = 0) -> Answer:
    return Answer(200, "ok", age, body)


def test_what_is_kept_is_found_with_its_age(tmp_path: Path) -> None:
    folder = str(tmp_path / "deep" / "cache")
    kept.keep(folder, QUESTION, answer(age=40))
    found = kept.kept(folder, QUESTION, 300)
    assert found is not None
    assert (found[0].body, found[0].state) == (b"a\nb\n", "ok")
    assert found[1] >= 40
    assert kept.kept(folder, QUESTION, 39) is None
    assert kept.kept(folder, QUESTION + "x", 300) is None
    assert kept.kept("", QUESTION, 300) is None
    assert Path(folder).stat().st_mode & 0o077 == 0


def test_a_fresh_one_is_not_written_anew(tmp_path: Path) -> None:
    kept.keep(str(tmp_path), QUESTION, answer(b"one"))
    kept.keep(str(tmp_path), QUESTION, answer(b"two"))
    (file,) = tmp_path.iterdir()
    assert file.read_bytes().endswith(b"one")
    os.utime(file, (1, 1))
    kept.keep(str(tmp_path), QUESTION, answer(b"two"))
    assert file.read_bytes().endswith(b"two")


def test_files_do_not_grow_in_number(tmp_path: Path) -> None:
    for number in range(kept.MOST_FILES):
        (tmp_path / f"{number}").touch()
        os.utime(tmp_path / f"{number}", (number + 1, number + 1))
    kept.keep(str(tmp_path), QUESTION, answer())
    names = {file.name for file in tmp_path.iterdir()}
    assert len(names) < kept.MOST_FILES
    assert f"{kept.MOST_FILES - 1}" in names
    assert "0" not in names


def test_what_cannot_be_kept_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept.keep(str(tmp_path / "file" / "cache"), QUESTION, answer())
    kept.keep("/proc/nowhere", QUESTION, answer())


@given(st.binary(max_size=80) | st.binary(max_size=40).map(lambda more: b"inferdeck widget 1\n" + more))
def test_a_file_of_anybodys_is_none(content: bytes) -> None:
    folder = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path("/tmp")
    path = folder / f"inferdeck-kept-{os.getpid()}"
    path.mkdir(exist_ok=True)
    file = Path(kept._path(str(path), QUESTION))
    file.write_bytes(content)
    found = kept.kept(str(path), QUESTION, 10)
    file.unlink()
    path.rmdir()
    assert found is None


def test_a_clock_that_was_set_back_makes_it_of_unknown_age(tmp_path: Path) -> None:
    kept.keep(str(tmp_path), QUESTION, answer())
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    file.write_bytes(content.replace(str(int(time.time()))[:-2].encode(), str(int(time.time()) + 9999)[:-2].encode()))
    assert kept.kept(str(tmp_path), QUESTION, 10_000_000) is None


def shown(host: str, body: bytes, age: int = 72, width: int | None = None) -> bytes:
    wish = Wish("health")
    wish.host, wish.width = host, width
    return plain.marked(wish, body, age)


def test_the_age_stands_where_the_host_shows_it() -> None:
    assert shown("text", b"Title\nrow\n") == b"Title stale 1m\nrow\n"
    assert shown("text", b"Title\nrow\n", width=8) == b"stale 1m\nrow\n"
    assert shown("text", b"Title\nrow\n", width=3) == b"sta\nrow\n"
    assert shown("xbar", b"up 3 | color=green\n---\nrow\n") == b"up 3 stale 1m | color=green\n---\nrow\n"
    assert shown("waybar", b'{"text": "up", "class": "ok"}') == b'{"text": "up stale 1m", "class": ["ok", "stale"]}\n'
    assert shown("waybar", b"[]") == b'{"text": "stale 1m", "class": "stale"}\n'
    assert shown("tmux", b"#[fg=red]up\n", age=3 * 86400) == b"#[fg=red]up stale 3d\n"


@given(st.text(max_size=30), st.sampled_from(plain.PICTURES))
def test_words_of_ours_mean_nothing_to_any_host(text: str, host: str) -> None:
    wish = Wish("health")
    wish.host = host
    said = plain.said(wish, [text, text], "unknown").decode()
    if host == "waybar":
        import json

        said = json.loads(said)["tooltip"]
    assert not set(said.replace("---", "").replace("\n", "")) & set('#%$`"\\|&<>[]{}\x1b\u202e')
