"""Rounds of discovery: what comes, goes and changes; what is one service though it shows twice; what a round costs."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from inferdeck.model.clock import ManualClock
from inferdeck.sources import probing
from inferdeck.sources.discovery import MOST_AT_A_LOOK, ROUND_SECONDS, Discovery, place
from inferdeck.sources.listening import Candidate
from inferdeck.sources.presence import Local, local
from tests.unit.sources.discovery import services
from tests.unit.sources.discovery.services import DETAIL, service
from tests.unit.sources.discovery.test_published import HEADERS, docker, row


class Rounds:
    """A machine whose candidates the test sets, and the rounds over it."""

    def __init__(self, *candidates: Candidate, **options: object) -> None:
        self.clock = ManualClock(1.8e9)
        self.candidates = list(candidates)
        self.discovery = Discovery(self.clock, lambda: list(self.candidates), **options)  # type: ignore[arg-type]

    async def next(self, minutes: int = 1) -> list[tuple[str, str]]:
        await self.clock.advance(minutes * ROUND_SECONDS)
        return [(one.kind, one.url) for one in await self.discovery.look()]


async def test_what_comes_and_goes_is_found_and_forgotten() -> None:
    async with service(services.VLLM, missing=DETAIL) as vllm, service(services.OLLAMA) as ollama:
        rounds = Rounds()
        assert await rounds.next() == []
        assert rounds.discovery.looked
        rounds.candidates = [vllm.candidate]
        assert await rounds.next() == [("vllm", f"http://127.0.0.1:{vllm.port}")]
        rounds.candidates = [vllm.candidate, ollama.candidate]
        assert [kind for kind, _ in await rounds.next()] == ["ollama", "vllm"]
        rounds.candidates = [ollama.candidate]
        assert [kind for kind, _ in await rounds.next()] == ["ollama"]
        assert [one.kind for one in rounds.discovery.answers(())] == ["ollama"]


async def test_a_port_that_changes_its_program_is_asked_anew() -> None:
    async with service(services.VLLM, missing=DETAIL) as found:
        before = replace(found.candidate, inode=1)
        rounds = Rounds(before)
        assert [kind for kind, _ in await rounds.next()] == ["vllm"]
        asked = len(found.asked)
        await rounds.next()
        assert len(found.asked) == asked
        rounds.candidates = [replace(before, inode=2)]
        await rounds.next()
        assert len(found.asked) == 2 * asked


async def test_three_hundred_known_sockets_are_not_asked_again() -> None:
    async with AsyncExitStack() as stack:
        running = [await stack.enter_async_context(service(services.OLLAMA)) for _ in range(5)]
        odd = [Candidate("127.0.0.1", 1, inode=number) for number in range(295)]
        rounds = Rounds(*(replace(one.candidate, inode=1000 + one.port) for one in running), *odd)
        while not rounds.discovery.looked:
            await rounds.next(0)
        assert len(await rounds.next(0)) == 5
        asked = [len(one.asked) for one in running]
        for _ in range(10):
            assert len(await rounds.next()) == 5
        assert [len(one.asked) for one in running] == asked


async def test_one_look_asks_so_many_and_those_on_well_known_ports_first() -> None:
    ports = [*range(1, 61), 4000, 6379]
    rounds = Rounds(*(Candidate("127.0.0.9", port) for port in ports))
    await rounds.next()
    assert (rounds.discovery.more, rounds.discovery.looked) == (True, False)
    assert len(rounds.discovery._known) == MOST_AT_A_LOOK
    assert {4000, 6379} <= {known.candidate.port for known in rounds.discovery._known.values()}
    await rounds.next(0)
    assert (rounds.discovery.more, rounds.discovery.looked) == (False, True)
    assert len(rounds.discovery._known) == len(ports)


async def test_one_program_on_two_ports_is_one_service() -> None:
    async with service(services.PROMETHEUS) as one, service(services.PROMETHEUS) as two:
        mine = [replace(each.candidate, pid=7, process="prometheus", inode=each.port) for each in (one, two)]
        rounds = Rounds(*mine)
        first, second = sorted(each.port for each in (one, two))
        assert await rounds.next() == [("prometheus", f"http://127.0.0.1:{first}")]
        notes = {each.address: each.note for each in rounds.discovery.answers(())}
        assert notes[f"127.0.0.1:{second}"] == f"the same service as 127.0.0.1:{first}"
        rounds.candidates = [replace(each, process="python3") for each in mine]
        assert len(await rounds.next()) == 2, "one Python may well serve two"


async def test_an_engine_with_its_containers(tmp_path: Path) -> None:
    path = str(tmp_path / "docker.sock")
    async with service(services.VLLM, missing=DETAIL) as vllm:
        rows = [row("vllm-a", (vllm.port, 8000))]
        async with docker(tmp_path, rows, HEADERS) as asked:
            proxy = replace(vllm.candidate, process="docker-proxy", pid=3, inode=4)
            rounds = Rounds(proxy, sockets=lambda: [path])
            assert await rounds.next() == [("docker", f"unix://{path}"), ("vllm", f"http://127.0.0.1:{vllm.port}")]
            [_, found] = rounds.discovery.answers({place(f"unix://{path}")})
            assert (found.container, found.process) == ("vllm-a", "docker-proxy")
            rounds.candidates = []
            assert ("vllm", f"http://127.0.0.1:{vllm.port}") in await rounds.next(), "the port map is enough"
        assert all(line.startswith("GET /containers/json ") for line in asked)
        assert len(asked) == 2
        await rounds.next()
        [engine] = rounds.discovery.answers(())
        assert "nothing answers" in engine.note


async def test_an_engine_on_a_port_beside_its_socket_is_not_doubled(tmp_path: Path) -> None:
    version = '{"Version":"29.0","ApiVersion":"1.52","MinAPIVersion":"1.44","Os":"linux"}'
    answers = {"/version": (200, services.JSON, version)}
    async with service(answers, extra=HEADERS) as tcp:
        rounds = Rounds(tcp.candidate)
        assert await rounds.next() == [("docker", f"http://127.0.0.1:{tcp.port}")]
        async with docker(tmp_path, [], HEADERS):
            rounds = Rounds(tcp.candidate, sockets=lambda: [str(tmp_path / "docker.sock")])
            assert await rounds.next() == [("docker", f"unix://{tmp_path}/docker.sock")]
    async with service(answers) as stranger:
        assert await Rounds(stranger.candidate).next() == [], "a form without the headers is one mark"


async def test_what_this_machine_has_is_found_without_an_address() -> None:
    def broken() -> str:
        raise RuntimeError("a driver of its own kind")

    rounds = Rounds(
        local=(Local("nvidia", "GPUs", lambda: "seen"), Local("systemd", "s", str), Local("logs", "l", broken))
    )
    assert await rounds.next() == [("nvidia", "")]
    [one] = rounds.discovery.answers((), {"nvidia"})
    assert (one.kind, one.marks, one.watched) == ("nvidia", ("seen",), True)


def test_systemd_and_the_journal_show_by_their_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert {one.kind: one.seen() for one in local({}, tmp_path) if one.kind != "nvidia"} == {"systemd": "", "logs": ""}
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    (tmp_path / "run/log/journal/abc").mkdir(parents=True)
    told = {"LITELLM_LOG_SOURCE": "tail -n 40 /var/log/litellm.log"}
    assert all(one.seen() for one in local(told, tmp_path) if one.kind != "nvidia")


async def test_services_are_asked_beside_each_other_but_not_all_at_once() -> None:
    open_now: list[int] = [0]
    most: list[int] = [0]

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now[0] += 1
        most[0] = max(most[0], open_now[0])
        await asyncio.sleep(0.2)
        open_now[0] -= 1
        writer.close()

    async with AsyncExitStack() as stack:
        starting = [asyncio.start_server(silent, "127.0.0.1", 0) for _ in range(40)]
        servers = [await stack.enter_async_context(await one) for one in starting]
        rounds = Rounds(*(Candidate("127.0.0.1", one.sockets[0].getsockname()[1]) for one in servers))
        await rounds.next()
    assert 1 < most[0] <= probing.AT_ONCE


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:4000/x", "127.0.0.1:4000"),
        ("http://[::1]:4000", "127.0.0.1:4000"),
        ("redis://127.0.0.1", "127.0.0.1:6379"),
        ("https://a.example", "a.example:443"),
        ("a:9", "a:9"),
        ("http://[", "http://["),
        ("http://thishost:4000", "127.0.0.1:4000"),
        ("http://10.0.0.5:4000", "127.0.0.1:4000"),
        ("unix:///var/run/docker.sock", "unix:/run/docker.sock"),
    ],
)
def test_places_are_compared_by_address(url: str, expected: str) -> None:
    assert place(url, {"thishost", "10.0.0.5"}) == expected
