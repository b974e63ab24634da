"""A repository on the hub: its files, and what its card, configuration and weights say of an engine's model."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from inferdeck.simulate.fleet import EngineModel

SHARD_BYTES = 5_000_000_000
POINTER_BYTES = 135
_FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
_GATED = {"meta-llama": "manual", "google": "manual", "mistralai": "auto"}
"""Namespaces whose repositories ask for consent, as they do on the real hub."""
_PIPELINES = {"embedding": "feature-extraction", "rerank": "text-ranking"}
_FAMILIES = (
    ("gpt-oss", "GptOssForCausalLM", "gpt_oss"),
    ("qwen3", "Qwen3ForCausalLM", "qwen3"),
    ("qwen", "Qwen2ForCausalLM", "qwen2"),
    ("mixtral", "MixtralForCausalLM", "mixtral"),
    ("mistral", "MistralForCausalLM", "mistral"),
    ("gemma", "Gemma3ForCausalLM", "gemma3"),
    ("deepseek", "DeepseekV3ForCausalLM", "deepseek_v3"),
    ("phi", "Phi3ForCausalLM", "phi3"),
    ("bge", "XLMRobertaModel", "xlm-roberta"),
    ("", "LlamaForCausalLM", "llama"),
)
_METHODS: dict[str, dict[str, Any]] = {
    "awq": {"quant_method": "awq", "bits": 4, "group_size": 128, "version": "gemm", "zero_point": True},
    "gptq": {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False, "sym": True},
    "fp8": {"quant_method": "fp8", "activation_scheme": "dynamic"},
    "bitsandbytes": {"quant_method": "bitsandbytes", "load_in_4bit": True},
    "bnb": {"quant_method": "bitsandbytes", "load_in_4bit": True},
}


@dataclass(frozen=True, slots=True)
class File:
    """One file: small ones with their content, weights with their size alone."""

    name: str
    size: int
    content: bytes | None = None

    @property
    def large(self) -> bool:
        """It is kept in large file storage."""
        return self.content is None

    def sha256(self, repository: str) -> str:
        """Return the hash of a large file (made from its name: there are no bytes)."""
        return hashlib.sha256(f"{repository} {self.name}".encode()).hexdigest()

    def blob(self, repository: str) -> str:
        """Return its git object's id: of its content, or of the pointer to it."""
        content = self.content or f"oid sha256:{self.sha256(repository)}\nsize {self.size}\n".encode()
        return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass(slots=True)
