"""A card's power, temperature and throttling against the formula of its temperature."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from inferdeck.simulate.card import CLOCK_EXPONENT, COOL_AGAIN, THROTTLED_CLOCK, Card
from inferdeck.simulate.events import GpuChanged
from inferdeck.simulate.fleet import Gpu
from tests.unit.simulate.parts import Watched

GPU = Gpu("card", "host", 0)
"""70 W idle and 700 W at most, 30 °C around it, 0.06 K per W, 60 s, 87 °C."""
FULL = 30 + 0.06 * 700
IDLE = 30 + 0.06 * 70


class Bench:
    """A card and how often its clock changed."""

    def __init__(self, gpu: Gpu = GPU) -> None:
        self.watched = Watched()
        self.clocks: list[tuple[float, float]] = []
        self.card = Card(gpu, self.watched.kernel, self._changed)

    def _changed(self) -> None:
        self.clocks.append((self.watched.kernel.now, self.card.speed))

    @property
    def last(self) -> GpuChanged:
        return self.watched.of(GpuChanged)[-1]


def test_an_idle_card_is_as_warm_as_its_idle_power_makes_it() -> None:
    bench = Bench()
    bench.card.tell()
    assert (bench.last.watts, bench.last.celsius, bench.last.settle_celsius) == (70.0, IDLE, IDLE)
    assert (bench.last.clock_mhz, bench.last.throttled, bench.last.memory_bytes) == (1980.0, "", 0.0)


def test_power_follows_use_and_memory_is_that_of_its_engines() -> None:
    bench = Bench()
    bench.card.load("a", 0.5, 3e9)
    assert bench.last.watts == 70 + 630 * 0.5
    bench.card.load("b", 0.4, 2e9)
    assert bench.last.busy == pytest.approx(0.9) and bench.last.memory_bytes == 5e9
    bench.card.load("b", 0.8, 1e12)
    assert bench.last.busy == 1.0 and bench.last.memory_bytes == GPU.memory_bytes
    told = len(bench.watched.of(GpuChanged))
    bench.card.load("b", 0.81, 1e12)
    assert len(bench.watched.of(GpuChanged)) == told


def test_it_throttles_at_the_computed_moment_and_cools_again() -> None:
    bench = Bench()
    kernel = bench.watched.kernel
    bench.card.heat(60.0)
    bench.card.load("a", 1.0, 0.0)
    settle = 60 + 0.06 * 700
    hot = 60 * math.log((settle - IDLE) / (settle - 87))
    kernel.run_until(hot - 0.01)
    assert bench.clocks == []
    kernel.run_until(hot + 0.01)
    assert bench.clocks == [(bench.last.time, THROTTLED_CLOCK)] and bench.last.time == pytest.approx(hot, abs=1e-3)
    assert bench.last.throttled == "thermal" and bench.last.clock_mhz == pytest.approx(1980 * 0.55)
    watts = 70 + 630 * 0.55**CLOCK_EXPONENT
    assert bench.last.watts == pytest.approx(watts)
    # With the lower clock it settles at 77.1 °C, below the 79 °C at which it may run as fast as before.
    slower = 60 + 0.06 * watts
    assert slower < 87 - COOL_AGAIN
    cool = 60 * math.log((87 - slower) / (87 - COOL_AGAIN - slower))
    kernel.run_until(hot + cool + 0.1)
    assert bench.clocks[1:] == [(bench.last.time, 1.0)] and bench.last.time == pytest.approx(hot + cool, abs=1e-2)
    # Which makes it too hot again, and so on.
    again = 60 * math.log((settle - 79) / (settle - 87))
    kernel.run_until(hot + cool + again + 0.1)
    assert bench.clocks[2:] == [(bench.last.time, THROTTLED_CLOCK)]
    assert bench.last.time == pytest.approx(hot + cool + again, abs=1e-2)


def test_cooler_air_lets_it_run_at_full_speed_again() -> None:
    bench = Bench()
    bench.card.heat(70.0)
    bench.card.load("a", 1.0, 0.0)
    bench.watched.kernel.run_until(2000)
    assert bench.last.throttled == "thermal"
    bench.card.heat(30.0)
    bench.watched.kernel.run_until(4000)
    assert bench.last.throttled == "" and bench.card.speed == 1.0
    bench.card.load("a", 0.0, 0.0)
    bench.watched.kernel.run_until(8000)
    bench.card.tell()
    assert bench.last.celsius == pytest.approx(IDLE)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.5, 400), st.sampled_from(["busy", "air"]), st.floats(0, 1)),
        min_size=1,
        max_size=12,
    ),
    st.floats(70, 95),
)
def test_temperature_is_the_integral_of_what_it_tells_and_throttling_its_thresholds(
    steps: list[tuple[float, str, float]], limit: float
) -> None:
    assume(limit - COOL_AGAIN > 65)
    bench = Bench(Gpu("card", "host", 0, slowdown_celsius=limit))
    kernel, time = bench.watched.kernel, 0.0
    bench.card.tell()
    for wait, kind, value in steps:
        time += wait
        kernel.run_until(time)
        if kind == "busy":
            bench.card.load("a", value, 0.0)
        else:
            bench.card.heat(20 + 60 * value)
    kernel.run_until(time + 3000)
    bench.card.tell()
    told = bench.watched.of(GpuChanged)
    for one, following in pairwise(told):
        gone = math.exp(-(following.time - one.time) / 60)
        assert following.celsius == pytest.approx(
            one.settle_celsius + (one.celsius - one.settle_celsius) * gone, abs=1e-4
        )
        assert one.celsius < limit + 1e-4 or one.throttled == "thermal"
        assert one.celsius > limit - COOL_AGAIN - 1e-4 or one.throttled == ""
        # It is not left alone above the limit between two events either.
        assert one.throttled or following.celsius < limit + 1e-4
