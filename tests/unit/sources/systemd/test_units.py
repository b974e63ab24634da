"""What a unit's properties and files tell, and what happened between two looks."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from inferdeck.sources import catalog
from inferdeck.sources.systemd import manager, revision, units
from inferdeck.sources.systemd.config import SystemdConfig
from inferdeck.sources.systemd.source import _changes, _since
from inferdeck.sources.systemd.units import UnitState

UNSET = 2**64 - 1
UNIT: dict[str, Any] = {"ActiveState": "active", "SubState": "running", "FragmentPath": "/nowhere/x.service"}
SERVICE: dict[str, Any] = {
    "Type": "simple",
    "Result": "success",
    "MainPID": os.getpid(),
    "NRestarts": 3,
    "ExecMainStartTimestamp": 1_795_228_805_250_000,
    "CPUUsageNSec": 2_500_000_000,
    "MemoryCurrent": 4096,
    "TasksCurrent": UNSET,
}


def state(**changes: Any) -> UnitState:
    return replace(units.read("x.service", "system", UNIT, SERVICE, ()), **changes)


def test_figures_of_a_unit() -> None:
    one = state()
    assert (one.cpu_seconds, one.memory_bytes, one.restarts, one.started) == (2.5, 4096, 3, 1_795_228_805.25)
    assert one.tasks is None
    facts = units.fact(one).facts
    assert (facts["started"], facts["cpu_seconds"], facts["state"]) == ("1795228805.25", "2.5", "active")
    assert "tasks" not in facts
    assert "" not in facts.values()
    states = {dict(own)["state"]: value for name, own, value in units.samples(one) if name == "node_systemd_unit_state"}
    assert states == {"active": 1.0, "activating": 0.0, "deactivating": 0.0, "failed": 0.0, "inactive": 0.0}


def test_the_properties_that_a_real_manager_gives() -> None:
    given = json.loads((Path(catalog.FOLDER) / "systemd/samples/systemd-252-user-service.json").read_text())
    given["service"]["MainPID"] = os.getpid()
    one = units.read("litellm.service", "user", given["unit"], given["service"], ())
    assert (one.state, one.sub, one.type, one.restarts, one.description) == (
        "active",
        "running",
        "simple",
        0,
        "gateway",
    )
    assert one.started is not None
    assert [path.name for path in revision.files(given["unit"], given["service"])] == [
        "litellm.service", "litellm.env", "config.yaml",
    ]  # fmt: skip
    names = {name for name, _, _ in units.samples(one)}
    assert names <= {metric.descriptor.name for metric in catalog.load("systemd").metrics}


def test_what_systemd_does_not_count_is_asked_of_the_processes() -> None:
    one = units.read("x", "system", UNIT, {**SERVICE, "CPUUsageNSec": UNSET, "MemoryCurrent": UNSET}, ())
    assert one.cpu_seconds is not None
    assert one.cpu_seconds > 0
    assert one.memory_bytes is not None
    assert one.memory_bytes > 2**20


def test_a_unit_that_does_not_run_has_no_figures_rather_than_zeros() -> None:
    one = units.read("x", "system", {**UNIT, "ActiveState": "inactive"}, {"MainPID": 0}, ())
    assert (one.started, one.cpu_seconds, one.memory_bytes, one.connections, one.pid) == (None,) * 5


def test_processes_that_are_gone_give_no_figures() -> None:
    one = units.read("x", "user", UNIT, {"MainPID": 2**22 - 3}, ())
    assert (one.connections, one.memory_bytes) == (None, None)


def test_files_that_configure_a_unit(tmp_path: Path) -> None:
    unit = {"FragmentPath": "/a/x.service", "DropInPaths": ["/a/x.service.d/1.conf"], "SourcePath": ""}
    command = ["litellm", "--config", "/etc/litellm.yaml", "--env=/etc/more.env", "/models/big.gguf", "rel.yaml"]
    service = {"EnvironmentFiles": [["/etc/litellm.env", True]], "ExecStart": [["/bin/litellm", command, False]]}
    assert [str(path) for path in revision.files(unit, service)] == [
        "/a/x.service", "/a/x.service.d/1.conf", "/etc/litellm.env", "/etc/litellm.yaml", "/etc/more.env",
    ]  # fmt: skip


def test_a_revision_tells_changes_of_any_file(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b", tmp_path / "absent"]
    assert revision.revision(paths) is None
    paths[0].write_text("x")
    first = revision.revision(paths)
    paths[1].write_text("y")
    second = revision.revision(paths)
    assert first is not None
    assert second is not None
    assert first.hash != second.hash
    assert len(first.hash) == 12
    paths[1].write_text("")
    paths[0].write_text("xy")
    assert revision.revision(paths) not in (first, second)
    os.mkfifo(tmp_path / "pipe")
    assert revision.revision([tmp_path / "pipe"]) is None


@pytest.mark.parametrize(
    ("last", "now", "kinds"),
    [
        ({}, {}, []),
        ({}, {"started": 1_795_228_900.0, "restarts": 4}, ["restart"]),
        ({}, {"started": 1_795_228_900.0}, ["restart"]),
        ({"started": None, "state": "inactive"}, {}, ["start"]),
        ({}, {"started": None, "state": "failed"}, ["stop"]),
        (
            {"revision": revision.Revision("a" * 12, 1.0)},
            {"revision": revision.Revision("b" * 12, 2.0)},
            ["config_revision"],
        ),
        ({"revision": None}, {"revision": revision.Revision("b" * 12, 2.0)}, []),
    ],
)
def test_what_happened_between_two_looks(last: dict[str, Any], now: dict[str, Any], kinds: list[str]) -> None:
    assert [one.kind for one in _changes(state(**last), state(**now), 1_795_229_000.0, "id")] == kinds


@pytest.mark.parametrize(
    ("looks", "text"),
    [
        (({"restarts": 3}, {"restarts": 4}, {"restarts": 4, "started": 1_795_228_900.0}), "restarted by systemd"),
        (({"restarts": 3}, {"restarts": 3}, {"restarts": 3, "started": 1_795_228_900.0}), "restarted"),
        # `systemctl reset-failed` begins the count anew.
        (({"restarts": 3}, {"restarts": 0}, {"restarts": 1, "started": 1_795_228_900.0}), "restarted by systemd"),
    ],
)
def test_a_restart_that_is_counted_before_it_has_happened(looks: tuple[dict[str, Any], ...], text: str) -> None:
    first, second, third = (state(**look) for look in looks)
    kept = _since(first, second)
    assert not list(_changes(first, second, 1_795_229_000.0, "id"))
    assert [one.text for one in _changes(kept, third, 1_795_229_000.0, "id")] == [f"{third.name}: {text}"]


def test_names_without_a_type_are_services() -> None:
    found = SystemdConfig.model_validate({"units": ["litellm", "vllm@*", "x.timer"]})
    assert found.units == ("litellm.service", "vllm@*", "x.timer")
    with pytest.raises(ValidationError, match="not the name of a unit"):
        SystemdConfig.model_validate({"units": ["a b"]})


def test_addresses_of_buses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert manager.user_address() == f"unix:path={tmp_path}/bus"
    assert not manager.present(manager.user_address())
    (tmp_path / "bus").touch()
    assert manager.present(manager.user_address())
    assert manager.present("tcp:host=localhost,port=1")
