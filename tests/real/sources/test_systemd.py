"""The systemd source beside a real systemd --user."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from inferdeck.errors import ConnectError
from inferdeck.model.clock import SystemClock
from inferdeck.model.labels import NAME
from inferdeck.model.target import TargetKey
from inferdeck.sources.interface import Collected
from inferdeck.sources.systemd import manager
from inferdeck.sources.systemd.config import SystemdConfig
from inferdeck.sources.systemd.source import SystemdSource, make
from tests.real.systemd_user import UserManager, user_manager

pytestmark = pytest.mark.real

SECRET = "planted-secret-of-a-unit"
CLIENT = 'import socket,time; s=socket.create_connection(("127.0.0.1",{port})); time.sleep(1000)'
LITELLM = """
[Unit]
Description=gateway

[Service]
EnvironmentFile={folder}/litellm.env
ExecStart=/bin/sh -c 'exec sleep 1000' --config {folder}/litellm.yaml
Restart=always
RestartSec=0
"""


@pytest.fixture(scope="module")
def systemd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UserManager]:
    with user_manager(tmp_path_factory.mktemp("systemd")) as found:
        yield found


def source(found: UserManager, **entry: Any) -> SystemdSource:
    config = SystemdConfig.model_validate({"system": False, "user_bus": found.bus, **entry})
    key = TargetKey("systemd", "here", "default")
    return make(config, None, SystemClock(), key, (("instance", "here"), ("job", "systemd")))


@pytest.fixture
async def watched(systemd: UserManager) -> AsyncIterator[SystemdSource]:
    one = source(systemd)
    yield one
    await one.aclose()


@pytest.fixture(scope="module")
def litellm(systemd: UserManager) -> UserManager:
    old = time.time() - 3600
    for name in ("litellm.env", "litellm.yaml"):
        path = systemd.folder / name
        path.write_text(f"MASTER_KEY={SECRET}\n")
        os.utime(path, (old, old))
    systemd.unit("litellm.service", LITELLM.format(folder=systemd.folder))
    systemd.unit("unrelated.service", "[Service]\nExecStart=/bin/sleep 1000\n")
    systemd.unit("gateway.service", "[Service]\nExecStart=/bin/sh -c 'sleep 1000' vllm serve\n")
    for name in ("litellm", "unrelated", "gateway"):
        systemd.control("start", f"{name}.service")
    return systemd


def values(collected: Collected, metric: str) -> dict[str, float]:
    found = {}
    for series, value in zip(collected.layout.series, collected.values, strict=True):
        labels = dict(series)
        if labels[NAME] == metric and labels.get("state", "active") == "active":
            found[labels["name"]] = float(value)
    return found


def facts(collected: Collected, name: str) -> dict[str, str]:
    return next(dict(fact.facts) for fact in collected.inventory if fact.name == name)


async def until_restarted(one: SystemdSource, seconds: float = 20.0) -> Collected:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        collected = await one.collect(time.time())
        if any(happening.kind == "restart" for happening in collected.happenings):
            return collected
        await asyncio.sleep(0.1)
    raise AssertionError("no restart was seen")


async def test_services_of_the_stack_are_chosen_by_name_and_command(
    litellm: UserManager, watched: SystemdSource
) -> None:
    collected = await watched.collect(time.time())
    names = {fact.name for fact in collected.inventory}
    assert {"litellm.service", "gateway.service"} <= names
    assert "unrelated.service" not in names
    assert not collected.warnings
    assert int(collected.version.split(".")[0]) > 200


async def test_figures_equal_those_of_systemctl(litellm: UserManager) -> None:
    one = source(litellm, units=["litellm", "unrelated*"])
    collected = await one.collect(time.time())
    await one.aclose()
    shown = dict(
        line.split("=", 1)
        for line in litellm.control("show", "litellm.service", "-p", "MainPID,NRestarts,FragmentPath,SubState").split()
    )
    told = facts(collected, "litellm.service")
    assert (told["pid"], told["path"], told["sub"]) == (shown["MainPID"], shown["FragmentPath"], shown["SubState"])
    assert told["state"] == "active"
    assert abs(float(told["started"]) - time.time()) < 600
    assert values(collected, "node_systemd_unit_state") == {"litellm.service": 1.0, "unrelated.service": 1.0}
    assert values(collected, "node_systemd_service_restart_total")["litellm.service"] == float(shown["NRestarts"])
    assert values(collected, "inferdeck_unit_memory_bytes")["litellm.service"] > 0
    assert values(collected, "inferdeck_unit_connections")["litellm.service"] == 0.0
    assert "inferdeck_unit_cpu_seconds_total" in {dict(series)[NAME] for series in collected.layout.series}


async def test_connections_are_those_of_the_units_processes(systemd: UserManager) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = CLIENT.format(port=server.getsockname()[1]).replace('"', '\\"')
        systemd.unit("vllm.service", f'[Service]\nExecStart=/usr/bin/env python3 -c "{code}"\n')
        systemd.control("start", "vllm.service")
        peer, _ = await asyncio.to_thread(server.accept)
        one = source(systemd, units="vllm")
        assert values(await one.collect(time.time()), "inferdeck_unit_connections") == {"vllm.service": 1.0}
        await one.aclose()
        peer.close()
    systemd.control("stop", "vllm.service")


async def test_a_killed_service_is_a_restart_told_once(litellm: UserManager, watched: SystemdSource) -> None:
    first = await watched.collect(time.time())
    before = int(facts(first, "litellm.service")["restarts"])
    os.kill(int(facts(first, "litellm.service")["pid"]), signal.SIGKILL)
    collected = await until_restarted(watched)
    [happening] = [one for one in collected.happenings if one.kind == "restart"]
    assert happening.subject == "litellm.service"
    assert happening.text == "litellm.service: restarted by systemd"
    assert abs(happening.time - time.time()) < 60
    assert facts(collected, "litellm.service")["restarts"] == str(before + 1)
    assert not (await watched.collect(time.time())).happenings


async def test_a_stop_and_a_start_are_told(litellm: UserManager, watched: SystemdSource) -> None:
    await watched.collect(time.time())
    litellm.control("stop", "gateway.service")
    stopped = await watched.collect(time.time())
    # A unit that nothing needs is unloaded when it stops; then it is gone from the list.
    assert all(one.kind == "stop" for one in stopped.happenings)
    litellm.control("start", "gateway.service")
    assert "gateway.service" in {fact.name for fact in (await watched.collect(time.time())).inventory}


@pytest.mark.parametrize("name", ["litellm.yaml", "litellm.env"])
async def test_a_changed_configuration_is_told_without_its_content(
    litellm: UserManager, watched: SystemdSource, name: str
) -> None:
    path = litellm.folder / name
    first = facts(await watched.collect(time.time()), "litellm.service")
    path.write_text(f"MASTER_KEY={SECRET}-{name}\n")
    collected = await watched.collect(time.time())
    now = facts(collected, "litellm.service")
    assert now["config_hash"] != first["config_hash"]
    assert abs(float(now["config_changed"]) - time.time()) < 60
    assert values(collected, "inferdeck_unit_config_changed")["litellm.service"] == 1.0
    [happening] = [one for one in collected.happenings if one.kind == "config_revision"]
    assert first["config_hash"] in happening.text
    assert SECRET not in f"{collected.inventory}{collected.happenings}{collected.layout.series}"
    old = time.time() - 3600
    os.utime(path, (old, old))


async def test_only_reading_methods_are_called(
    litellm: UserManager, watched: SystemdSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dbus_fast.aio import MessageBus

    called = set()
    real = MessageBus.call

    async def recorded(self: MessageBus, message: Any) -> Any:
        called.add((message.interface, message.member))
        return await real(self, message)

    monkeypatch.setattr(MessageBus, "call", recorded)
    await watched.collect(time.time())
    assert called <= manager.READING
    assert called


async def test_where_there_is_no_systemd(tmp_path: Path) -> None:
    config = SystemdConfig.model_validate({"system": False, "user_bus": f"unix:path={tmp_path}/none"})
    one = make(config, None, SystemClock(), TargetKey("systemd", "h", "d"), ())
    with pytest.raises(ConnectError, match="nothing is at"):
        await one.collect(0.0)
    await one.aclose()
