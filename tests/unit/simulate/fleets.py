"""A small fleet for tests: one gateway, two replicas of a model, a small engine, a provider, a Redis."""

from __future__ import annotations

from inferdeck.simulate.fleet import (
    Agent,
    Cache,
    Deployment,
    Engine,
    EngineModel,
    Fleet,
    Gateway,
    Gpu,
    Host,
    Price,
    Provider,
    Spread,
    Team,
    UseCase,
)

START = 1_795_219_200.0
"""2026-11-21T00:00:00Z, a Saturday."""
MONDAY_TEN = 1_795_428_000.0
"""2026-11-23T10:00:00Z: an office's busy hour."""

_LLAMA = EngineModel("llama-3.3-70b", 7.0e10, 7.0e10, 32_768, "fp8", "meta-llama/Llama-3.3-70B-Instruct", "llama3.3")
_QWEN = EngineModel("qwen3-8b", 5.0e9, 8.2e9, 16_384, "Q4_K_M", "Qwen/Qwen3-8B-GGUF")


def small(requests_per_minute: float = 30.0, **gateway: object) -> Fleet:
    """Return the fleet; further keywords change its gateway."""
    proxy = Gateway(
        "litellm",
        host="app-1",
        cache="redis",
        deployments=(
            Deployment("llama-a", "llama", "vllm-a", "llama-3.3-70b", price=Price(0.6, 0.9)),
            Deployment("llama-b", "llama", "vllm-b", "llama-3.3-70b", price=Price(0.6, 0.9)),
            Deployment("gpt", "gpt", "openai", "gpt-4.1", price=Price(2.0, 8.0, 0.5)),
            Deployment("qwen", "qwen", "llamacpp", "qwen3-8b"),
        ),
        fallbacks={"llama": ("gpt",), "gpt": ("llama",)},
        **gateway,  # type: ignore[arg-type]
    )
    return Fleet(
        "small",
        hosts=(Host("gpu-1", 64), Host("app-1", 16)),
        gpus=tuple(Gpu(f"gpu-1-{number}", "gpu-1", number) for number in range(3)),
        engines=(
            Engine("vllm-a", "vllm", "0.33.0", _LLAMA, ("gpu-1-0",), "gpu-1"),
            Engine("vllm-b", "vllm", "0.33.0", _LLAMA, ("gpu-1-1",), "gpu-1"),
            Engine(
                "llamacpp",
                "llamacpp",
                "b11434",
                _QWEN,
                ("gpu-1-2",),
                "gpu-1",
                prefill_speed=2500.0,
                decode_speed=45.0,
                decode_batch=4.0,
                max_sequences=4,
                kv_tokens=16_384,
            ),
        ),
        providers=(Provider("openai", requests_per_minute=500, api_base="https://api.openai.com/v1"),),
        gateways=(proxy,),
        caches=(Cache("redis", "app-1"),),
        use_cases=(
            UseCase("chat", Spread(120, 0.8), Spread(250, 0.7), turns=3.0),
            UseCase("search", Spread(1800, 0.5), Spread(150, 0.6), 800, repeat=0.2),
            UseCase("batch", Spread(400, 0.5), Spread(60, 0.5), stream=0.0),
        ),
        teams=(Team("product"), Team("research", budget_usd=50.0, requests_per_minute=120)),
        agents=(
            Agent("assistant", "product", "chat", {"llama": 0.7, "gpt": 0.3}, requests_per_minute * 0.5, 40),
            Agent("search", "product", "search", {"llama": 1.0}, requests_per_minute * 0.3, 20),
            Agent("tagger", "research", "batch", {"qwen": 1.0}, requests_per_minute * 0.2, 1, "steady"),
        ),
    )
