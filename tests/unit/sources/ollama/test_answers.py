"""Ollama's documented JSON answers as values; anything else says nothing."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.sources import catalog
from inferdeck.sources.ollama import answers
from inferdeck.sources.ollama.answers import Shown

SAMPLES = Path(catalog.FOLDER) / "ollama/samples"
NOW = 1_795_258_800.0
"""2026-11-21T12:00:00+01:00"""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["models", "name", "digest", "size", "size_vram", "details", "expires_at", "capabilities",
                         "model_info", "license", "parameter_size", "context_length", "remote_host", "version"]),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


def body(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def test_the_list_of_models_is_read() -> None:
    qwen, llama, nomic, cloud = answers.models(body("tags.json")) or ()
    assert (qwen.name, qwen.size_bytes, qwen.parameters, qwen.quantization) == (
        "qwen3:8b", 5_225_388_164, 8_200_000_000, "Q4_K_M",
    )  # fmt: skip
    assert (llama.root, llama.quantization) == ("bartowski/Llama-3.2-1B-Instruct-GGUF", "")
    assert (nomic.capabilities, nomic.context, nomic.root) == (("embedding",), 2048, "")
    assert (cloud.remote, cloud.parameters) == ("ollama.com:443", 116_800_000_000)


def test_what_is_in_memory_is_read() -> None:
    nomic, qwen = answers.loaded(body("ps.json"), NOW) or ()
    assert (nomic.stays, nomic.expires, nomic.loading) == (True, None, False)
    assert (qwen.expires, qwen.stays, qwen.model.context) == (NOW + 270.5, False, 4096)
    assert (qwen.memory_bytes, qwen.vram_bytes) == (6_654_289_920, 4_991_176_704)
    [loading] = answers.loaded(body("ps-loading.json"), NOW) or ()
    assert (loading.loading, loading.expires, loading.model.context) == (True, None, None)


def test_details_are_read_without_what_nobody_needs() -> None:
    found = answers.shown(body("show.json"))
    assert found == Shown(8_190_735_360, 40_960, ("completion", "tools", "thinking"), "apache-2.0")
    without = orjson.loads(body("show.json"))
    del without["model_info"]["general.license"]
    assert answers.shown(orjson.dumps(without)).licence == "Apache License"


@pytest.mark.parametrize(("text", "wanted"), [("null", 0), ("[]", 0), ('[{"name": ""}, 7, {"name": "a"}]', 1)])
def test_an_empty_list_is_one_and_an_entry_without_a_name_is_none(text: str, wanted: int) -> None:
    whole = f'{{"models": {text}}}'.encode()
    assert len(answers.models(whole) or ()) == len(answers.loaded(whole, NOW) or ()) == wanted


@pytest.mark.parametrize("text", ["", "Ollama is running", "[]", "{}", '{"error": "x"}'])
def test_another_program_has_no_list(text: str) -> None:
    assert answers.models(text.encode()) is None
    assert answers.loaded(text.encode(), NOW) is None


@given(JSON)
def test_no_answer_is_a_surprise(answer: object) -> None:
    try:
        whole = orjson.dumps(answer)
    except TypeError:
        return  # an integer of more than 64 bits
    answers.version(whole)
    answers.shown(whole)
    for model in answers.models(whole) or ():
        assert model.name
    for one in answers.loaded(whole, NOW) or ():
        assert one.model.name
        assert one.expires is None or one.expires > 0
