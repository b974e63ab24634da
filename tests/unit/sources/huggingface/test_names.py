"""Which served names are asked about: repositories, and never a path or a name that anything may have."""

from __future__ import annotations

import pytest
from huggingface_hub.utils._validators import validate_repo_id
from hypothesis import example, given
from hypothesis import strategies as st

from inferdeck.sources.huggingface import names


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Qwen/Qwen3-8B", "Qwen/Qwen3-8B"),
        ("mistralai/Mistral-7B-Instruct-v0.3", "mistralai/Mistral-7B-Instruct-v0.3"),
        ("hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M", "bartowski/Llama-3.2-1B-Instruct-GGUF"),
        ("https://huggingface.co/Qwen/Qwen3-8B@main", "Qwen/Qwen3-8B"),
        ("gpt-4o", ""),
        ("qwen3:8b", ""),
        ("mannix/llama3.1:8b", ""),
        ("", ""),
        ("/data/models/qwen3", ""),
        ("./qwen/qwen3", ""),
        ("../models/qwen3", ""),
        ("~/models/qwen3", ""),
        ("models/qwen3-8b", ""),
        ("data/Qwen3", ""),
        ("qwen/model.gguf", ""),
        ("a/b/c", ""),
        ("C:\\models\\qwen", ""),
        ("user/na me", ""),
        ("user/name--secret", ""),
        ("user/..", ""),
        ("user/name\nHost: x", ""),
        ("user/name?token=x", ""),
        ("https://user:secret@host/a/b", ""),
        ("s3://bucket/key", ""),
    ],
)
def test_what_is_a_repository(name: str, wanted: str) -> None:
    assert names.repository(name) == wanted


@given(st.text(max_size=30) | st.from_regex(r"[A-Za-z0-9._-]{1,12}/[A-Za-z0-9._-]{1,12}", fullmatch=True))
@example("a/b.git")
@example("a/-b")
@example("0./0")
@example("a/" + "b" * 97)
def test_what_we_take_for_a_repository_the_official_client_takes_too(name: str) -> None:
    if found := names.repository(name):
        validate_repo_id(found)
        assert found.count("/") == 1


def test_names_that_differ_in_case_alone_are_one_and_their_number_is_bounded() -> None:
    assert names.repositories(["qwen/qwen3-8b", "Qwen/Qwen3-8B", "gpt-4o", ""]) == ("Qwen/Qwen3-8B",)
    assert len(names.repositories(f"a/b{number}" for number in range(5000))) == names.MOST_NAMES
