"""A captured stream of events as happenings: in order, each once, from allowed attributes alone."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from inferdeck.model.happening import Happening
from inferdeck.sources import catalog
from inferdeck.sources.docker.happened import Story

SAMPLES = Path(catalog.FOLDER) / "docker/samples"
KEY = "sk-planted0123456789abcdefghijklmnop"


def captured() -> list[Any]:
    raw = gzip.decompress((SAMPLES / "dockerd-20.10.24-events.jsonl.gz").read_bytes())
    return [json.loads(line) for line in raw.splitlines()]


def told(events: list[Any]) -> list[Happening]:
    story = Story("tests/docker/here")
    return [one for event in events for one in story.tell(event)]


def kinds(found: list[Happening], subject: str) -> list[str]:
    return [one.kind for one in found if one.subject == subject]


def test_the_captured_events_of_each_container() -> None:
    found = told(captured())
    assert kinds(found, "crash") == ["create", "start", "die", "restart", "die", "restart", "die"]
    assert kinds(found, "oom") == ["create", "start", "oom", "die"]
    assert kinds(found, "logger")[:6] == ["create", "start", "pause", "unpause", "kill", "kill"]
    assert [one.facts["health"] for one in found if one.kind == "health"] == ["unhealthy", "healthy"]
    assert not [one for one in found if one.kind.startswith(("exec", "attach", "top"))]
    assert {one.source for one in found} == {"tests/docker/here"}
    assert all(one.text.startswith(one.subject) for one in found)


def event(action: str, at: float = 100.0, name: str = "x", image: str = "a:1", **attributes: str) -> dict[str, Any]:
    actor = {"ID": name * 64, "Attributes": {"name": name, "image": image, **attributes}}
    return {"Type": "container", "Action": action, "Actor": actor, "time": int(at), "timeNano": int(at * 1e9)}


def test_what_is_stopped_on_purpose_is_no_restart_after_a_crash() -> None:
    events = [event("start"), event("kill", signal="15"), event("die", exitCode="0"), event("stop"), event("start")]
    assert kinds(told(events), "x") == ["start", "kill", "die", "stop", "start"]
    reloaded = [event("start"), event("kill", signal="1"), event("die", exitCode="2"), event("start")]
    assert kinds(told(reloaded), "x") == ["start", "kill", "die", "restart"]


def test_one_shortage_of_memory_is_one_event() -> None:
    events = [event("oom", 100 + number / 100) for number in range(200)] + [event("oom", 200.0)]
    assert kinds(told(events), "x") == ["oom", "oom"]


def test_another_image_under_the_same_name_is_a_deployment() -> None:
    story = Story("s")
    story.knows("x", "a:1")
    found = [*story.tell(event("create", image="a:2")), *story.tell(event("start", image="a:2"))]
    assert [one.kind for one in found] == ["create", "deployment", "start"]
    assert found[1].facts["image_before"] == "a:1"
    assert found[1].text == "x runs a:2 instead of a:1"


@pytest.mark.parametrize(
    "action", ["start", "die", "health_status: healthy", f"health_status: {KEY}", f"exec_start: sh -c {KEY}"]
)
def test_attributes_that_nobody_allowed_stay_inside(action: str) -> None:
    planted: Any = {"com.example.key": KEY, "exitCode": KEY, "signal": KEY, "image": KEY}
    found = told([event(action, **planted)])
    assert KEY not in repr(found)


@pytest.mark.parametrize("broken", [{}, {"Type": "container"}, {"Action": 1, "Actor": []}, event("start", at=0), None])
def test_what_is_no_event_tells_nothing(broken: Any) -> None:
    assert told([broken]) == []


def test_podman_says_health_in_an_attribute_and_died() -> None:
    found = told([event("health_status", health_status="healthy"), event("died", exitCode="1")])
    assert [one.kind for one in found] == ["health", "die"]


def test_podman_says_restart_before_the_end() -> None:
    events = [event("start"), event("restart"), event("died", exitCode="137"), event("start")]
    assert kinds(told(events), "x") == ["start", "restart", "die", "start"]
    assert kinds(told([*events, event("die", exitCode="3"), event("start")]), "x")[-1] == "restart"
