"""Durations and sizes as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.model.quantities import parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (15, 15.0),
        (0.5, 0.5),
        ("15", 15.0),
        ("1.5", 1.5),
        ("15s", 15.0),
        ("250ms", 0.25),
        ("10us", 1e-5),
        ("10µs", 1e-5),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("30d", 2_592_000.0),
        ("2w", 1_209_600.0),
        ("1y", 31_536_000.0),
        (" 5 min ", 300.0),
        ("0s", 0.0),
    ],
)
def test_duration(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "15x", "15 15s", "-5s", "1h-30m", "5S", "1e3s", "٣s", "5s;", "1M", True])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write for example 15s"):
        parse_duration(text)


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "1001y", 1e300])
def test_duration_out_of_range_is_refused(value: str | float) -> None:
    with pytest.raises(ValueError, match="out of range"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (0, 0),
        (1024, 1024),
        ("1024", 1024),
        ("10GB", 10**10),
        ("10 gb", 10**10),
        ("512MiB", 512 * 2**20),
        ("1.5KiB", 1536),
        ("1kB", 1000),
        ("2TB", 2 * 10**12),
        ("1PiB", 2**50),
        ("7B", 7),
    ],
)
def test_size(text: str | int, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "10G", "GB", "10 XB", "-1GB", "1e3", "1,5GB", False])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size; write for example 512MiB or 10GB"):
        parse_size(text)


@given(st.text(max_size=60))
def test_any_text_gives_a_value_or_a_value_error(text: str) -> None:
    for parse in (parse_duration, parse_size):
        try:
            assert parse(text) >= 0
        except ValueError as error:
            assert len(str(error)) < 140  # noqa: PT017
