"""What discovery finds is watched once, gives way to what is configured, and ends when another takes its port."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from inferdeck.config.load import load
from inferdeck.config.targets import TargetFiles
from inferdeck.daemon.watching import FORGET_SECONDS, Watching
from inferdeck.model.clock import ManualClock
from inferdeck.sources import registry
from inferdeck.sources.assembly import Assembly
from inferdeck.sources.discovery import ROUND_SECONDS, Discovery
from inferdeck.sources.http import HttpClient
from inferdeck.sources.listening import Candidate
from inferdeck.sources.presence import Local
from inferdeck.sources.registry import config_classes
from inferdeck.sources.runner import Runner
from inferdeck.sources.writer import SinkWriter
from inferdeck.store.metrics.memory import MemoryStore
from tests.unit.sources.discovery import services
from tests.unit.sources.discovery.services import DETAIL, service
from tests.unit.sources.discovery.test_published import HEADERS, docker, row


class Place:
    """A daemon's watch over a machine whose candidates the test sets; the runner is not started: nothing is read."""

    def __init__(self, watching: Watching, clock: ManualClock) -> None:
        self.watching = watching
        self.clock = clock
        self.candidates: list[Candidate] = []
        self.sockets: list[str] = []
        self.local: list[Local] = []
        self.announced: list[str] = []

    async def look(self, seconds: float = ROUND_SECONDS) -> dict[str, str]:
        """Let a round pass; return the kind by the address of each target."""
        await self.clock.advance(seconds)
        await self.watching._look(self.announced.append)
        return {state.key.instance: state.source_kind for state in self.watching.states()}


@asynccontextmanager
async def machine(folder: Path, config: str = "{}") -> AsyncIterator[Place]:
    file = folder / "inferdeck.yaml"
    file.write_text(config)
    settings = load(path=file, environ={"HOME": str(folder)}, kinds=config_classes())
    clock, http, writer = ManualClock(1e9), HttpClient(), SinkWriter(MemoryStore())
    watching = Watching(settings, Runner(clock, writer), Assembly(http, clock, "e"), clock, 1, TargetFiles())
    place = Place(watching, clock)
    watching._discovery = Discovery(
        clock,
        lambda: list(place.candidates),
        sockets=lambda: list(place.sockets),
        local=[Local("nvidia", "GPUs", lambda: place.local[0].seen() if place.local else "")],
    )
    await watching.add_configured()
    try:
        yield place
    finally:
        await http.aclose()
        writer.close()


HOST = socket.gethostname()


async def test_what_is_found_is_watched_once_and_said_once(tmp_path: Path) -> None:
    async with machine(tmp_path) as place, service(services.VLLM, missing=DETAIL) as vllm:
        place.candidates = [vllm.candidate]
        for _ in range(3):
            assert await place.look() == {HOST: "host", vllm.candidate.address: "vllm"}
        assert place.announced == [f"found vllm at {vllm.candidate.address}"]
        [found] = place.watching.found()
        assert (found.kind, found.watched, found.fix) == ("vllm", True, "")
        missing = {one.kind: one.fix for one in place.watching.not_found()}
        assert "vllm" not in missing
        assert missing["litellm"] == "sources: {litellm: [{url: http://HOST:4000}]}"
        assert missing["nvidia"] == ""
        assert {"host", "huggingface"}.isdisjoint(missing)


async def test_nothing_is_said_to_be_missing_before_the_first_look(tmp_path: Path) -> None:
    async with machine(tmp_path) as place:
        assert place.watching.not_found() == []
        await place.look()
        assert place.watching.not_found()


async def test_another_program_on_the_port_takes_the_place_of_the_old_target(tmp_path: Path) -> None:
    answers = dict(services.VLLM)
    async with machine(tmp_path) as place, service(answers, missing=DETAIL) as one:
        place.candidates = [replace(one.candidate, inode=1)]
        assert (await place.look())[one.candidate.address] == "vllm"
        answers.clear()
        answers.update(services.OLLAMA)
        place.candidates = [replace(one.candidate, inode=2)]
        assert await place.look() == {HOST: "host", one.candidate.address: "ollama"}


