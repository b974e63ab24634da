"""The lines of a file in blocks, from any place forwards or backwards, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from inferdeck.sources.loglines.spelling import LARGEST_LINE_BYTES

BLOCK_BYTES = 256 * 1024
RawLine = tuple[int, int, bytes]
"""Offset of its first byte, offset behind its line break, its bytes without the line break (the first ones of many)."""


def backward(file: BinaryIO, end: int, wanted: Callable[[bytes], bool] = lambda block: True) -> Iterator[list[RawLine]]:
    """Yield blocks of whole lines, the last block before `end` first, each from its oldest line to its newest.

    What stands before `end` without a line break is the last line. Of an endless line its beginning is kept. A block
    that is not wanted is one empty line.
    """
    tail, tail_end = b"", end
    position = end
    while position > 0:
        start = max(0, position - BLOCK_BYTES)
        file.seek(start)
        data = file.read(position - start)
        if len(data) < position - start:
            # The file became shorter while it was read.
            return
        first = 0
        if start > 0:
            first = data.find(b"\n") + 1
            # A block that ends with its only line break has nothing whole.
            if first == 0 or (first == len(data) and not tail):
                tail = (data + tail)[: 2 * LARGEST_LINE_BYTES]
                position = start
                continue
        text = data[first:] + tail if tail else data[first:] if first else data
        if text and not wanted(text):
            yield [(start + first, tail_end, b"")]
        elif lines := list(_lines(text, start + first, tail_end)):
            yield lines
        tail, tail_end, position = data[:first], start + first, start
    if tail and position == 0 and tail_end > 0:
        lines = list(_lines(tail, 0, tail_end))
        if lines:
            yield lines


def forward(file: BinaryIO, start: int, *, whole: bool = True) -> Iterator[list[RawLine]]:
    """Yield blocks of lines from `start`, which is where a line begins; whole: an unfinished last one is left out."""
    position, rest, skipped = start, b"", 0
    while True:
        file.seek(position + len(rest) + skipped)
        data = file.read(BLOCK_BYTES)
        if not data:
            break
        if skipped:
            cut = data.find(b"\n")
            if cut < 0:
                skipped += len(data)
                continue
            yield [(position, position + len(rest) + skipped + cut + 1, rest)]
            position, rest, data, skipped = position + len(rest) + skipped + cut + 1, b"", data[cut + 1 :], 0
        data = rest + data
        last = data.rfind(b"\n") + 1
        if last:
            yield list(_lines(data[:last], position, position + last))
        position, rest = position + last, data[last:]
        if len(rest) > 2 * LARGEST_LINE_BYTES:
            skipped = len(rest) - LARGEST_LINE_BYTES
            rest = rest[:LARGEST_LINE_BYTES]
    if rest and not whole:
        yield [(position, position + len(rest) + skipped, rest)]


def _lines(data: bytes, start: int, end: int) -> Iterator[RawLine]:
    """Split bytes that begin at `start`; the last line ends at `end`, also where some of it is left out."""
    position = start
    pieces = data.split(b"\n")
    if not pieces[-1]:
        pieces.pop()
    for number, piece in enumerate(pieces, 1):
        behind = end if number == len(pieces) else position + len(piece) + 1
        yield position, behind, piece
        position = behind
