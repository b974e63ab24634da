"""Every kind of source there is: a static table, whose modules are imported when a kind is first used."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from inferdeck.config.schema import TargetConfig
from inferdeck.errors import NotFoundError
from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels
from inferdeck.model.target import TargetKey

if TYPE_CHECKING:
    from inferdeck.sources.http import HttpClient
    from inferdeck.sources.interface import Source


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of source: the folder `sources/<name>`, whose config.py has the class `config` and source.py `make`."""

    name: str
    title: str
    config: str
    default_url: str
    """Where it listens unless told otherwise; "" where there is no such place."""


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("litellm", "LiteLLM proxy", "LitellmConfig", "http://127.0.0.1:4000"),
        Kind("vllm", "vLLM server", "VllmConfig", "http://127.0.0.1:8000"),
        Kind("sglang", "SGLang server", "SglangConfig", "http://127.0.0.1:30000"),
        Kind("tgi", "Text Generation Inference", "TgiConfig", "http://127.0.0.1:8080"),
        Kind("llamacpp", "llama.cpp server", "LlamacppConfig", "http://127.0.0.1:8080"),
        Kind("ollama", "Ollama", "OllamaConfig", "http://127.0.0.1:11434"),
        Kind("redis", "Redis or Valkey", "RedisConfig", "redis://127.0.0.1:6379"),
        Kind("docker", "Docker or Podman", "DockerConfig", "unix:///var/run/docker.sock"),
        Kind("nvidia", "NVIDIA cards of this machine", "NvidiaConfig", ""),
        Kind("dcgm", "NVIDIA dcgm-exporter", "DcgmConfig", "http://127.0.0.1:9400"),
        Kind("host", "this machine", "HostConfig", ""),
        Kind("systemd", "systemd units of this machine", "SystemdConfig", ""),
        Kind("logs", "log files, the journal, a command's output", "LogsConfig", ""),
        Kind("langfuse", "Langfuse", "LangfuseConfig", "http://127.0.0.1:3000"),
        Kind("huggingface", "Hugging Face Hub", "HuggingfaceConfig", "https://huggingface.co"),
        Kind("prometheus", "any Prometheus or OpenMetrics endpoint", "PrometheusConfig", "http://127.0.0.1:9090"),
    )
}


def kind(name: str) -> Kind:
    """Return one kind; raises NotFoundError that lists all of them."""
    if name not in KINDS:
        raise NotFoundError(f"{name!a}: no such kind of source; there are {', '.join(KINDS)}")
    return KINDS[name]


def config_class(name: str) -> type[TargetConfig]:
    """Return what a user may write about a target of this kind."""
    found = kind(name)
    return cast("type[TargetConfig]", getattr(import_module(f"inferdeck.sources.{name}.config"), found.config))


def config_classes() -> dict[str, type[TargetConfig]]:
    """Return the configuration class of every kind."""
    return {name: config_class(name) for name in KINDS}


def load(name: str) -> None:
    """Import the modules of a kind, which takes some time, before they are needed."""
    import_module(f"inferdeck.sources.{kind(name).name}.source")
    config_class(name)


def make(name: str, config: TargetConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels) -> Source:
    """Return a source of this kind for one target; `extra` are the labels of all of its series."""
    module = import_module(f"inferdeck.sources.{kind(name).name}.source")
    return cast("Source", module.make(config, http, clock, target, extra))
