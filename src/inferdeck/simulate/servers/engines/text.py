"""Words for tokens: what a simulated engine says, and how long a text is in its tokens.

A token of an answer is always five bytes, so that the size of an answer follows from its tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

BYTES_PER_TOKEN = 5
MESSAGE_TOKENS = 4
"""What the frame of one chat message costs."""
_TEXT = (
    "the  each page then says what seen care some time none long half next data rate core load wait hour fast slow "
    "warm cold open keep send done rack node disk host link path file line "
)
_TOKENS = tuple(_TEXT[place : place + BYTES_PER_TOKEN] for place in range(0, len(_TEXT), BYTES_PER_TOKEN))


def tokens_of(text: str) -> int:
    """Return how many tokens a text is: one per four bytes, at least one."""
    return max(1, -(-len(text.encode()) // 4))


def fingerprint(text: str) -> int:
    """Return a number that is the same for texts that are word for word alike."""
    return crc32(text.encode())


def words(prompt: int, begin: int, end: int) -> str:
    """Return the answer to a prompt from token `begin` up to, not including, `end`."""
    return "".join(_TOKENS[(prompt + 7 * place + (place * place >> 3)) % len(_TOKENS)] for place in range(begin, end))


def vector(text: str, size: int) -> list[float]:
    """Return an embedding: numbers that follow from the text alone, of length 1."""
    numbers = [(crc32(f"{place}:{text}".encode()) / 2**31) - 1.0 for place in range(size)]
    length = sum(number * number for number in numbers) ** 0.5 or 1.0
    return [number / length for number in numbers]


def pieces(text: str) -> Iterator[int]:
    """Return made-up token numbers of a text."""
    data = text.encode()
    for place in range(0, max(1, len(data)), 4):
        yield crc32(data[place : place + 4]) % 100_000
