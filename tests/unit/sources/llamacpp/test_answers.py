"""llama-server's captured JSON answers as values; anything else says nothing."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.sources import catalog
from inferdeck.sources.llamacpp import answers

SAMPLES = Path(catalog.FOLDER) / "llamacpp/samples"


def body(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


@pytest.mark.parametrize("build", ["b11434", "prebuilt"])
def test_props(build: str) -> None:
    found = answers.props(body(f"{build}-props.json"))
    assert found is not None
    assert (found.model, found.context, found.slots, found.sleeping) == ("tiny", 1024, 2, False)
    assert found.file_type == "all F32"


@pytest.mark.parametrize("build", ["b11434", "prebuilt", "with-litellm"])
def test_the_first_model(build: str) -> None:
    assert answers.first_model(body(f"{build}-models.json")) != ""


def test_the_kv_caches_use_of_busy_slots() -> None:
    assert answers.kv_ratio(body("prebuilt-slots-busy.json")) == (150 + 154) / 2048


def test_slots_that_were_never_used_hold_nothing() -> None:
    assert answers.kv_ratio(body("prebuilt-slots-idle.json")) == 0


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b"[1]", b'[{"id":0}]', b'[{"n_ctx":0}]', b'[{"n_ctx":"x"}]'])
def test_slots_that_say_no_size_give_no_ratio(raw: bytes) -> None:
    assert answers.kv_ratio(raw) is None


def test_a_model_without_an_alias_is_known_by_its_file() -> None:
    found = answers.props(b'{"model_path": "/models/llama-3-8b.gguf", "is_sleeping": true}')
    assert found == answers.Props(model="llama-3-8b.gguf", sleeping=True)


def test_the_message_of_an_error() -> None:
    assert answers.error_message(body("health-loading.json")) == "Loading model"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 2**53) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "id", "n_ctx", "error"]), inner)
    ),
)


@given(JSON)
def test_any_json_is_read(value: object) -> None:
    raw = orjson.dumps(value)
    for read in (answers.props, answers.first_model, answers.kv_ratio, answers.error_message):
        read(raw)


@given(st.binary())
def test_any_bytes_are_read(raw: bytes) -> None:
    for read in (answers.props, answers.first_model, answers.kv_ratio, answers.error_message):
        read(raw)
