"""The score of a provider: its bounds, its order, and what it does not claim to know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.analysis.score import Performance, score
from inferdeck.model.answers import Number, number

NONE = Number()
SHARE = st.floats(0.0, 1.0)


def seen(
    requests: float | None = 100.0,
    seconds: float | None = 2.0,
    errors: float | None = 0.0,
    there: float | None = 1.0,
    speed: float | None = 60.0,
) -> Performance:
    return Performance(
        requests,
        number(seconds, "seconds"),
        number(errors, "ratio"),
        number(there, "ratio"),
        number(speed, "tokens/s"),
    )


def test_without_traffic_there_is_no_score() -> None:
    assert score(seen(requests=None)) is None
    assert score(seen(requests=0.0)) is None
    assert score(seen(seconds=None, errors=None)) is None


def test_what_is_missing_lends_its_weight_and_is_said() -> None:
    whole, part = score(seen()), score(seen(speed=None))
    assert whole is not None
    assert part is not None
    assert whole.quality == "measured"
    assert part.quality == "estimated"
    assert part.parts[3].value is None
    assert part.value == round(100 * (0.4 * (part.parts[0].value or 0) + 0.3 + 0.2) / 0.9, 1)


def test_few_requests_are_an_estimate() -> None:
    found = score(seen(requests=3.0))
    assert found is not None
    assert found.quality == "estimated"
    assert found.recommendation == "few requests"


@pytest.mark.parametrize(
    ("requests", "recommendation"), [(1.0, "few requests"), (19.0, "few requests"), (20.0, "Avoid")]
)
def test_few_requests_are_no_reason_to_avoid_anybody(requests: float, recommendation: str) -> None:
    found = score(seen(requests=requests, seconds=60.0, errors=1.0))
    assert found is not None
    assert (found.grade, found.recommendation) == ("F", recommendation)


def test_all_parts_at_their_ends() -> None:
    best, worst = score(seen(seconds=0.2)), score(seen(seconds=60.0, errors=1.0, there=0.0, speed=0.0))
    assert best is not None
    assert worst is not None
    assert (best.value, best.grade, best.recommendation) == (100.0, "A", "Primary")
    assert (worst.value, worst.grade, worst.recommendation) == (0.0, "F", "Avoid")


@given(st.floats(0.001, 600.0), SHARE, SHARE, st.floats(0.0, 1000.0), st.floats(0.0, 1.0))
def test_worse_never_scores_higher(seconds: float, errors: float, there: float, speed: float, more: float) -> None:
    one = score(seen(seconds=seconds, errors=errors, there=there, speed=speed))
    assert one is not None
    assert 0.0 <= one.value <= 100.0
    for worse in (
        seen(seconds=seconds + 30 * more, errors=errors, there=there, speed=speed),
        seen(seconds=seconds, errors=min(1.0, errors + more), there=there, speed=speed),
        seen(seconds=seconds, errors=errors, there=there * (1 - more), speed=speed),
        seen(seconds=seconds, errors=errors, there=there, speed=speed * (1 - more)),
    ):
        other = score(worse)
        assert other is not None
        assert other.value <= one.value
