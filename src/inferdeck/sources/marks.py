"""By what each kind of service is known: a table that is asked from top to bottom, the most harmless question first.

The order matters, because some questions do harm to the wrong service:

- LiteLLM's GET /health calls every deployment, which costs money, and a refused GET /v1/models or /metrics counts as
  a failed request of its own. So /health/liveliness comes first, and what answers it as LiteLLM does is asked for
  nothing but /routes and /health/readiness.
- llama.cpp's GET /metrics resets two averages and GET /slots wakes a sleeping model. It says who it is in its first
  answer (header and form of its 404, 503 and 401) and in /v1/models; after one such mark nothing more is asked.
- SGLang's /health_generate (in some versions /health too) generates a token and /server_info halts its scheduler for
  an answer, Ollama's POST /api/generate loads a model, Langfuse's /api/public/traces counts against rate limits.

None of those is in this table; /metrics stands at its end. Every answer but LiteLLM's and llama.cpp's is compared with
that to the first question, which nobody else knows: who says the same to everything has no mark.

Sources of the forms: the captured answers in the samples of each kind; for SGLang, TGI and Langfuse their source code.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from inferdeck.sources.probing import Answer

FIRST = "/health/liveliness"
"""The first question, to which LiteLLM alone has an answer."""
METRICS = "/metrics"
ANOTHER = "another inferdeck"


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that speaks for a kind of service: a path, and what the answer to a GET of it must show.

    `weak` ones could be many a service's: they count as the second mark, never as both.
    """

    path: str
    says: str
    shows: Callable[[Answer], bool]
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A kind of service. The first `leads` marks are looked for in every service, the others after one of those."""

    kind: str
    """The kind of source that watches it."""
    title: str
    marks: tuple[Mark, ...]
    leads: int = 1
    guarded: bool = False
    """After a single mark nothing is asked any more that is not in `marks`."""
    key: Mark | None = None
    """What shows that it wants a key."""


def _litellm_alive(answer: Answer) -> bool:
    return answer.ok and b"I'm alive" in answer.body[:100]


def _routes(answer: Answer) -> bool:
    return answer.ok and answer.body[:20].lstrip().startswith(b'{"routes"') and b'"path"' in answer.body


def _readiness(answer: Answer) -> bool:
    found = answer.object()
    return "db" in found and isinstance(found.get("status"), str)


def _llama_header(answer: Answer) -> bool:
    return "llama.cpp" in answer.header("Server")


def _llama_error(answer: Answer) -> bool:
    """llama-server behind a proxy has no Server header of its own, but its errors have a form."""
    error = answer.object().get("error")
    kinds = ("not_found_error", "unavailable_error", "authentication_error")
    return isinstance(error, dict) and error.get("type") in kinds and error.get("code") == answer.status


def _owned_by(*owners: str) -> Callable[[Answer], bool]:
    def shows(answer: Answer) -> bool:
        if not answer.ok:
            return False
        if not answer.whole:
            return any(f'"owned_by":"{owner}"'.encode() in answer.body.replace(b" ", b"") for owner in owners)
        models = answer.object().get("data")
        if not isinstance(models, list):
            return False
        return any(isinstance(one, dict) and one.get("owned_by") in owners for one in models)

    return shows


def _own_owner(answer: Answer) -> bool:
    models = answer.object().get("data")
    first = models[0] if isinstance(models, list) and models else None
    return isinstance(first, dict) and bool(first.get("id")) and first.get("owned_by") == first["id"]


def _unauthorized(answer: Answer) -> bool:
    return answer.status == 401 and answer.object() == {"error": "Unauthorized"}


def _wants_key(answer: Answer) -> bool:
    return answer.status == 401


def _version_alone(answer: Answer) -> bool:
    found = answer.object()
    return answer.ok and list(found) == ["version"] and isinstance(found["version"], str) and bool(found["version"])


def _server_load(answer: Answer) -> bool:
    return answer.ok and list(answer.object()) == ["server_load"]


def _model_info(answer: Answer) -> bool:
    found = answer.object()
    return answer.ok and "model_path" in found and ("is_generation" in found or "tokenizer_path" in found)


def _tgi_info(answer: Answer) -> bool:
    """text-embeddings-inference answers in nearly the same form, but generates no tokens to count."""
    found = answer.object()
    return answer.ok and {"model_id", "sha", "docker_label"} <= found.keys() and "max_total_tokens" in found


def _router(answer: Answer) -> bool:
    return str(answer.object().get("router", "")).startswith("text-generation-router")


def _ollama_page(answer: Answer) -> bool:
    return answer.ok and answer.body.strip() == b"Ollama is running"


def _tags(answer: Answer) -> bool:
    models = answer.object().get("models")
    return isinstance(models, list) and all(isinstance(one, dict) and "digest" in one for one in models)


def _status_and_version(answer: Answer) -> bool:
    found = answer.object()
    status, version = found.get("status"), found.get("version")
    return answer.status in (200, 503) and isinstance(status, str) and isinstance(version, str) and bool(version)


def _langfuse_refuses(answer: Answer) -> bool:
    return answer.status == 401 and "uthorization header" in str(answer.object().get("message", ""))


def _docker_version(answer: Answer) -> bool:
    return {"ApiVersion", "Version", "Os"} <= answer.object().keys()


def docker_header(answer: Answer) -> bool:
    """Say whether a header is the Docker Engine's (Podman sends it too)."""
    return bool(answer.header("Api-Version")) and bool(answer.header("Server"))


