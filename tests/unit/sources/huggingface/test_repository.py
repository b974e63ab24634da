"""What the hub's answers say of a repository, and what is kept of it; anything else says nothing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.sources import catalog
from inferdeck.sources.huggingface import cache, repository
from inferdeck.sources.huggingface.cache import Entry
from inferdeck.sources.huggingface.repository import Repository

SAMPLES = Path(catalog.FOLDER) / "huggingface/samples"
KEYS = ("id", "safetensors", "parameters", "I32", "U8", "total", "config", "quantization_config", "bits", "gguf",
        "quant_method", "tags", "siblings", "rfilename", "cardData", "license", "gated", "lastModified", "form",
        "entries", "read", "with_key", "repository", "config_groups", "weights", "num_bits")  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**63 - 1) | st.floats() | st.sampled_from(["a/b", "awq", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=15,
)


def read(name: str) -> Repository:
    found = repository.read(orjson.loads((SAMPLES / name).read_bytes()))
    assert found is not None
    return found


def test_plain_weights() -> None:
    assert read("qwen3-8b.json").facts() == {
        "id": "Qwen/Qwen3-8B", "parameters": "8190735360", "size_bytes": "16381470720", "storage_bytes": "16381517208",
        "licence": "apache-2.0", "pipeline": "text-generation", "library": "transformers", "gated": "false",
        "family": "qwen3", "updated": "1753501753",
        "tags": "transformers,safetensors,qwen3,text-generation,conversational,text-generation-inference,"
        "endpoints_compatible",
    }  # fmt: skip


def test_packed_weights_are_counted_by_what_they_hold() -> None:
    found = read("qwen3-8b-awq.json")
    assert (found.quantization, found.bits, found.estimated) == ("awq", 4, True)
    assert found.parameters == 868_220_928 * 8 + 1_300_233_216
    assert found.parameters == pytest.approx(8.19e9, rel=0.01)
    assert found.size_bytes == 868_220_928 * 4 + 1_300_233_216 * 2
    assert found.facts()["parameters_quality"] == "estimated"


def test_gguf_files_of_several_kinds_have_no_one_quantization() -> None:
    found = read("llama-gguf.json")
    assert (found.parameters, found.context, found.family) == (1_235_814_432, 131_072, "llama")
    assert (found.quantization, found.size_bytes) == ("", None)


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (["m-Q4_K_M.gguf"], "Q4_K_M"),
        (["Q8_0/m-Q8_0-00001-of-00002.gguf", "Q8_0/m-Q8_0-00002-of-00002.gguf"], "Q8_0"),
        (["m.IQ3_XS.gguf"], "IQ3_XS"),
        (["m-f16.gguf"], "F16"),
        (["m-Q4_K_M.gguf", "m-Q5_K_M.gguf"], ""),
        (["m.gguf", "notes-Q4_0.txt"], ""),
    ],
)
def test_the_quantization_of_a_gguf_file_is_in_its_name(files: list[str], wanted: str) -> None:
    found = repository.read({"id": "a/b-GGUF", "siblings": [{"rfilename": file} for file in files]})
    assert found is not None and found.quantization == wanted


@pytest.mark.parametrize(
    ("config", "types", "wanted"),
    [
        ({"quant_method": "gptq", "bits": 8}, {"I32": 100, "F16": 10}, 410),
        ({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 4}}}},
         {"I32": 100}, 800),
        ({"quant_method": "mxfp4"}, {"U8": 100, "BF16": 10}, 210),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, {"U8": 100}, 200),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, {"I8": 100}, 100),
        ({"quant_method": "fp8"}, {"F8_E4M3": 100, "BF16": 10}, 110),
    ],
)  # fmt: skip
def test_every_method_packs_in_its_own_way(config: dict[str, object], types: dict[str, int], wanted: int) -> None:
    found = repository.read(
        {"id": "a/b", "config": {"quantization_config": config}, "safetensors": {"parameters": types, "total": 1}}
    )
    assert found is not None and found.parameters == wanted
    assert found.estimated == (wanted != sum(types.values()))


def test_a_gated_repository_with_a_licence_of_its_own() -> None:
    found = read("llama-gated.json")
    assert (found.gated, found.licence) == ("manual", "llama3.3")


def test_what_was_kept_is_read_again_and_a_broken_file_is_forgotten(tmp_path: Path) -> None:
    names = [path.name for path in SAMPLES.iterdir()]
    entries = {name: Entry(1.5, with_key=True, repository=read(name)) for name in names}
    entries["a/none"] = Entry(2.0, with_key=False, repository=None)
    path = tmp_path / "deep/hub.json"
    cache.save(path, entries)
    assert cache.load(path) == entries
    assert [one.name for one in path.parent.iterdir()] == ["hub.json"]
    for broken in (b"", b"{", b"[]", b'{"form":2,"entries":{}}', path.read_bytes()[:-20]):
        path.write_bytes(broken)
        assert cache.load(path) == {}
    assert cache.load(tmp_path / "none") == {}


@pytest.mark.parametrize(
    ("entry", "with_key", "due"),
    [
        (Entry(1000.0, False, None), False, False),
        (Entry(1000.0, False, None), True, True),
        (Entry(1000.0, True, None), True, False),
        (Entry(1000.0, False, Repository("a/b")), True, False),
        (Entry(-90_000.0, False, Repository("a/b")), False, True),
        (Entry(9e9, False, Repository("a/b")), False, True),
    ],
)
def test_when_an_answer_is_old(entry: Entry, with_key: bool, due: bool) -> None:
    assert entry.is_due(2000.0, 86_400.0, with_key) is due


@given(JSON)
def test_no_answer_is_a_surprise(answer: object) -> None:
    if isinstance(answer, dict):
        found = repository.read(answer)
        if found is not None:
            assert repository.kept(asdict(found)) == found
            assert "" not in found.facts().values()
        repository.kept(answer)
