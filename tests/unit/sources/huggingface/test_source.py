"""The source before the simulated hub, beside the official client, and before a hub that refuses, limits or is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from huggingface_hub import HfApi

from inferdeck.config.targets import TargetFiles
from inferdeck.errors import AuthError, ConnectError, StatusError
from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import get, labels, metric_name
from inferdeck.model.target import Fact, TargetKey
from inferdeck.simulate import scenario
from inferdeck.simulate.servers.hub import TOKEN, build
from inferdeck.sources import catalog
from inferdeck.sources.assembly import Assembly, expand
from inferdeck.sources.http import HttpClient
from inferdeck.sources.huggingface.config import HuggingfaceConfig
from inferdeck.sources.huggingface.repository import EXPAND
from inferdeck.sources.huggingface.source import HuggingfaceSource, is_offline, make
from inferdeck.sources.interface import Collected, FollowsModels, KeepsAnswers
from tests.unit.simulate.servers.serving import serving
from tests.unit.simulate.servers.told_requests import FLEET, StillWorld

SAMPLES = Path(catalog.FOLDER) / "huggingface/samples"
NOW = 1_795_262_400.0
DAY = 86_400.0
QWEN, LLAMA, GGUF = "Qwen/Qwen3-8B", "meta-llama/Llama-3.3-70B-Instruct", "bartowski/Llama-3.1-8B-GGUF"


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)


@dataclass(slots=True)
class Replay:
    """A hub that says given bodies, and what it was asked."""

    status: int = 200
    body: bytes = (SAMPLES / "qwen3-8b.json").read_bytes()
    headers: dict[str, str] = field(default_factory=dict)
    refuses_expand: bool = False
    asked: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    url: str = ""

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        self.asked.append(request.path_qs)
        self.keys.add(request.headers.get("Authorization", ""))
        status = 400 if self.refuses_expand and "expand" in request.query else self.status
        return web.Response(status=status, body=self.body, headers=self.headers, content_type="application/json")

    @property
    def repositories(self) -> list[str]:
        return [path.partition("?")[0].removeprefix("/api/models/") for path in self.asked if "limit=1" not in path]


@asynccontextmanager
async def replaying(**settings: object) -> AsyncIterator[Replay]:
    replay = Replay(**settings)  # type: ignore[arg-type]
    runner = web.ServerRunner(web.Server(replay))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    replay.url = "http://{}:{}".format(*runner.addresses[0][:2])
    try:
        yield replay
    finally:
        await runner.cleanup()


@asynccontextmanager
async def reading(
    url: str, *names: str, clock: ManualClock | None = None, folder: Path | None = None, **settings: object
) -> AsyncIterator[HuggingfaceSource]:
    http = HttpClient()
    config = HuggingfaceConfig.model_validate({"url": url, **settings})
    target = TargetKey("huggingface", "hub:443", "tests")
    source = make(
        config, http, clock or ManualClock(NOW), target, labels({"job": "huggingface", "instance": "hub:443"})
    )
    if folder is not None:
        source.keep_in(folder)
    source.follow(names)
    try:
        yield source
    finally:
        await http.aclose()


def repositories(found: Collected) -> dict[str, Fact]:
    return {fact.name: fact for fact in found.inventory if fact.kind == "repository"}


def values(found: Collected) -> dict[tuple[str, str], float]:
    pairs = zip(found.layout.series, found.values.tolist(), strict=True)
    return {(metric_name(one).removeprefix("huggingface_"), get(one, "repository")): value for one, value in pairs}


def test_it_is_told_what_is_served_and_where_to_keep_it() -> None:
    assert issubclass(HuggingfaceSource, FollowsModels)
    assert issubclass(HuggingfaceSource, KeepsAnswers)
    assert HuggingfaceConfig().url == "https://huggingface.co"


async def test_every_family_is_in_the_catalog_and_every_family_of_it_is_written() -> None:
    written: set[str] = set()
    known = catalog.load("huggingface")
    for name in ("qwen3-8b-awq.json", "llama-gguf.json"):
        async with replaying(body=(SAMPLES / name).read_bytes()) as hub, reading(hub.url, QWEN) as ours:
            found = await ours.collect(NOW)
        for one in found.layout.series:
            metric, _ = known.sample(metric_name(one))
            own = {label for label, _ in one} - {"__name__", "job", "instance"}
            assert metric is not None and own <= set(metric.descriptor.labels), one
            written.add(metric_name(one))
    listed = {metric.descriptor.name for metric in known.metrics}
    assert written == {name for name in listed if name.startswith(("huggingface_", "inferdeck_"))}


async def test_what_the_simulated_hub_says_is_what_its_official_client_reads() -> None:
    with serving(build(None, FLEET, StillWorld())) as url:
        async with reading(url, QWEN, LLAMA, GGUF, "gpt-4o", "/models/x") as ours:
            found = await ours.collect(NOW)
        api, got = HfApi(endpoint=url, token=False), repositories(found)
        assert set(got) == {QWEN, LLAMA, GGUF}
        for name, fact in got.items():
            theirs = api.model_info(name, expand=list(EXPAND))  # type: ignore[arg-type]
            facts = fact.facts
            assert facts["pipeline"] == theirs.pipeline_tag
            assert facts["gated"] == str(theirs.gated).lower()
            assert theirs.card_data is not None and facts["licence"] == theirs.card_data.license
            assert theirs.last_modified is not None
            assert facts["updated"] == str(int(theirs.last_modified.timestamp()))
            assert set(facts["tags"].split(",")) <= set(theirs.tags or ())
            assert facts["storage_bytes"] == str(theirs.used_storage)
            if theirs.gguf:
                assert facts["parameters"] == str(theirs.gguf["total"])
                assert facts["context"] == str(theirs.gguf["context_length"])
            if theirs.safetensors and "parameters_quality" not in facts:
                assert facts["parameters"] == str(theirs.safetensors.total)
            weights = [file.size or 0 for file in api.model_info(name, files_metadata=True).siblings or [] if file.lfs]
            if not theirs.gguf:
                assert int(facts["size_bytes"]) == pytest.approx(sum(weights), rel=0.05)


@pytest.mark.parametrize("name", ["calm-day", "huge-fleet"])
async def test_every_model_of_a_fleet_is_what_the_world_says(name: str) -> None:
    fleet = scenario.named(name).fleet
    models = {one.model.repository: one for one in fleet.engines if one.model.repository.count("/") == 1}
    with serving(build(None, fleet, StillWorld())) as url:
        async with reading(url, *models, requests_per_minute=60) as ours:
            got = repositories(await ours.collect(NOW))
    assert got
    for repository, fact in got.items():
        model = models[repository].model
        assert int(fact.facts["parameters"]) == pytest.approx(model.parameters, rel=0.2)
        assert fact.facts["licence"] == model.licence
        assert fact.facts.get("quantization", "").lower() == model.quantization.lower()
        if "size_bytes" in fact.facts:
            assert int(fact.facts["size_bytes"]) == pytest.approx(model.weights_bytes, rel=0.05)


async def test_a_token_is_shown_and_one_that_is_none_is_said() -> None:
    clock = ManualClock(NOW)
    with serving(build(None, FLEET, StillWorld())) as url:
        async with reading(url, QWEN, key=TOKEN) as ours:
            assert set(repositories(await ours.collect(NOW))) == {QWEN}
        async with reading(url, QWEN, key="sk-planted", clock=clock) as ours:
            with pytest.raises(AuthError, match="check `key`") as refused:
                await ours.collect(clock.now())
            assert ours._asked == 1
            await clock.advance(60.0)
            with pytest.raises(AuthError):
                await ours.collect(clock.now())
            assert ours._asked == 0
    assert "sk-planted" not in str(refused.value)


async def test_a_repository_is_asked_for_once_a_day_also_one_that_is_not_there() -> None:
    clock = ManualClock(NOW)
    with serving(build(None, FLEET, StillWorld())) as url:
        async with reading(url, QWEN, "nobody/nothing", clock=clock) as ours:
            asked = []
            for _ in range(50):
                asked.append((await ours.collect(clock.now())).requests)
                await clock.advance(3600.0)
            found = await ours.collect(clock.now())
    assert [at for at, count in enumerate(asked) if count] == [0, 24, 48]
    assert sum(asked) == 6
    assert values(found)["repositories_absent", ""] == 1
    assert values(found)["repositories", ""] == 1


async def test_only_repositories_are_asked_for_and_few_of_them_in_a_minute() -> None:
    clock = ManualClock(NOW)
    names = [f"org/model-{number}" for number in range(25)]
    async with (
        replaying() as hub,
        reading(hub.url, *names, "gpt-4o", "/data/models/secret", "models/secret", "qwen3:8b", clock=clock) as ours,
    ):
        counts = []
        for _ in range(5):
            found = await ours.collect(clock.now())
            counts.append(found.requests)
            await clock.advance(60.0)
    assert counts == [10, 10, 5, 0, 0]
    assert sorted(hub.repositories) == sorted(names)
    assert hub.keys == {""}


async def test_where_nothing_is_served_the_hub_is_asked_once_whether_it_is_there() -> None:
    clock = ManualClock(NOW)
    async with replaying(body=b"[]") as hub, reading(hub.url, clock=clock) as ours:
        first = await ours.collect(NOW)
        await clock.advance(60.0)
        second = await ours.collect(clock.now())
        ours.follow([QWEN])
        await clock.advance(60.0)
        await ours.collect(clock.now())
    assert hub.asked[0] == "/api/models?limit=1"
    assert (first.requests, second.requests) == (1, 0)
    assert values(first)["reachable", ""] == 1
    assert hub.repositories == [QWEN]


async def test_answers_outlive_a_restart_and_the_hub(tmp_path: Path) -> None:
    async with replaying() as hub, reading(hub.url, QWEN, folder=tmp_path) as ours:
        await ours.collect(NOW)
        url = hub.url
    clock = ManualClock(NOW + 3600)
    async with reading(url, QWEN, clock=clock, folder=tmp_path) as again:
        found = await again.collect(clock.now())
        assert found.requests == 0 and found.withheld is None
        assert repositories(found)[QWEN].facts["read"] == str(int(NOW))
        await clock.advance(DAY)
        found = await again.collect(clock.now())
        assert isinstance(found.withheld, ConnectError)
        assert values(found)["reachable", ""] == 0
        assert repositories(found)[QWEN].facts["licence"] == "apache-2.0", "old, and with its age"
        assert (await again.collect(clock.now())).requests == 0, "not asked again at once"
    async with reading(url, "other/model", clock=clock, folder=tmp_path) as other:
        with pytest.raises(ConnectError, match="connection refused"):
            await other.collect(clock.now())


def test_a_daemon_gives_it_a_folder_of_its_data(tmp_path: Path) -> None:
    config = HuggingfaceConfig(offline=True)
    assembly = Assembly(HttpClient(), ManualClock(NOW), "e", tmp_path)
    (made,) = assembly.of_entry("huggingface", config, expand("huggingface", config, TargetFiles()))
    assert isinstance(made.source, HuggingfaceSource)
    assert made.key.instance == "huggingface.co:443"
    assert made.source._file == tmp_path / "huggingface/huggingface.co.json"


async def test_offline_nothing_is_asked_and_what_was_read_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with replaying() as hub:
        async with reading(hub.url, QWEN, folder=tmp_path) as ours:
            await ours.collect(NOW)
        hub.asked.clear()
        async with reading(hub.url, QWEN, LLAMA, folder=tmp_path, offline=True) as ours:
            found = await ours.collect(NOW + 2 * DAY)
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        async with reading(hub.url, QWEN, folder=tmp_path) as ours:
            same = await ours.collect(NOW + 2 * DAY)
        assert hub.asked == []
    assert set(repositories(found)) == set(repositories(same)) == {QWEN}
    assert values(found)["repositories_waiting", ""] == 1
    assert ("reachable", "") not in values(found)
    assert found.warnings == ("offline: nothing is asked, what was read before is shown",)


@pytest.mark.parametrize(("text", "wanted"), [("1", True), ("ON", True), ("true", True), ("0", False), ("", False)])
def test_the_environment_can_say_offline(text: str, wanted: bool) -> None:
    assert is_offline({"HF_HUB_OFFLINE": text}) is wanted
    assert is_offline({"TRANSFORMERS_OFFLINE": text}) is wanted
    assert not is_offline({})


async def test_nothing_is_asked_before_the_time_that_a_429_names() -> None:
    clock = ManualClock(NOW)
    async with (
        replaying(status=429, headers={"Retry-After": "900"}) as hub,
        reading(hub.url, QWEN, clock=clock) as ours,
    ):
        for _ in range(14):
            with pytest.raises(StatusError, match="left alone for 900 s"):
                await ours.collect(clock.now())
            await clock.advance(60.0)
        assert len(hub.asked) == 1
        hub.status = 200
        await clock.advance(60.0)
        found = await ours.collect(clock.now())
    assert set(repositories(found)) == {QWEN} and found.withheld is None


async def test_a_hub_that_fails_is_asked_less_and_less() -> None:
    clock = ManualClock(NOW)
    async with replaying(status=500) as hub, reading(hub.url, QWEN, LLAMA, clock=clock) as ours:
        for _ in range(61):
            with pytest.raises(StatusError):
                await ours.collect(clock.now())
            await clock.advance(60.0)
    assert len(hub.asked) == 6, "after 1, 3, 7, 15, 31 minutes"


async def test_a_mirror_that_does_not_expand_is_asked_for_everything() -> None:
    async with replaying(refuses_expand=True) as hub, reading(hub.url, QWEN, LLAMA) as ours:
        found = await ours.collect(NOW)
    assert set(repositories(found)) == {QWEN, LLAMA}
    assert ["expand" in path for path in hub.asked] == [True, False, False]


async def test_a_name_that_the_hub_does_not_take_is_no_repository_and_no_failure() -> None:
    async with replaying(status=400) as hub, reading(hub.url, QWEN, LLAMA) as ours:
        found = await ours.collect(NOW)
    assert repositories(found) == {} and found.withheld is None
    assert ["expand" in path for path in hub.asked] == [True, False, True, False]


async def test_a_full_disk_is_said_and_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with replaying() as hub, reading(hub.url, QWEN, folder=tmp_path / "file") as ours:
        found = await ours.collect(NOW)
    assert set(repositories(found)) == {QWEN}
    assert "cannot be kept" in found.warnings[0]


async def test_a_model_that_is_no_longer_served_is_no_longer_shown() -> None:
    async with replaying() as hub, reading(hub.url, QWEN) as ours:
        await ours.collect(NOW)
        ours.follow(["gpt-4o"])
        found = await ours.collect(NOW + 60)
        assert repositories(found) == {}
        ours.follow([QWEN])
        assert (await ours.collect(NOW + 120)).requests == 0
