"""The simulated hub: what its routes say, without its client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from inferdeck.simulate.events import Phase
from inferdeck.simulate.fleet import EngineModel
from inferdeck.simulate.servers.hub import Hub, build
from inferdeck.simulate.servers.hub.repository import Repository
from tests.unit.simulate.servers.serving import ask, serving
from tests.unit.simulate.servers.told_requests import FLEET, NOON, StillWorld, play

QWEN, LLAMA, GGUF = "Qwen/Qwen3-8B", "meta-llama/Llama-3.3-70B-Instruct", "bartowski/Llama-3.1-8B-GGUF"


def hub() -> Hub:
    made = build(None, FLEET, StillWorld())
    old, new = NOON - 40 * 86_400, NOON - 60
    play(
        made,
        [Phase(old, "engine-1", "download"), Phase(new, "engine-1", "download"), Phase(new, "engine-1", "weights")],
    )
    return made


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(hub()) as url:
        yield url


def test_downloads_are_how_often_engines_loaded_the_model(url: str) -> None:
    found = ask(f"{url}/api/models/{QWEN}").json
    assert found["downloads"] == 1
    assert ask(f"{url}/api/models/{QWEN}?expand[]=downloadsAllTime").json["downloadsAllTime"] == 2


def test_expand_gives_what_is_asked_for_and_nothing_else(url: str) -> None:
    found = ask(f"{url}/api/models/{QWEN}?expand=safetensors&expand=gated").json
    assert set(found) == {"_id", "id", "safetensors", "gated"}
    assert found["safetensors"] == {"parameters": {"BF16": 8_190_000_000}, "total": 8_190_000_000}
    assert ask(f"{url}/api/models/{QWEN}?expand=everything").status == 400


def test_packed_weights_count_as_words(url: str) -> None:
    found = ask(f"{url}/api/models/{LLAMA}").json
    types = found["safetensors"]["parameters"]
    assert types["I32"] * 4 + types["F16"] * 2 == pytest.approx(3.9e10)
    assert types["I32"] * 8 + types["F16"] == pytest.approx(7.06e10)
    assert found["safetensors"]["total"] < 2e10
    assert found["config"]["quantization_config"]["quant_method"] == "awq"
    assert "awq" in found["tags"]


def test_a_gguf_repository_has_one_file_and_no_safetensors(url: str) -> None:
    found = ask(f"{url}/api/models/{GGUF}?blobs=true").json
    assert "safetensors" not in found
    assert found["gguf"] == {"total": 8_030_000_000, "architecture": "llama", "context_length": 8192}
    (weights,) = [file for file in found["siblings"] if "lfs" in file]
    assert (weights["rfilename"], weights["size"]) == ("Llama-3.1-8B-Q4_K_M.gguf", 4_900_000_000)
    assert found["usedStorage"] == 4_900_000_000


def test_the_files_weigh_what_the_model_weighs(url: str) -> None:
    siblings = ask(f"{url}/api/models/{LLAMA}?blobs=1").json["siblings"]
    shards = [file for file in siblings if "lfs" in file]
    assert sum(file["size"] for file in shards) == 39_000_000_000
    assert len(shards) == 8
    assert [file["path"] for file in ask(f"{url}/api/models/{LLAMA}/tree/main").json] == [
        s["rfilename"] for s in siblings
    ]


def test_who_has_the_answer_gets_304(url: str) -> None:
    for path in (f"/api/models/{QWEN}", f"/{QWEN}/resolve/main/config.json"):
        tag = ask(url + path).headers["ETag"]
        assert ask(url + path, If_None_Match=tag).status == 304


@pytest.mark.parametrize(
    ("path", "token", "status", "code"),
    [
        ("/api/models/no/such", None, 401, "RepoNotFound"),
        ("/api/models/no/such", "hf_other", 404, "RepoNotFound"),
        (f"/api/models/{QWEN}", "wrong", 401, None),
        (f"/api/models/{QWEN}/revision/v9", None, 404, "RevisionNotFound"),
        (f"/{QWEN}/resolve/main/nothing.json", None, 404, "EntryNotFound"),
        (f"/{LLAMA}/resolve/main/config.json", None, 401, "GatedRepo"),
        (f"/{LLAMA}/resolve/main/config.json", "hf_other", 403, "GatedRepo"),
        (f"/{LLAMA}/resolve/main/config.json", "hf_demo", 200, None),
        (f"/api/models/{LLAMA}", None, 200, None),
        ("/api/models?limit=x", None, 400, None),
        ("/api/models?cursor=x", None, 400, None),
        ("/api/models?sort=size", None, 400, None),
    ],
)
def test_every_refusal_has_its_status_and_code(
    url: str, path: str, token: str | None, status: int, code: str | None
) -> None:
    answer = ask(url + path, Authorization=f"Bearer {token}") if token else ask(url + path)
    assert (answer.status, answer.headers.get("X-Error-Code")) == (status, code)


def test_a_search_is_paged_by_its_link(url: str) -> None:
    first = ask(f"{url}/api/models?limit=2&sort=downloads")
    assert first.json[0]["id"] == QWEN
    link = re.fullmatch(r'<(.+)>; rel="next"', first.headers["Link"])
    assert link
    second = ask(link[1])
    assert len(second.json) == 1
    assert "Link" not in second.headers
    assert "siblings" not in second.json[0]
    assert "siblings" in ask(f"{url}/api/models?full=true").json[0]
    assert [one["id"] for one in ask(f"{url}/api/models?gated=true").json] == [LLAMA]


@pytest.mark.parametrize(
    ("quantization", "method"), [("gptq-int4", "gptq"), ("fp8", "fp8"), ("", None), ("nvfp4", "nvfp4")]
)
def test_quantization_is_named(quantization: str, method: str | None, tmp_path: Path) -> None:
    made = Repository(EngineModel("m", 9e9, 8e9, quantization=quantization, repository="a/b"), gguf=False)
    assert (made.quantization() or {}).get("quant_method") == method
    weights = made.safetensors()
    assert weights and weights["total"] == sum(weights["parameters"].values())
