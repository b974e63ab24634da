"""Configuration files: found, read when they change, revisions and events once, routes and drift of what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from inferdeck.config.schema import Settings
from inferdeck.daemon.config_watch import ConfigWatch
from inferdeck.errors import NotFoundError, UsageError
from inferdeck.model.annotations import Asked
from inferdeck.model.clock import ManualClock
from inferdeck.model.happening import Happening
from inferdeck.model.stack import Machine, Socket
from inferdeck.model.target import Fact, TargetState
from inferdeck.query.stack.interface import Wanted
from inferdeck.query.stack.local import LocalStackQuestions
from inferdeck.routing import contents
from inferdeck.store.metrics.memory import MemoryStore
from inferdeck.store.state.database import StateDatabase
from tests.unit.query.stack import around, filled, series, state

NOW = 1_800_000_000.0
LITELLM = """\
model_list:
  - model_name: a
    litellm_params: {model: hosted_vllm/a, api_base: "http://10.0.0.7:8000/v1", api_key: planted-key-1}
  - model_name: new
    litellm_params: {model: openai/new, rpm: 5}
router_settings: {routing_strategy: least-busy, fallbacks: [{a: [new]}]}
"""
RUNNING = state(
    "litellm",
    "g:4000",
    name="main",
    inventory=(
        Fact(
            "deployment",
            "id-a",
            {"model": "a", "litellm_model": "hosted_vllm/a", "api_base": "http://10.0.0.7:8000/v1"},
        ),
        Fact("fallback", "a", {"to": "new", "on": "any error"}),
        Fact("routing", "least-busy", {}),
    ),
)


class Bench:
    """A watch over a folder, with what it told."""

    def __init__(self, folder: Path, *states: TargetState, **settings: object) -> None:
        self.folder = folder
        self.clock = ManualClock(NOW)
        self.states: Sequence[TargetState] = states
        self.machine = Machine()
        self.told: list[Happening] = []
        self.state = StateDatabase.open(folder / "state.db", clock=self.clock)
        given = Settings.model_validate({"data_dir": folder, "auth": {"viewer_token": "own-planted"}, **settings})
        self.watch = ConfigWatch(
            given,
            self.clock,
            self.state,
            lambda: self.states,
            lambda: self.machine,
            lambda _, many: self.told.extend(many),
        )
        self.files = self.watch.questions(lambda: self.states)

    def write(self, name: str, text: str, age: float = 0.0) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        os.utime(path, (NOW - age, NOW - age))
        return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    return tmp_path / "etc"


async def test_a_change_is_one_revision_and_one_event_also_after_a_restart(folder: Path) -> None:
    entries = [{"path": str(folder / "litellm.yaml")}]
    bench = Bench(folder, RUNNING, config_files=entries)
    path = bench.write("litellm.yaml", LITELLM, age=100)
    for _ in range(3):
        await bench.watch.look()
    assert bench.told == []
    bench.write("litellm.yaml", LITELLM.replace("rpm: 5", "rpm: 6") + "# own-planted\n", age=50)
    for _ in range(3):
        await bench.watch.look()
    assert [(one.kind, one.subject, one.facts["file_kind"]) for one in bench.told] == [
        ("config_revision", str(path), "litellm")
    ]
    page = bench.files.file("litellm.yaml")
    assert (page.file.revisions, page.file.changed) == (2, NOW - 50)
    assert "+    litellm_params: {model: openai/new, rpm: 6}" in page.last_change
    assert "planted" not in page.content + page.last_change + repr(bench.state.contents(str(path)))
    assert page.file.hash == page.revisions[0].hash != page.revisions[1].hash
    bench.state.close()
    again = Bench(folder, RUNNING, config_files=entries)
    await again.watch.look()
    assert again.told == []
    again.write("litellm.yaml", LITELLM, age=10)
    await again.watch.look()
    assert len(again.told) == 1
    assert again.state.note([(one, "default") for one in again.told]) == 1
    assert again.state.events(Asked(kind="config_revision")).total == 1
    again.state.close()


async def test_a_touch_is_no_change(folder: Path) -> None:
    bench = Bench(folder, config_files=[{"path": str(folder / "x.yaml")}])
    bench.write("x.yaml", "a: 1\n", age=9)
    await bench.watch.look()
    bench.write("x.yaml", "a: 1\n", age=1)
    await bench.watch.look()
    found = bench.files.file("x.yaml").file
    assert (bench.told, found.revisions, found.modified, found.changed) == ([], 1, NOW - 1, None)
    bench.state.close()


async def test_routes_of_a_file_stand_beside_those_of_the_gateway(folder: Path) -> None:
    bench = Bench(folder, RUNNING, config_files=[{"path": str(folder / "litellm.yaml"), "gateway": "main"}])
    path = bench.write("litellm.yaml", LITELLM)
    await bench.watch.look()
    joined = LocalStackQuestions(MemoryStore(), lambda: around(*bench.states), bench.files.routes)
    found = joined.routes().items
    assert [(one.model, one.origin == str(path)) for one in found] == [("a", True), ("a", False), ("new", True)]
    assert {one.gateway for one in found} == {"g:4000"}
    ids = {one.model: one.deployments[0].id for one in found if one.origin == str(path)}
    assert ids == {"a": "id-a", "new": "litellm.yaml:4"}
    assert [one.origin for one in joined.routes(Wanted({"origin": str(path), "model": "new"})).items] == [str(path)]
    listed = bench.files.files(Wanted({"drift": "differs"})).items[0]
    assert [(one.change, one.key) for one in listed.drift.differences] == [("added", "model_list[1]")]
    assert (listed.routes, listed.gateway, listed.kind) == (2, "g:4000", "litellm")
    bench.state.close()


@pytest.mark.parametrize(("started", "changed"), [(NOW - 60, NOW - 30), (NOW - 20, None), (None, None)])
async def test_a_service_has_the_hash_of_the_file_that_it_runs_from(
    folder: Path, started: float | None, changed: float | None
) -> None:
    bench = Bench(folder, RUNNING, config_files=[{"path": str(folder / "litellm.yaml"), "gateway": "main"}])
    bench.write("litellm.yaml", LITELLM, age=30)
    await bench.watch.look()
    start = series("process_start_time_seconds", job="litellm", instance="g:4000")
    store = filled({start: [started]}) if started is not None else MemoryStore()
    asked = LocalStackQuestions(store, lambda: around(*bench.states), bench.files.routes, bench.files.running)
    (found,) = asked.services().items
    assert found.config_hash == bench.files.file("litellm.yaml").file.hash != ""
    assert found.config_changed.value == changed
    (then,) = asked.services(Wanted(at=NOW - 60)).items
    assert then.config_hash == ""
    bench.state.close()


async def test_which_gateway_is_not_guessed(folder: Path) -> None:
    second = state("litellm", "h:4000", name="second")
    bench = Bench(folder, RUNNING, second, config_files=[{"path": str(folder / "litellm.yaml")}])
    bench.write("litellm.yaml", LITELLM)
    await bench.watch.look()
    drift = bench.files.files().items[0].drift
    assert drift.state == "unknown"
    assert drift.unknown == ("several gateways may run from it (g:4000, h:4000); say which: config_files: gateway",)
    bench.states = ()
    assert bench.files.files().items[0].drift.state == "none"
    bench.state.close()


async def test_mappings_are_read_with_the_providers_beside_them(folder: Path) -> None:
    bench = Bench(folder, config_files=[{"path": str(folder / "model-mappings.yaml")}])
    bench.write("model-mappings.yaml", "exact_matches: {a: {provider: one}}\n")
    bench.write("providers.yaml", "providers: {two: {base_url: http://h:1}}\n")
    await bench.watch.look()
    found = {one.name: one for one in bench.files.files().items}
    assert found["providers.yaml"].origin.startswith("beside ")
    assert found["model-mappings.yaml"].problems == (
        "model-mappings.yaml:1: exact_matches.a.provider: unknown provider; there are two",
    )
    bench.write("providers.yaml", "providers: {one: {base_url: http://h:1}}\n")
    await bench.watch.look()
    assert bench.files.file("model-mappings.yaml").file.problems == ()
    assert bench.files.routes()[0].targets[0].api_base == "http://h:1"
    bench.state.close()


async def test_what_cannot_be_read_says_why(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    names = ["missing.yaml", "litellm-broken.yaml", "litellm-latin.yaml", "large.yaml"]
    entries = [{"path": str(folder / name)} for name in names] + [{"path": str(tmp_path / "folder.yaml")}]
    bench = Bench(folder, config_files=entries)
    bench.write("litellm-broken.yaml", "model_list: [\n  api_key: planted-key-2\n")
    (folder / "litellm-latin.yaml").write_bytes(b"a: \xff\xfe\n")
    (folder / "large.yaml").write_bytes(b"#" * (contents.LARGEST_BYTES + 1))
    os.mkfifo(tmp_path / "pipe.yaml")
    await bench.watch.look()
    found = {one.name: (one.state, one.error) for one in bench.files.files().items}
    assert found["missing.yaml"] == ("missing", f"{folder}/missing.yaml: no such file")
    assert found["litellm-broken.yaml"][0] == "invalid" and "litellm-broken.yaml:" in found["litellm-broken.yaml"][1]
    assert found["litellm-latin.yaml"] == ("invalid", "litellm-latin.yaml:1: is not UTF-8 text")
    assert found["large.yaml"][0] == "unreadable" and "larger than 1 MiB" in found["large.yaml"][1]
    assert found["folder.yaml"][0] == "unreadable"
    assert "planted" not in bench.files.file("litellm-broken.yaml").content
    with pytest.raises(NotFoundError, match="config files"):
        bench.files.file("nowhere")
    with pytest.raises(UsageError, match="there are invalid, missing, read, unreadable"):
        bench.files.files(Wanted({"state": "gone"}))
    bench.state.close()


async def test_units_and_command_lines_name_files(folder: Path) -> None:
    bench = Bench(folder)
    unit = bench.write("vllm.service", "[Service]\nEnvironment=HF_TOKEN=planted-unit\n")
    config = bench.write("serving.yaml", LITELLM)
    program = folder / "litellm"
    program.write_text("import sys, time\nprint('up', flush=True)\ntime.sleep(600)\n")
    command = [sys.executable, str(program), "--port", "4000", "--config", "serving.yaml"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "up\n"
            bench.machine = Machine("box", sockets=(Socket("127.0.0.1", 4000, process.pid, "litellm"),))
            passwd = Fact("unit", "x.service", {"path": "/etc/passwd"})
            bench.states = (
                state("litellm", "127.0.0.1:4000", name="main"),
                state("systemd", "box", inventory=(Fact("unit", "vllm.service", {"path": str(unit)}), passwd)),
                state("docker", "box", inventory=(Fact("unit", "d.service", {"path": str(config)}),)),
            )
            await bench.watch.look()
        finally:
            process.kill()
    found = {one.path: (one.kind, one.origin) for one in bench.files.files().items}
    assert found == {
        str(unit): ("systemd", "unit vllm.service of default/systemd/box"),
        str(config): ("litellm", f"command line of process {process.pid}"),
    }
    assert "planted" not in bench.files.file("vllm.service").content
    unit.write_text("[Service]\n")
    await bench.watch.look()
    assert bench.told == []  # systemd's own source tells of its units
    bench.state.close()
