"""The official client of the Hugging Face Hub against the simulated one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from inferdeck.simulate.servers.hub import TOKEN, build
from tests.unit.simulate.servers.serving import serving
from tests.unit.simulate.servers.told_requests import FLEET, StillWorld

QWEN, LLAMA, GGUF = "Qwen/Qwen3-8B", "meta-llama/Llama-3.3-70B-Instruct", "bartowski/Llama-3.1-8B-GGUF"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(build(None, FLEET, StillWorld())) as url:
        yield url


def api(url: str, token: str | bool = False) -> HfApi:
    return HfApi(endpoint=url, token=token)


def test_model_info_is_parsed(url: str) -> None:
    found = api(url).model_info(QWEN)
    assert (found.id, found.author, found.gated, found.pipeline_tag) == (QWEN, "Qwen", False, "text-generation")
    assert found.safetensors is not None
    assert found.safetensors.total == 8_190_000_000
    assert found.config is not None and found.config["model_type"] == "qwen3"
    assert found.card_data is not None and found.card_data.license == "apache-2.0"
    assert found.created_at is not None and found.last_modified is not None
    assert found.created_at <= found.last_modified
    assert api(url).model_info(QWEN, revision=found.sha).sha == found.sha


def test_blobs_and_expand(url: str) -> None:
    found = api(url).model_info(LLAMA, files_metadata=True)
    assert sum(file.size or 0 for file in found.siblings or [] if file.lfs) == 39_000_000_000
    asked = api(url).model_info(GGUF, expand=["gguf", "downloads"])
    assert asked.gguf is not None and asked.gguf["context_length"] == 8192
    assert (asked.downloads, asked.tags, asked.siblings) == (0, None, None)


def test_models_are_found(url: str) -> None:
    assert {model.id for model in api(url).list_models()} == {QWEN, LLAMA, GGUF}
    assert [model.id for model in api(url).list_models(search="qwen")] == [QWEN]
    assert [model.id for model in api(url).list_models(author="meta-llama", full=True)] == [LLAMA]
    assert [model.id for model in api(url).list_models(filter="gguf", limit=1)] == [GGUF]
    assert api(url).list_repo_files(QWEN) == sorted(
        [".gitattributes", "README.md", "config.json", *(f"model-{n:05d}-of-00004.safetensors" for n in (1, 2, 3, 4))]
    )
    (branch,) = api(url).list_repo_refs(QWEN).branches
    assert branch.target_commit == api(url).model_info(QWEN).sha
    assert {entry.path for entry in api(url).list_repo_tree(QWEN)} == set(api(url).list_repo_files(QWEN))


def test_config_json_is_downloaded(url: str, tmp_path: Path) -> None:
    path = hf_hub_download(QWEN, "config.json", endpoint=url, cache_dir=tmp_path, token=False)
    config = json.loads(Path(path).read_text())
    assert (config["architectures"], config["max_position_embeddings"]) == (["Qwen3ForCausalLM"], 32_768)
    # The cache is laid out by the commit, which the headers named.
    assert str(api(url).model_info(QWEN).sha) in path
    assert hf_hub_download(QWEN, "config.json", endpoint=url, cache_dir=tmp_path, token=False) == path


def test_a_gated_repository_shows_itself_and_keeps_its_files(url: str, tmp_path: Path) -> None:
    assert api(url).model_info(LLAMA).gated == "manual"
    for token, status in ((False, 401), ("hf_stranger", 403)):
        with pytest.raises(GatedRepoError) as refused:
            hf_hub_download(LLAMA, "config.json", endpoint=url, cache_dir=tmp_path, token=token)
        assert refused.value.response.status_code == status
    with pytest.raises(GatedRepoError):
        api(url).auth_check(LLAMA)
    api(url, TOKEN).auth_check(LLAMA)
    path = hf_hub_download(LLAMA, "config.json", endpoint=url, cache_dir=tmp_path, token=TOKEN)
    assert json.loads(Path(path).read_text())["quantization_config"]["quant_method"] == "awq"


def test_what_does_not_exist_has_its_own_error(url: str, tmp_path: Path) -> None:
    for token in (False, TOKEN):
        with pytest.raises(RepositoryNotFoundError):
            api(url, token).model_info("no/such")
    with pytest.raises(RevisionNotFoundError):
        api(url).model_info(QWEN, revision="v9")
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(QWEN, "nothing.json", endpoint=url, cache_dir=tmp_path, token=False)
    with pytest.raises(HfHubHTTPError):
        api(url, "wrong").model_info(QWEN)
    assert api(url, TOKEN).whoami()["name"] == "demo"
