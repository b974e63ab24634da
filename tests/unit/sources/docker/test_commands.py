"""What a command line says of an engine, and that nothing else comes out of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.sources.docker import commands

KEY = "sk-planted0123456789abcdefghijklmnop"

CASES = [
    (["vllm", "serve", "Qwen/Qwen3-8B"], "vllm", "Qwen/Qwen3-8B", ""),
    (["vllm", "serve", "--port", "8001", "--model", "Qwen/Qwen3-8B"], "vllm", "Qwen/Qwen3-8B", "8001"),
    (["/opt/venv/bin/vllm", "serve", "a/b", "--served-model-name", "chat", "--port=9"], "vllm", "chat", "9"),
    (
        ["python3", "-m", "vllm.entrypoints.openai.api_server", "--model=a/b", "--served-model-name=chat,other"],
        "vllm",
        "chat",
        "",
    ),
    (["vllm", "serve", "--api-key", KEY, "--model", "a/b"], "vllm", "a/b", ""),
    (["vllm", "serve", KEY], "vllm", "", ""),
    (["vllm", "serve", "/models/qwen3"], "vllm", "/models/qwen3", ""),
    (["vllm", "serve", "--model", "https://u:p@host/x?token=1"], "vllm", "", ""),
    (["python3", "-m", "sglang.launch_server", "--model-path", "a/b", "--port", "30000"], "sglang", "a/b", "30000"),
    (["text-generation-launcher", "--model-id", "a/b", "--port", "80"], "tgi", "a/b", "80"),
    (["/app/llama-server", "-m", "/models/qwen.gguf", "--port", "8080"], "llamacpp", "qwen.gguf", "8080"),
    (["llama-server", "-hf", "ggml-org/gemma-3-1b-it-GGUF"], "llamacpp", "ggml-org/gemma-3-1b-it-GGUF", ""),
    (["llama-server", "-m", "/models/q.gguf", "--alias", "qwen"], "llamacpp", "qwen", ""),
    (["/bin/ollama", "serve"], "ollama", "", ""),
    (["sh", "-c", f"export HF_TOKEN={KEY}; exec vllm serve a/b --served-model-name chat; true"], "vllm", "chat", ""),
    (["/bin/bash", "-ec", 'vllm serve "$MODEL" --port 80'], "vllm", "", "80"),
    (["bash", "-c", "echo 'open"], "", "", ""),
    (["nginx", "-g", "daemon off;"], "", "", ""),
    (["python", "-m", "http.server", "--model", "x"], "", "", ""),
]


@pytest.mark.parametrize(("command", "engine", "model", "port"), CASES)
def test_engine_model_and_port_of_a_command(command: list[str], engine: str, model: str, port: str) -> None:
    assert commands.engine(command, "") == engine
    assert commands.model(engine, command, {}) == model
    assert commands.port(engine, command) == port


@pytest.mark.parametrize(
    ("repository", "engine"),
    [
        ("vllm/vllm-openai", "vllm"),
        ("registry.example:5000/mirror/vllm-openai", "vllm"),
        ("vllm-fake", "vllm"),
        ("rocm/vllm", "vllm"),
        ("lmsysorg/sglang", "sglang"),
        ("ghcr.io/huggingface/text-generation-inference", "tgi"),
        ("ghcr.io/ggml-org/llama.cpp", "llamacpp"),
        ("ollama/ollama", "ollama"),
        ("vllm/vllm-router", ""),
        ("lmsysorg/sglang-router", ""),
        ("ghcr.io/open-webui/open-webui", ""),
        ("someone/ollama-exporter", ""),
        ("ghcr.io/huggingface/text-embeddings-inference", ""),
        ("redis", ""),
    ],
)
def test_an_engine_is_known_by_its_image_where_its_program_is_not(repository: str, engine: str) -> None:
    assert commands.engine(["/docker-entrypoint.sh"], repository) == engine


def test_a_model_may_stand_in_the_environment() -> None:
    assert commands.model("tgi", ["text-generation-launcher"], {"MODEL_ID": "a/b"}) == "a/b"
    environment = {"LLAMA_ARG_MODEL": "/models/x.gguf", "LLAMA_ARG_ALIAS": "chat"}
    assert commands.model("llamacpp", ["/app/llama-server"], environment) == "chat"
    assert commands.model("tgi", [], {"MODEL_ID": KEY}) == ""


@given(
    st.lists(st.sampled_from(["vllm", "serve", "--model", "--port", "-m", "sh", "-c", KEY, f"--api-key={KEY}", "a;b"]))
)
def test_a_key_never_comes_out(words: list[str]) -> None:
    for kind in commands.FLAGS:
        assert KEY not in commands.model(kind, words, {"MODEL_ID": KEY}) + commands.port(kind, words)