def _says(*words: bytes) -> Callable[[Answer], bool]:
    return lambda answer: answer.ok and answer.body.startswith(words)


def _success(answer: Answer) -> bool:
    found = answer.object()
    return answer.ok and found.get("status") == "success" and isinstance(found.get("data"), dict)


_LINK = re.compile(rb"""href=["'][^"']*metrics/?["']""", re.IGNORECASE)
_SAMPLE = re.compile(rb"[a-zA-Z_:][a-zA-Z0-9_:]*(?:\{[^\n]*\})? +[-+0-9.eEinfNIa]+(?: +[-0-9.]+)?\r?")
_FIRST_LINES = 40


def _link(answer: Answer) -> bool:
    return answer.ok and _LINK.search(answer.body) is not None


def is_exposition(answer: Answer) -> bool:
    """Say whether the first lines are all those of a Prometheus or OpenMetrics exposition."""
    kind = answer.header("Content-Type")
    if not answer.ok or not kind.startswith(("text/plain", "application/openmetrics-text")):
        return False
    lines = [line for line in answer.body.split(b"\n")[:_FIRST_LINES] if line.strip()]
    if not answer.whole and len(lines) > 1:
        lines.pop()
    samples = [line for line in lines if not line.startswith(b"#")]
    return bool(samples) and all(_SAMPLE.fullmatch(line) for line in samples)


def _families(*prefixes: str) -> Callable[[Answer], bool]:
    pattern = re.compile(rb"^(?:# (?:HELP|TYPE) )?(?:" + "|".join(prefixes).encode() + rb")", re.MULTILINE)
    return lambda answer: is_exposition(answer) and pattern.search(answer.body) is not None


EXPORTERS = ("DCGM_FI_", "node_", "redis_", "container_", "litellm_", "llm_", "llm_gateway_", "gen_ai_", "nvidia_smi_",
             "nvidia_gpu_", "prometheus_", "alertmanager_", "vm_", "vmagent_", "pushgateway_", "probe_", "pg_",
             "namedprocess_", "otelcol_", "ollama_")  # fmt: skip
"""What the families of well-known exporters begin with."""

_MODELS, _VERSION, _INFO, _HEALTHY = "/v1/models", "/version", "/info", "/-/healthy"
_KEY_FORM = Mark(_MODELS, "wants a key in its form", _unauthorized, weak=True)

