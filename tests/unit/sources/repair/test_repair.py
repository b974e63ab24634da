"""Repair against a slow, obvious account of every child, and the promises that it makes one by one."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferdeck.model.labels import Labels, labels, text
from inferdeck.model.scrape import Layout
from inferdeck.sources import catalog, increases
from inferdeck.sources.catalog import Catalog
from inferdeck.sources.repair import Repair, Repaired

CATALOG = """
kind: planted
unmapped: only a test
metrics:
  - {name: spend_total, type: counter, labels: [model, user]}
  - {name: steps_total, type: counter, labels: [model]}
  - {name: latency, type: histogram, labels: [user]}
  - {name: size, type: histogram, bounds: [1, 4]}
  - {name: left, type: gauge, labels: [user], aggregate: min}
  - {name: busy, type: gauge, aggregate: sum}
  - {name: secret, type: gauge, store: false}
  - {name: share, type: gauge, labels: [model], aggregate: mean}
fold: [{label: user, keep: [probe]}]
null_values: ["None"]
drop: ["*_created"]
"""
START = "process_start_time_seconds"
Samples = Mapping[Labels, float]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    path = tmp_path_factory.mktemp("catalog") / "catalog.yaml"
    path.write_text(CATALOG)
    return catalog.read(path)


def one(name: str, **found: str) -> Labels:
    return labels(found, name)


def scrape(repair: Repair, samples: Samples) -> Repaired:
    return repair.apply(Layout(tuple(samples)), np.array(list(samples.values()), np.float64))


def read(repaired: Repaired) -> dict[str, float]:
    assert len(repaired.layout) == len(repaired.values)
    return {text(series): value for series, value in zip(repaired.layout.series, repaired.values.tolist(), strict=True)}


def worker(start: float, users: Mapping[str, tuple[float, float]], **more: float) -> dict[Labels, float]:
    """What a worker says: per user (created, value) of spend_total, and plain counters or gauges by name."""
    samples = {one(START): start}
    for user, (created, value) in users.items():
        samples[one("spend_total", model="m", user=user)] = value
        samples[one("spend_created", model="m", user=user)] = created
    return {**samples, **{one(name): value for name, value in more.items()}}


def series_of(results: Sequence[Repaired], name: str) -> list[float]:
    return [read(result)[name] for result in results]


def increase(values: Sequence[float]) -> float:
    """What Prometheus would see a counter grow by, its first value included."""
    grown = values[0]
    for before, after in pairwise(values):
        grown += after - before if after >= before else after
    return grown


SPEND = 'spend_total{model="m"}'


def test_first_sight_takes_full_values_and_a_later_child_counts_in_full(known: Catalog) -> None:
    repair = Repair(known, None)
    first = scrape(repair, worker(1, {"a": (1, 10), "b": (1, 5)}))
    second = scrape(repair, worker(1, {"a": (1, 11), "b": (1, 5), "c": (9, 7)}))
    assert series_of([first, second], SPEND) == [15, 23]
    assert not first.estimated


def test_a_reset_child_counts_in_full_and_the_others_go_on(known: Catalog) -> None:
    repair = Repair(known, None)
    found = [scrape(repair, worker(1, {"a": (1, a), "b": (1, b)})) for a, b in ((10, 5), (3, 6), (4, 6))]
    assert series_of(found, SPEND) == [15, 19, 20]


def test_created_tells_a_reset_that_the_value_hides(known: Catalog) -> None:
    repair = Repair(known, None)
    found = [scrape(repair, worker(1, {"a": (created, value)})) for created, value in ((1, 10), (7, 12))]
    assert series_of(found, SPEND) == [10, 22]


def test_a_child_that_vanishes_and_returns_goes_on_where_it_was(known: Catalog) -> None:
    repair = Repair(known, None)
    both, alone = worker(1, {"a": (1, 10), "b": (1, 5)}), worker(1, {"b": (1, 6)})
    found = [scrape(repair, both), scrape(repair, alone), scrape(repair, worker(1, {"a": (1, 12), "b": (1, 6)}))]
    assert series_of(found, SPEND) == [15, 16, 18]


def test_a_restart_of_the_target_makes_full_values_increases(known: Catalog) -> None:
    repair = Repair(known, None)
    found = [
        scrape(repair, worker(1, {"a": (1, 10)}, steps_total=4)),
        scrape(repair, worker(50, {"a": (50, 12)}, steps_total=6)),
    ]
    assert series_of(found, SPEND) == [10, 22]
    assert series_of(found, "steps_total") == [4, 6]
    assert not found[1].estimated


def test_totals_that_a_restarted_target_does_not_show_yet_go_on_so_that_no_sum_over_them_falls(known: Catalog) -> None:
    def said(start: float, **models: float) -> dict[Labels, float]:
        spent = {one("spend_total", model=model, user="u"): value for model, value in models.items()}
        return {one(START): start, **spent}

    repair = Repair(known, None)
    scrape(repair, said(100.0, a=9.0, b=4.0))
    nothing = scrape(repair, said(200.0))
    assert read(nothing) == {START: 200.0}
    partly = scrape(repair, said(200.0, a=1.0))
    assert read(partly) == {START: 200.0, 'spend_total{model="a"}': 10.0, 'spend_total{model="b"}': 4.0}
    assert partly.carry is not None
    for later in (repair, Repair(known, partly.carry)):
        again = scrape(later, said(200.0, a=1.0))
        assert read(again) == read(partly)
        both = scrape(later, said(200.0, a=1.0, b=2.0))
        assert read(both) == {START: 200.0, 'spend_total{model="a"}': 10.0, 'spend_total{model="b"}': 6.0}


def test_a_target_that_restarted_while_nobody_watched_begins_all_its_totals_anew(known: Catalog) -> None:
    def said(start: float, **models: float) -> dict[Labels, float]:
        spent = {one("spend_total", model=model, user="u"): value for model, value in models.items()}
        return {one(START): start, **spent}

    carry = scrape(Repair(known, None), said(100.0, a=9.0, b=4.0)).carry
    whole = [read(scrape(Repair(known, carry), said(200.0, a=1.0, b=2.0)))]
    assert whole[0] == {START: 200.0, 'spend_total{model="a"}': 10.0, 'spend_total{model="b"}': 6.0}
    repair = Repair(known, carry)
    partly = [read(scrape(repair, said(200.0, a=1.0))), read(scrape(repair, said(200.0, a=1.0, b=2.0)))]
    assert partly[0] == {START: 200.0, 'spend_total{model="a"}': 1.0}
    assert partly[1] == {START: 200.0, 'spend_total{model="a"}': 1.0, 'spend_total{model="b"}': 2.0}


def test_workers_in_turn_are_added_without_a_jump_and_said_to_be_estimated(known: Catalog) -> None:
    repair = Repair(known, None)
    first = [(1000.0, 1, 3), (10.0, 2, 8), (1003.0, 1, 4), (12.0, 2, 9), (13.0, 2, 9), (1004.0, 1, 3)]
    found = [
        scrape(repair, worker(start, {"a": (start, steps)}, steps_total=steps, busy=busy))
        for steps, start, busy in first
    ]
    assert series_of(found, SPEND) == [1000, 1010, 1013, 1015, 1016, 1017]
    assert series_of(found, "steps_total") == [1000, 10, 13, 15, 16, 17]
    assert increase(series_of(found, "steps_total")) == 1004 + 13
    assert series_of(found, "busy")[3:] == [13, 13, 12]
    assert not found[1].estimated
    assert {"spend_total", "steps_total", "busy"} <= found[2].estimated
    assert read(found[3])[START] == 2


def test_workers_in_turn_are_told_apart_by_created_where_they_give_no_start(known: Catalog) -> None:
    repair = Repair(known, None)
    seen = [(1000.0, 1), (10.0, 2), (1003.0, 1), (12.0, 2), (1004.0, 1)]
    found = []
    for value, created in seen:
        samples = {one("spend_total", user="a"): value, one("spend_created", user="a"): created}
        samples |= {one("steps_total", model="m"): value, one("steps_created", model="m"): created}
        found.append(scrape(repair, samples))
    assert series_of(found, "spend_total") == [1000, 1010, 1013, 1015, 1016]
    steps = series_of(found, 'steps_total{model="m"}')
    assert [after - before for before, after in pairwise(steps[1:])] == [0, 2, 1]
    assert "steps_total" in found[-1].estimated


def test_a_boot_time_that_moves_by_a_second_is_no_restart(known: Catalog) -> None:
    repair = Repair(known, None)
    layout = Layout((one(START), one("spend_total", user="a")))
    found = [repair.apply(layout, np.array(values)) for values in ((100.5, 7.0), (101.5, 8.0), (100.5, 9.0))]
    assert series_of(found, "spend_total") == [7, 8, 9]
    assert not found[-1].estimated


def test_histograms_fold_bucket_by_bucket(known: Catalog) -> None:
    repair = Repair(known, None)
    samples = {one("latency_created", user=user): 1.0 for user in "ab"}
    for user, (low, high) in {"a": (1, 3), "b": (2, 2)}.items():
        samples |= {one("latency_bucket", user=user, le="1.0"): low, one("latency_bucket", user=user, le="+Inf"): high}
        samples |= {one("latency_count", user=user): high, one("latency_sum", user=user): high * 1.5}
    assert read(scrape(repair, samples)) == {
        'latency_bucket{le="1.0"}': 3,
        'latency_bucket{le="+Inf"}': 5,
        "latency_count": 5,
        "latency_sum": 7.5,
    }


def test_of_a_histogram_with_bounds_only_their_buckets_and_the_last_are_kept(known: Catalog) -> None:
    buckets = {"1": 1.0, "2.0": 2.0, "3": 2.0, "4.0": 5.0, "+Inf": 7.0, "oops": 9.0}
    samples = {one("size_bucket", le=le): value for le, value in buckets.items()}
    assert read(scrape(Repair(known, None), {**samples, one("size_sum"): 20.0, one("size_count"): 7.0})) == {
        'size_bucket{le="1"}': 1.0,
        'size_bucket{le="4.0"}': 5.0,
        'size_bucket{le="+Inf"}': 7.0,
        "size_sum": 20.0,
        "size_count": 7.0,
    }


def test_gauges_fold_by_their_aggregation_and_dropped_ones_go(known: Catalog) -> None:
    samples = {
        one("left", user="a"): 9.0,
        one("left", user="b"): 4.0,
        one("secret"): 1.0,
        one("left", user="probe"): 1.0,
    }
    assert read(scrape(Repair(known, None), samples)) == {"left": 4, 'left{user="probe"}': 1}


def test_null_values_are_absent_labels_and_twins_are_one(known: Catalog) -> None:
    samples = {one("steps_total", model="None"): 2.0, one("steps_total"): 3.0, one("share", model="None"): 1.0}
    samples[one("share")] = 0.5
    assert read(scrape(Repair(known, None), samples)) == {"steps_total": 5, "share": 0.75}


def test_kept_values_stay_apart(known: Catalog) -> None:
    repair = Repair(known, None)
    found = read(scrape(repair, worker(1, {"a": (1, 10), "probe": (1, 2), "None": (1, 1)})))
    assert found[SPEND] == 11
    assert found['spend_total{model="m",user="probe"}'] == 2


def test_a_counter_of_one_process_passes_untouched_with_its_reset(known: Catalog) -> None:
    repair = Repair(known, None)
    found = [scrape(repair, {one("steps_total"): value}) for value in (5.0, 9.0, 1.0)]
    assert series_of(found, "steps_total") == [5, 9, 1]
    assert [result.carry for result in found] == [None] * 3


def test_the_layout_stays_the_same_object(known: Catalog) -> None:
    repair = Repair(known, None)
    layout = Layout(tuple(worker(1, {"a": (1, 1)})))
    first, second = (repair.apply(layout, np.array([1.0, value, 1.0])) for value in (1.0, 2.0))
    assert first.layout is second.layout


def test_a_scrape_as_the_one_before_adds_nothing_and_what_follows_counts(known: Catalog) -> None:
    repair = Repair(known, None)
    layout = Layout((one("spend_total", model="m", user="a"), one("spend_total", model="m", user="b"), one("busy")))
    told = [
        read(repair.apply(layout, np.array(values))) for values in ([1.0, 2.0, np.nan],) * 3 + ([1.0, 2.5, 0.0],) * 2
    ]
    spent = text(one("spend_total", model="m"))
    assert [found[spent] for found in told] == [3.0, 3.0, 3.0, 3.5, 3.5]
    assert np.isnan([found[text(one("busy"))] for found in told]).tolist() == [True, True, True, False, False]


def test_not_numbers_and_infinities_add_nothing(known: Catalog) -> None:
    repair = Repair(known, None)
    values = (5.0, float("nan"), float("inf"), 6.0, -3.0, 7.0)
    found = [scrape(repair, worker(1, {"a": (1, value)})) for value in values]
    assert series_of(found, SPEND) == [5, 5, 5, 6, 6, 16]


def test_a_carry_is_given_only_when_something_changed(known: Catalog) -> None:
    repair = Repair(known, None)
    layout = Layout((one(START), one("spend_total", user="a")))
    found = [repair.apply(layout, np.array([1.0, value])) for value in (5.0, 5.0, 6.0)]
    assert [result.carry is not None for result in found] == [True, False, True]


def test_a_corrupt_carry_is_ignored_with_a_warning(known: Catalog, caplog: pytest.LogCaptureFixture) -> None:
    whole = scrape(Repair(known, None), worker(1, {"a": (1, 5)})).carry
    assert whole is not None
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0x10
    for carry in (b"", b"IDR1", b"IDR9" + whole[4:], whole[:-3], bytes(flipped), b"IDR1\xff\xff\xff\xff"):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            found = scrape(Repair(known, carry), worker(1, {"a": (1, 6)}))
        assert series_of([found], SPEND) == [6]
        assert "begin anew" in caplog.text


def test_memory_is_bounded(known: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(increases, "MOST_CHILDREN", 50)
    repair = Repair(known, None)
    for number in range(200):
        scrape(repair, worker(1, {f"user{number}": (number, 1.0)}))
    for number in range(200):
        scrape(repair, worker(1000 + number, {"a": (number, 1.0)}))
    state = repair._increases
    assert len(state.workers) <= increases.MOST_WORKERS
    assert all(len(found.table) <= 60 for found in state.workers.values())


class Account:
    """The slow and obvious way: what every child was last seen at, and what it has grown by in all."""

    def __init__(self) -> None:
        self.seen: dict[tuple[float, str, float], tuple[float, float]] = {}

    def see(self, start: float, child: str, created: float, value: float) -> None:
        grown, last = self.seen.get((start, child, created), (0.0, 0.0))
        self.seen[start, child, created] = (grown + (value - last if value >= last else value), value)

    @property
    def total(self) -> float:
        return sum(grown for grown, _ in self.seen.values())


class Process:
    """A process with counters by user and one plain counter; a user's counter may go and come back new or old."""

    def __init__(self, start: float) -> None:
        self.start = start
        self.users: dict[str, list[float]] = {}
        self.hidden: dict[str, list[float]] = {}
        self.steps = 0.0

    def act(self, action: str, user: str, amount: int, now: float) -> None:
        if action == "vanish" and user in self.users:
            self.hidden[user] = self.users.pop(user)
        elif action == "return" and user in self.hidden and user not in self.users:
            self.users[user] = self.hidden.pop(user)
        elif action == "recreate":
            self.users[user] = [now, float(amount)]
            self.hidden.pop(user, None)
        elif action == "reset" and user in self.users:
            self.users[user][1] = 0.0
        elif user not in self.hidden:
            self.users.setdefault(user, [now, 0.0])[1] += amount
        self.steps += amount

    def samples(self) -> dict[Labels, float]:
        users = {user: (created, value) for user, (created, value) in self.users.items()}
        return worker(self.start, users, steps_total=self.steps, busy=1.0)


