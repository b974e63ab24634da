"""Whatever the file holds and however its blocks fall, its lines come out once and whole."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.sources.loglines.spelling import LARGEST_LINE_BYTES
from inferdeck.sources.logs import blocks, rotated

BODY = st.lists(st.sampled_from([b"", b"a", b"bc", b"line of words", b"x" * 40]), max_size=30).map(b"\n".join)


def obvious(body: bytes) -> list[tuple[int, int, bytes]]:
    """Return the lines the slow way."""
    found, position = [], 0
    for line in body.split(b"\n"):
        end = min(len(body), position + len(line) + 1)
        if end > position:
            found.append((position, end, line))
        position = end
    return found


@given(BODY, st.booleans(), st.integers(3, 50))
def test_lines_backward_and_forward(body: bytes, final: bool, size: int) -> None:
    body += b"\n" if final else b""
    file = io.BytesIO(body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_BYTES", size)
        back = [line for block in reversed(list(blocks.backward(file, len(body)))) for line in block]
        ahead = [line for block in blocks.forward(file, 0, whole=False) for line in block]
        whole = [line for block in blocks.forward(file, 0) for line in block]
    assert back == obvious(body)
    assert ahead == obvious(body)
    assert whole == [line for line in obvious(body) if body[line[1] - 1 : line[1]] == b"\n"]


@pytest.mark.parametrize("final", [b"\n", b""])
def test_an_endless_line_is_cut_not_kept(final: bytes) -> None:
    long = b"begin " + b"y" * (20 * blocks.BLOCK_BYTES)
    body = b"first\n" + long + final + (b"last\n" if final else b"")
    file = io.BytesIO(body)
    back = [line for block in reversed(list(blocks.backward(file, len(body)))) for line in block]
    ahead = [line for block in blocks.forward(file, 0, whole=False) for line in block]
    for lines in (back, ahead):
        assert lines[0] == (0, 6, b"first")
        assert lines[1][0] == 6
        assert lines[1][1] == 6 + len(long) + len(final)
        assert lines[1][2].startswith(b"begin yyy")
        assert LARGEST_LINE_BYTES <= len(lines[1][2]) <= 3 * blocks.BLOCK_BYTES
        assert [line[2] for line in lines[2:]] == ([b"last"] if final else [])


@pytest.mark.parametrize(
    ("name", "rotates"),
    [
        ("x.log.1", True),
        ("x.log.12.gz", True),
        ("x.log-20261121", True),
        ("x.log-20261121.gz", True),
        ("x.log-20261121-1795228805.gz", True),
        ("x.log.2026-11-21", True),
        ("x-20261121.log", True),
        ("x-2026-11-21.log.gz", True),
        ("x.log.old", True),
        ("x.log", False),
        ("xy.log.1", False),
        ("x.log.txt", False),
        ("x-other.log", False),
        ("x.log.1.bz2", False),
    ],
)
def test_names_that_rotation_gives(name: str, rotates: bool) -> None:
    assert rotated.is_rotated(name, "x.log") is rotates


def test_positions_survive_their_text() -> None:
    one = rotated.Position("fd-1a", 1234, True, 0xBEEF, 1795228805.25)
    assert rotated.position(str(one)) == one
    assert rotated.position(str(rotated.Position("fd-1a", 0))) == rotated.Position("fd-1a", 0)
    assert rotated.position("../../etc/passwd") is None


def test_a_pipe_is_not_a_log(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "x.log")
    assert rotated.segments(tmp_path / "x.log") == []