KNOWN: tuple[Known, ...] = (
    Known("litellm", "LiteLLM", (
        Mark(FIRST, "says in LiteLLM's words that it is alive", _litellm_alive),
        Mark("/routes", "lists a proxy's routes", _routes),
        Mark("/health/readiness", "tells of its database", _readiness),
    ), guarded=True),
    Known("llamacpp", "llama.cpp", (
        Mark(FIRST, "has llama.cpp's Server header", _llama_header),
        Mark(FIRST, "is refused in llama.cpp's form", _llama_error),
        Mark(_MODELS, "names llamacpp as the owner", _owned_by("llamacpp")),
    ), leads=3, guarded=True, key=Mark(_MODELS, "is refused without a key", _wants_key)),
    Known("vllm", "vLLM", (
        Mark(_MODELS, "names vllm as the owner", _owned_by("vllm")),
        _KEY_FORM,
        Mark(_VERSION, "gives a version and nothing else", _version_alone, weak=True),
        Mark("/load", "tells the server's load", _server_load),
        Mark(METRICS, "has families of vLLM", _families("vllm:")),
    ), leads=3, key=_KEY_FORM),
    Known("sglang", "SGLang", (
        Mark(_MODELS, "names sglang as the owner", _owned_by("sglang")),
        _KEY_FORM,
        Mark("/model_info", "tells model and tokenizer", _model_info),
        Mark("/get_model_info", "tells model and tokenizer", _model_info),
        Mark(METRICS, "has families of SGLang", _families("sglang:")),
    ), leads=2, key=_KEY_FORM),
    Known("tgi", "Text Generation Inference", (
        Mark(_INFO, "describes a text-generation-inference server", _tgi_info),
        Mark(_INFO, "wants a key", _wants_key, weak=True),
        Mark(_INFO, "names its router", _router),
        Mark(_MODELS, "names the model as its own owner", _own_owner, weak=True),
        Mark(METRICS, "has families of TGI", _families("tgi_")),
    ), leads=2, key=Mark(_INFO, "wants a key", _wants_key)),
    Known("ollama", "Ollama", (
        Mark("/", "says that Ollama is running", _ollama_page),
        Mark("/api/version", "gives a version and nothing else", _version_alone, weak=True),
        Mark("/api/tags", "lists models with their digests", _tags),
    )),
    Known("langfuse", "Langfuse", (
        Mark("/api/public/health", "tells status and version", _status_and_version),
        Mark("/api/public/ready", "tells status and version", _status_and_version, weak=True),
        Mark("/api/public/projects", "misses an authorization header", _langfuse_refuses),
    ), key=Mark("/api/public/health", "is all that it tells without keys", lambda answer: bool(answer.status))),
    Known("docker", "Docker Engine", (
        Mark(_VERSION, "gives versions as the Docker Engine does", _docker_version),
        Mark(_VERSION, "has the Docker Engine's headers", docker_header, weak=True),
    )),
    Known("", ANOTHER, (
        Mark(_HEALTHY, "says that it is inferdeck", lambda answer: answer.ok and b"inferdeck" in answer.body[:200]),
    )),
    Known("prometheus", "Prometheus", (
        Mark(_HEALTHY, "is Prometheus' or VictoriaMetrics'",
             _says(b"Prometheus Server is Healthy", b"Prometheus is Healthy", b"VictoriaMetrics is Healthy")),
        Mark("/api/v1/status/buildinfo", "answers in Prometheus' form", _success, weak=True),
        Mark(METRICS, "has families of Prometheus or VictoriaMetrics", _families("prometheus_", "vm_")),
    )),
    Known("dcgm", "dcgm-exporter", (
        Mark(METRICS, "has families of DCGM", _families("DCGM_FI_")),
        Mark(METRICS, "is a Prometheus exposition", is_exposition, weak=True),
    )),
    Known("prometheus", "an exporter", (
        Mark("/", "links to its metrics", _link, weak=True),
        Mark(METRICS, "is a Prometheus exposition", is_exposition),
        Mark(METRICS, "has families of a well-known exporter", _families(*EXPORTERS)),
    ), leads=3),
)  # fmt: skip
"""In the order in which they are asked."""
