"""How things were: states, containers, units, programs on cards and models from their series; what is of now, named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from inferdeck.errors import UsageError
from inferdeck.model.answers import number
from inferdeck.model.labels import Labels
from inferdeck.model.scrape import STALE, Layout, Scrape
from inferdeck.model.stack import Machine, Socket
from inferdeck.model.target import Fact, Health, TargetState
from inferdeck.query.evidence import Facts
from inferdeck.query.figures import Figures
from inferdeck.query.local import LocalQuestions
from inferdeck.query.narrowed import Until
from inferdeck.query.past import facts, moment, targets
from inferdeck.query.stack.interface import Wanted
from inferdeck.query.stack.local import LocalStackQuestions
from inferdeck.store.metrics.memory import MemoryStore
from tests.unit.query.stack import NOW_MS, around, series, state
from tests.unit.query.stack_facts import container, docker, engine, gateway, nvidia, on_card

AT_MS = NOW_MS - 3_600_000
AT = AT_MS / 1000


def told(store: MemoryStore, one: TargetState, values: Mapping[str, object], at_ms: int, **more: float) -> None:
    """Write one scrape of a target. values: name -> value, or -> {labels as pairs: value}."""
    own = {"job": one.key.job, "instance": one.key.instance}
    found: dict[Labels, float] = {}
    for name, value in {**values, **more}.items():
        if isinstance(value, dict):
            found |= {series(name, **own, **dict(pairs)): given for pairs, given in value.items()}
        else:
            assert isinstance(value, int | float)
            found[series(name, **own)] = float(value)
    store.append(Scrape(one.key.id, at_ms, Layout(tuple(found)), np.array(list(found.values()))))


def up(store: MemoryStore, one: TargetState, at_ms: int, value: float = 1.0, seconds: float = 0.02) -> None:
    told(store, one, {"up": value, "scrape_duration_seconds": seconds}, at_ms)


def then(store: MemoryStore, one: TargetState, at_ms: int = AT_MS) -> TargetState:
    """Return a target as it was."""
    (found,) = targets.states(Until(store, at_ms), (one,), at_ms)
    return found


def facts_of(store: MemoryStore, one: TargetState, kind: str, at_ms: int = AT_MS) -> dict[str, dict[str, str]]:
    """Return what a target told by then, by name."""
    reader = Until(store, at_ms)
    (found,) = facts.told(reader, targets.states(reader, (one,), at_ms), at_ms)
    return {fact.name: dict(fact.facts) for fact in found.inventory if fact.kind == kind}


# Which moments there are.


def test_a_moment_to_come_is_refused_and_so_is_one_before_the_calendar() -> None:
    surroundings = around()
    with pytest.raises(UsageError, match="at: the moment is in the future; now it is 2027-01-15T08:00:00Z"):
        moment.seen(MemoryStore(), surroundings, NOW_MS / 1000 + 1)
    with pytest.raises(UsageError, match="at: the moment lies before 1970"):
        moment.seen(MemoryStore(), surroundings, -1.0)
    assert moment.seen(MemoryStore(), surroundings, None).around is surroundings


def test_what_is_said_of_a_time_of_which_nothing_is_known() -> None:
    begun = replace(around().store, oldest=number(7200.0, "seconds"))
    surroundings = replace(around(state("redis", "r:6379")), store=begun)
    seen = moment.seen(MemoryStore(), surroundings, AT, "names are those of now")
    assert seen.past is not None and seen.past.at == AT
    assert seen.past.notes == ("nothing was read in the five minutes up to then", "names are those of now")
    before = moment.seen(MemoryStore(), surroundings, AT - 7200)
    assert before.past is not None
    assert before.past.notes == ("nothing is known of then: the history begins 2027-01-15T06:00:00Z",)


def test_nothing_after_the_moment_is_seen() -> None:
    """A target with samples after it is no clock that was set back."""
    one, store = state("redis", "r:6379"), MemoryStore()
    for minutes, value in ((0, 1.0), (30, 0.0), (60, 0.0)):
        told(store, one, {"up": value, "redis_connected_clients": 10.0 + minutes}, AT_MS + minutes * 60_000)
    figures = Figures(
        Until(store, AT_MS), ("redis_connected_clients",), AT_MS, 300_000, {("redis", "r:6379", "default"): 15}
    )
    assert [row.value for row in figures.last("redis_connected_clients")] == [10.0]
    assert Until(store, AT_MS).select([], AT_MS + 1, NOW_MS) == []
    assert Until(store, AT_MS - 1).series([], 0, NOW_MS) == []


# Targets.


def test_whether_a_target_was_up() -> None:
    one, store = state("vllm", "v:8000", last_error="refused", version="1"), MemoryStore()
    up(store, one, AT_MS - 20_000, seconds=0.5)
    found = then(store, one)
    assert (found.health, found.last_success_ms, found.last_duration_seconds) == (Health.UP, AT_MS - 20_000, 0.5)
    assert (found.last_error, found.next_attempt_ms, found.warnings) == ("", 0, ())
    up(store, one, AT_MS - 5_000, 0.0)
    found = then(store, one)
    assert (found.health, found.last_success_ms) == (Health.DOWN, AT_MS - 20_000)


def test_the_last_success_of_what_was_down_is_found_hours_before() -> None:
    one, store = state("vllm", "v:8000"), MemoryStore()
    up(store, one, AT_MS - 5 * 3_600_000, seconds=0.25)
    up(store, one, AT_MS - 10_000, 0.0)
    found = then(store, one)
    assert (found.health, found.last_success_ms) == (Health.DOWN, AT_MS - 5 * 3_600_000)
    assert found.last_duration_seconds == 0.25


def test_what_was_not_read_then_is_neither_up_nor_down() -> None:
    """Not watched yet, no more, or while the daemon did not run: its last answer says nothing of then."""
    late, ended, gap = state("vllm", "late:1"), state("vllm", "ended:1"), state("vllm", "gap:1")
    store = MemoryStore()
    up(store, late, AT_MS + 15_000)
    up(store, ended, AT_MS - 30_000)
    told(store, ended, {"up": STALE}, AT_MS - 15_000)
    up(store, gap, AT_MS - 400_000)
    assert [then(store, one).health for one in (late, ended, gap)] == [Health.UNKNOWN] * 3
    slow = replace(gap, interval_seconds=3600.0)
    assert then(store, slow).health is Health.UP


def test_what_was_read_less_often_then_is_not_stale_for_that() -> None:
    one, store = state("redis", "r:6379", interval_seconds=5.0), MemoryStore()
    for seconds in (280, 90, 60, 30):
        told(store, one, {"up": 1.0, "redis_memory_used_bytes": 5e6}, AT_MS - seconds * 1000)
    assert then(store, one).interval_seconds == 30.0
    found = LocalQuestions(store, lambda: around(one), Facts).status(AT)
    assert [(cache.memory.quality, cache.memory.age_seconds) for cache in found.caches] == [("measured", 30.0)]
    assert found.services[0].latency.quality != "stale"


# What targets told.

A, B = "aaaaaaaaaaaa", "bbbbbbbbbbbb"


def ran(name: str, identity: str, started: float, word: str = "running", **more: object) -> dict[str, object]:
    """Return the series of a container."""
    own = (("id", f"/docker/{identity}{'0' * 52}"), ("image", "vllm/vllm:v1"), ("name", name))
    return {
        "container_info": {(*own, ("engine", "vllm"), ("model", "m"), ("image_tag", "v1")): 1.0},
        "container_state_status": {
            (*own, ("status", "running")): float(word == "running"),
            (*own, ("status", "exited")): float(word == "exited"),
        },
        "container_state_startedat": {own: started},
        "container_restartcount": {own: 2.0},
        "container_state_oomkilled": {own: 0.0},
        "container_spec_memory_limit_bytes": {own: 8e9},
        **more,
    }


def test_containers_are_those_of_then() -> None:
    """One that was made since is not there, one that is gone is."""
    new = container("new", id=B, pid="77", created=str(AT + 60), started=str(AT + 60))
    one, store = docker("gpu-1", new), MemoryStore()
    told(store, one, {"up": 1.0, **ran("old", A, AT - 500)}, AT_MS)
    found = facts_of(store, one, "container")
    assert found == {
        "old": {
            "id": A,
            "image": "vllm/vllm:v1",
            "image_tag": "v1",
            "engine": "vllm",
            "model": "m",
            "state": "running",
            "restarts": "2",
            "started": f"{AT - 500:.0f}",
            "memory_limit_bytes": "8000000000",
        }
    }


@pytest.mark.parametrize(("begun", "pid"), [(AT - 500, "77"), (AT - 500.5, ""), (AT - 900, "")])
def test_a_process_is_that_of_then_where_its_container_was_not_started_since(begun: float, pid: str) -> None:
    now = container("c", id=A, pid="77", started=f"{AT - 500:.3f}", ports="18000->8000/tcp")
    one, store = docker("gpu-1", now), MemoryStore()
    told(store, one, {"up": 1.0, **ran("c", A, begun)}, AT_MS)
    found = facts_of(store, one, "container")["c"]
    assert found.get("pid", "") == pid
    assert found["ports"] == "18000->8000/tcp"


def test_a_container_that_had_ended_then_has_no_process() -> None:
    now = container("c", id=A, pid="77", started=f"{AT + 500:.3f}", health="healthy")
    one, store = docker("gpu-1", now), MemoryStore()
    told(store, one, {"up": 1.0, **ran("c", A, AT - 500, "exited")}, AT_MS)
    found = facts_of(store, one, "container")["c"]
    assert (found["state"], found["oom_killed"]) == ("exited", "false")
    assert not {"pid", "health"} & set(found)


def test_what_a_docker_told_last_stays_while_it_cannot_be_read() -> None:
    one, store = docker("gpu-1", container("c", id=A)), MemoryStore()
    told(store, one, {"up": 1.0, **ran("c", A, AT - 500)}, AT_MS - 60_000)
    ended = {name: dict.fromkeys(rows, STALE) for name, rows in ran("c", A, 0.0).items() if isinstance(rows, dict)}
    for seconds in (45, 30, 15, 0):
        told(store, one, {"up": 0.0, **ended}, AT_MS - seconds * 1000)
    assert facts_of(store, one, "container")["c"]["state"] == "running"
    surroundings = around(one)
    (found,) = LocalStackQuestions(store, lambda: surroundings).containers(Wanted(at=AT)).items
    assert (found.state, found.age.value, found.age.quality) == ("running", 60.0, "stale")


def test_units_are_those_of_then() -> None:
    now = Fact(
        "unit", "u.service", {"manager": "system", "pid": "9", "started": f"{AT - 50:.6f}", "config_hash": "abc"}
    )
    one, store = state("systemd", "box", inventory=(now,)), MemoryStore()
    own = (("manager", "system"), ("name", "u.service"))
    told(
        store,
        one,
        {
            "up": 1.0,
            "node_systemd_unit_state": {(*own, ("state", "active")): 1.0, (*own, ("state", "failed")): 0.0},
            "node_systemd_unit_start_time_seconds": {own: AT - 50},
            "node_systemd_service_restart_total": {own: 3.0},
            "inferdeck_unit_connections": {own: 4.0},
        },
        AT_MS,
    )
    found = facts_of(store, one, "unit")["u.service"]
    assert (found["state"], found["pid"], found["restarts"], found["connections"]) == ("active", "9", "3", "4")
    assert found["config_hash"] == "abc"
    changed = replace(one, inventory=(Fact("unit", now.name, {**now.facts, "config_changed": f"{AT + 9:.6f}"}),))
    assert "config_hash" not in facts_of(store, changed, "unit")["u.service"]


def test_programs_on_cards_have_the_memory_of_then() -> None:
    own = on_card("U0", 40, memory_bytes="900", unit="gone.service")
    one, store = nvidia("gpu-1", 1, own, on_card("U0", 41, memory_bytes="100")), MemoryStore()
    card = (("UUID", "U0"), ("process", "python3"))
    told(
        store,
        one,
        {"up": 1.0, "gpu_process_memory_bytes": {card: 5e9, (*card, ("unit", "gone.service")): 7e9}},
        AT_MS,
    )
    found = facts_of(store, one, "gpu_process")
    assert {(one.get("pid", ""), one["memory_bytes"], one.get("unit", "")) for one in found.values()} == {
        ("41", "5000000000", ""),
        ("", "7000000000", "gone.service"),
    }


def test_models_of_an_engine_are_those_of_then() -> None:
    one, store = engine("v:8000", "kept", "new"), MemoryStore()
    status = {
        (("model", "kept"), ("status", "loading")): 1.0,
        (("model", "kept"), ("status", "available")): 0.0,
        (("model", "gone"), ("status", "available")): 1.0,
    }
    told(store, one, {"up": 1.0, "llm_model_status": status, "llm_engine_info": {(("version", "0.9"),): 1.0}}, AT_MS)
    assert facts_of(store, one, "model") == {"kept": {"status": "loading"}, "gone": {"status": "available"}}
    reader = Until(store, AT_MS)
    (found,) = facts.told(reader, targets.states(reader, (one,), AT_MS), AT_MS)
    assert found.version == "0.9"


# The answers.


def test_the_status_of_then() -> None:
    one, two, store = state("redis", "r:6379"), state("vllm", "v:8000"), MemoryStore()
    told(store, one, {"up": 1.0, "redis_memory_used_bytes": 5e6}, AT_MS)
    told(store, one, {"up": 1.0, "redis_memory_used_bytes": 9e6}, NOW_MS)
    up(store, two, AT_MS, 0.0)
    asked: list[float | None] = []

    def changes(until: float | None) -> tuple[()]:
        asked.append(until)
        return ()

    questions = LocalQuestions(store, lambda: around(one, two), Facts, changes)
    found = questions.status(AT)
    assert found.time == AT and found.past is not None
    assert {one.id: one.health for one in found.services} == {one.key.id: "up", two.key.id: "down"}
    assert [cache.memory.value for cache in found.caches] == [5e6]
    assert (found.advice, found.found, found.remote_write, found.own.cpu.value) == ((), (), (), None)
    now = questions.status()
    assert now.past is None and [cache.memory.value for cache in now.caches] == [9e6]
    assert asked == [AT, None]


def test_a_deployment_whose_engine_was_down_then() -> None:
    """And one whose engine went down just now, though the joins of before are kept."""
    behind, store = engine("v:8000", "m"), MemoryStore()
    up(store, behind, AT_MS, 0.0)
    surroundings = [around(gateway("g:4000", ("d", "http://v:8000/v1")), behind)]
    asked = LocalStackQuestions(store, lambda: surroundings[0])

    def states(at: float | None = None) -> list[str]:
        return [edge.state for route in asked.routes(Wanted(at=at)).items for edge in route.deployments]

    assert (states(), states(AT), states()) == (["active"], ["down"], ["active"])
    surroundings[0] = around(surroundings[0].states[0], replace(behind, health=Health.DOWN))
    assert states() == ["down"]


def test_a_socket_tells_of_then_where_its_unit_was_not_started_since() -> None:
    """What listens on a port now may be another program than then."""
    store = MemoryStore()
    kept = Fact("unit", "kept.service", {"manager": "system", "pid": "9", "started": f"{AT - 50:.6f}"})
    later = Fact("unit", "later.service", {"manager": "system", "pid": "8", "started": f"{AT + 50:.6f}"})
    one = state("systemd", "box", inventory=(kept, later))
    own = {name: (("manager", "system"), ("name", name)) for name in (kept.name, later.name)}
    values = {
        "node_systemd_unit_state": {(*pairs, ("state", "active")): 1.0 for pairs in own.values()},
        "node_systemd_unit_start_time_seconds": dict.fromkeys(own.values(), AT - 50),
    }
    told(store, one, {"up": 1.0, **values}, AT_MS)
    sockets = tuple(
        Socket("127.0.0.1", 8000 + number, number, "python", unit=unit)
        for number, unit in enumerate(("kept.service", "later.service", ""))
    )
    surroundings = replace(around(one), machine=Machine("box", sockets=sockets, looked=True))
    assert moment.seen(store, surroundings, AT).around.machine.sockets == sockets[:1]