ACTIONS = st.sampled_from(["add", "add", "add", "vanish", "return", "recreate", "reset"])
STEP = st.tuples(ACTIONS, st.sampled_from("abc"), st.integers(0, 9), st.integers(0, 1), st.integers(0, 19))


@settings(max_examples=300, deadline=None)
@given(steps=st.lists(STEP, max_size=60), ours=st.booleans())
def test_folded_and_plain_counters_grow_by_what_was_seen(
    known: Catalog, steps: list[tuple[str, str, int, int, int]], ours: bool
) -> None:
    repair, account, plain = Repair(known, None), Account(), Account()
    processes, now = [Process(1.0), Process(2.0)], 10.0
    before: tuple[float, float] | None = None
    emitted: list[float] = []
    carry: bytes | None = None
    for action, user, amount, which, chance in steps:
        now += 1
        if chance == 0:
            processes[which] = Process(now)
        process = processes[which]
        process.act(action, user, amount, now)
        if ours and chance in (1, 2):
            repair = Repair(known, carry)
        for name, (created, value) in process.users.items():
            account.see(process.start, name, created, value)
        plain.see(process.start, "steps", 0.0, process.steps)
        repaired = scrape(repair, process.samples())
        carry = repaired.carry or carry
        found = read(repaired)
        if process.users:
            assert found[SPEND] == account.total
        emitted.append(found["steps_total"])
        # A plain counter passes as it is until workers are known to take turns; from then on it grows by what all grow.
        assert increase(emitted) <= plain.total + (sum(emitted) if ours else 0)
        if repaired.estimated and before is not None and not ours:
            assert emitted[-1] - before[0] == plain.total - before[1]
        before = (emitted[-1], plain.total) if repaired.estimated else None