async def test_a_program_that_starts_again_keeps_its_target(tmp_path: Path) -> None:
    async with machine(tmp_path) as place, service(services.OLLAMA) as one:
        place.candidates = [replace(one.candidate, inode=1)]
        await place.look()
        before = place.watching._runner.sources()
        place.candidates = []
        await place.look()
        place.candidates = [replace(one.candidate, inode=2)]
        await place.look()
        assert place.watching._runner.sources() == before


async def test_what_is_gone_for_a_day_is_forgotten(tmp_path: Path) -> None:
    async with machine(tmp_path) as place, service(services.OLLAMA) as one:
        place.candidates = [one.candidate]
        await place.look()
        place.candidates = []
        assert one.candidate.address in await place.look(FORGET_SECONDS - 10)
        assert await place.look(20) == {HOST: "host"}
        place.candidates = [one.candidate]
        assert one.candidate.address in await place.look()


async def test_what_is_configured_under_any_name_of_this_machine_is_not_watched_twice(tmp_path: Path) -> None:
    async with service(services.OLLAMA) as one, service(services.OLLAMA) as two, service(services.OLLAMA) as three:
        config = (
            f"sources: {{ollama: [{{url: http://{HOST}:{one.port}}}, {{url: http://localhost:{two.port}}}, "
            f"{{url: http://127.0.0.1:{three.port}, enabled: false}}]}}"
        )
        async with machine(tmp_path, config) as place:
            place.candidates = [each.candidate for each in (one, two, three)]
            assert set(await place.look()) == {HOST, f"{HOST}:{one.port}", f"localhost:{two.port}"}
            assert all(each.watched for each in place.watching.found())


async def test_a_service_that_wants_a_key_says_the_line_until_it_has_one(tmp_path: Path) -> None:
    async with service(services.VLLM_LOCKED, missing=DETAIL) as vllm:
        async with machine(tmp_path) as place:
            place.candidates = [vllm.candidate]
            await place.look()
            [found] = place.watching.found()
            line = f"sources: {{vllm: [{{url: http://{vllm.candidate.address}, key: {{env: VLLM_API_KEY}}}}]}}"
            assert (found.note, found.fix) == (f"vLLM at {vllm.candidate.address} needs a key", line)
        async with machine(tmp_path, line.replace("{env: VLLM_API_KEY}", "sk-given")) as place:
            place.candidates = [vllm.candidate]
            await place.look()
            [found] = place.watching.found()
            assert (found.watched, found.note, found.fix) == (True, "", "")


async def test_a_container_gives_its_name_and_the_engine_is_watched(tmp_path: Path) -> None:
    path = str(tmp_path / "docker.sock")
    rows: list[object] = []
    async with (
        machine(tmp_path) as place,
        service(services.VLLM, missing=DETAIL) as vllm,
        docker(tmp_path, rows, HEADERS),
    ):
        rows.append(row("vllm-a", (vllm.port, 8000)))
        place.sockets = [path]
        assert await place.look() == {HOST: "host", path: "docker", vllm.candidate.address: "vllm"}
        names = {state.source_kind: state.name for state in place.watching.states()}
        assert names["vllm"] == "vllm-a"


async def test_an_engine_that_is_configured_without_an_address_is_not_watched_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "docker.sock")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    async with machine(tmp_path, "sources: {docker: [{}]}") as place, docker(tmp_path, [], HEADERS):
        place.sockets = [path]
        await place.look()
        assert [state.source_kind for state in place.watching.states()].count("docker") == 1


async def test_what_is_of_this_machine_is_watched_without_an_address(tmp_path: Path) -> None:
    async with machine(tmp_path) as place:
        place.local = [Local("nvidia", "GPUs", lambda: "seen")]
        for _ in range(2):
            await place.look()
        assert sorted(state.source_kind for state in place.watching.states()) == ["host", "nvidia"]
        assert place.watching.found()[0].watched


async def test_a_kind_without_a_source_is_shown_and_not_watched(tmp_path: Path) -> None:
    kinds = dict(registry.KINDS)
    async with machine(tmp_path) as place, service(services.OLLAMA) as one:
        place.candidates = [one.candidate]
        del registry.KINDS["ollama"]
        try:
            assert await place.look() == {HOST: "host"}
            [found] = place.watching.found()
        finally:
            registry.KINDS.clear()
            registry.KINDS.update(kinds)
        assert (found.kind, found.watched) == ("ollama", False)
        assert (await place.look())[one.candidate.address] == "ollama", "watching begins when there is a source"