class Repository:
    """One model repository; `loaded` are the moments at which an engine began to download it (Unix seconds)."""

    model: EngineModel
    gguf: bool
    loaded: list[float] = field(default_factory=list)
    files: tuple[File, ...] = ()

    def __post_init__(self) -> None:
        self.files = tuple(sorted([*_small(self), *self._weights()], key=lambda file: file.name))

    @property
    def id(self) -> str:
        """Return namespace/name."""
        return self.model.repository

    @property
    def author(self) -> str:
        """Return the namespace."""
        return self.id.partition("/")[0]

    @property
    def sha(self) -> str:
        """Return the commit that main points to."""
        return _digest(f"commit {self.id}")

    @property
    def gated(self) -> str | bool:
        """Return auto, manual or False."""
        return _GATED.get(self.author, False)

    @property
    def pipeline(self) -> str:
        """Return what the model is for."""
        return _PIPELINES.get(self.model.mode, "text-generation")

    @property
    def library(self) -> str:
        """Return the library that loads it."""
        return "gguf" if self.gguf else "transformers"

    def file(self, name: str) -> File | None:
        """Return a file."""
        return next((file for file in self.files if file.name == name), None)

    def dates(self) -> tuple[str, str]:
        """Return when it was created and last changed: some day that its name decides, for nothing else does."""
        number = int(_digest(f"dates {self.id}")[:8], 16)
        created = _FIRST_DAY + timedelta(days=number % 600, seconds=number % 86_399)
        changed = created + timedelta(days=number % 90)
        return f"{created:%Y-%m-%dT%H:%M:%S}.000Z", f"{changed:%Y-%m-%dT%H:%M:%S}.000Z"

    def architecture(self) -> tuple[str, str]:
        """Return the class and the type of the model, after its family."""
        name = self.id.lower()
        return next((kind, short) for part, kind, short in _FAMILIES if part in name)

    def quantization(self) -> Mapping[str, Any] | None:
        """Return config.json's quantization_config."""
        text = self.model.quantization.lower()
        if not text or self.gguf:
            return None
        return next((found for name, found in _METHODS.items() if name in text), {"quant_method": text})

    def config(self) -> dict[str, Any]:
        """Return config.json."""
        kind, short = self.architecture()
        method = self.quantization()
        return {
            "architectures": [kind],
            "model_type": short,
            "max_position_embeddings": self.model.context,
            "torch_dtype": "float16" if method and method["quant_method"] in ("awq", "gptq") else "bfloat16",
            **({"quantization_config": dict(method)} if method else {}),
        }

    def safetensors(self) -> dict[str, Any] | None:
        """Return how many numbers of each type the weights hold; packed 4-bit ones count as 32-bit words."""
        if self.gguf:
            return None
        count, size = self.model.parameters, self.model.weights_bytes
        method = (self.quantization() or {}).get("quant_method")
        if method in ("awq", "gptq"):
            # 8 parameters to a word of 4 bytes, the rest at 2 bytes each.
            rest = max(0.0, (size - count / 2) / 1.5)
            types = {"I32": round((count - rest) / 8), "F16": round(rest)}
        elif method == "fp8":
            rest = max(0.0, size - count)
            types = {"F8_E4M3": round(count - rest), "BF16": round(rest)}
        else:
            types = {"BF16": round(count)}
        types = {name: number for name, number in types.items() if number > 0}
        return {"parameters": types, "total": sum(types.values())}

    def tags(self) -> list[str]:
        """Return the tags."""
        method = (self.quantization() or {}).get("quant_method")
        found = [self.library, "gguf" if self.gguf else "safetensors", self.architecture()[1], self.pipeline]
        found += ["conversational"] if self.model.mode == "chat" else []
        found += [method] if method else []
        return list(dict.fromkeys([*found, f"license:{self.model.licence}", "region:us"]))

    def _weights(self) -> list[File]:
        size = int(self.model.weights_bytes)
        if self.gguf:
            name = self.id.partition("/")[2].removesuffix("-GGUF")
            return [File(f"{name}-{self.model.quantization or 'F16'}.gguf", size)]
        count = max(1, -(-size // SHARD_BYTES))
        if count == 1:
            return [File("model.safetensors", size)]
        sizes = [size // count + (at < size % count) for at in range(count)]
        return [File(f"model-{at + 1:05d}-of-{count:05d}.safetensors", part) for at, part in enumerate(sizes)]


def _small(repository: Repository) -> list[File]:
    contents = {
        ".gitattributes": "".join(f"*.{end} filter=lfs diff=lfs merge=lfs -text\n" for end in ("safetensors", "gguf")),
        "README.md": f"---\nlicense: {repository.model.licence}\npipeline_tag: {repository.pipeline}\n---\n"
        f"# {repository.id.partition('/')[2]}\n",
        "config.json": json.dumps(repository.config(), indent=2) + "\n",
    }
    return [File(name, len(text.encode()), text.encode()) for name, text in contents.items()]


def repositories(models: Mapping[str, tuple[str, EngineModel]]) -> tuple[dict[str, Repository], dict[str, Repository]]:
    """Return the repositories by their lowered names, and by the engines (name -> kind, model) that load them."""
    found: dict[str, Repository] = {}
    engines = {}
    for engine, (kind, model) in models.items():
        if model.repository.count("/") == 1:
            gguf = kind in ("llamacpp", "ollama") or re.match(r"I?Q\d", model.quantization) is not None
            engines[engine] = found.setdefault(model.repository.lower(), Repository(model, gguf))
    return found, engines


def _digest(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
