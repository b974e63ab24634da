"""Small HTTP servers in the forms of real services; each keeps the paths that it was asked for."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from aiohttp import web

from inferdeck.sources.listening import Candidate

Answers = dict[str, tuple[int, str, str]]
"""Path -> status, content type, body."""

JSON, TEXT, HTML = "application/json", "text/plain", "text/html"
LLAMA_404 = '{"error":{"message":"File Not Found","type":"not_found_error","code":404}}'
LITELLM: Answers = {
    "/health/liveliness": (200, JSON, '"I\'m alive!"'),
    "/routes": (200, JSON, '{"routes":[{"path":"/model/info","methods":["GET"]}]}'),
    "/health/readiness": (200, JSON, '{"status":"healthy","db":"Not connected"}'),
}
LLAMACPP: Answers = {
    "/health": (200, JSON, '{"status":"ok"}'),
    "/v1/models": (200, JSON, '{"data":[{"id":"tiny","owned_by":"llamacpp"}]}'),
}
PROMETHEUS: Answers = {
    "/-/healthy": (200, TEXT, "Prometheus Server is Healthy.\n"),
    "/api/v1/status/buildinfo": (200, JSON, '{"status":"success","data":{"version":"2.42.0"}}'),
}
EXPORTER: Answers = {
    "/": (200, HTML, "<h1>Node Exporter</h1><a href='/metrics'>Metrics</a>"),
    "/metrics": (200, TEXT, "# HELP up x\n# TYPE up gauge\nup 1\n" * 20_000),
}
VICTORIA: Answers = {
    "/-/healthy": (200, TEXT, "VictoriaMetrics is Healthy.\n"),
    "/api/v1/status/buildinfo": (200, JSON, '{"status":"success","data":{}}'),
}
DETAIL = (404, JSON, '{"detail":"Not Found"}')
"""What FastAPI says to an unknown path."""
UNAUTHORIZED = (401, JSON, '{"error":"Unauthorized"}')


def models(owner: str, name: str = "m") -> tuple[int, str, str]:
    """Return an OpenAI list of one model."""
    return 200, JSON, f'{{"object":"list","data":[{{"id":"{name}","object":"model","owned_by":"{owner}"}}]}}'


VERSION = (200, JSON, '{"version":"0.6.6"}')
VLLM_PAGE = (200, TEXT, '# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{model_name="m"} 0.0\n')
VLLM: Answers = {"/v1/models": models("vllm"), "/version": VERSION, "/load": (200, JSON, '{"server_load":0}')}
VLLM_LOCKED: Answers = {**VLLM, "/v1/models": UNAUTHORIZED}
VLLM_OLD_LOCKED: Answers = {"/v1/models": UNAUTHORIZED, "/version": VERSION, "/metrics": VLLM_PAGE}
MODEL_INFO = (200, JSON, '{"model_path":"q","tokenizer_path":"q","is_generation":true}')
SGLANG: Answers = {"/v1/models": models("sglang"), "/model_info": MODEL_INFO}
SGLANG_OLD: Answers = {"/v1/models": models("sglang"), "/get_model_info": MODEL_INFO}
SGLANG_LOCKED: Answers = {"/metrics": (200, TEXT, 'sglang:num_running_reqs{model_name="q"} 0.0\n')}
TGI_INFO = (
    '{"model_id":"m","model_sha":"a","model_dtype":"torch.float16","max_total_tokens":2048,"version":"1.0.3",'
    '"sha":"b","docker_label":"sha-b"'
)
TGI: Answers = {"/info": (200, JSON, TGI_INFO + ',"router":"text-generation-router"}')}
TGI_OLD: Answers = {
    "/info": (200, JSON, TGI_INFO + "}"),
    "/metrics": (200, TEXT, "# TYPE tgi_queue_size gauge\ntgi_queue_size 0\n"),
}
TGI_LOCKED: Answers = {"/info": (401, TEXT, ""), "/metrics": (200, TEXT, "tgi_queue_size 0\n")}
OLLAMA: Answers = {"/": (200, TEXT, "Ollama is running"), "/api/version": (200, JSON, '{"version":"0.5.1"}')}
OLLAMA_OLD: Answers = {
    "/": (200, TEXT, "Ollama is running"),
    "/api/tags": (200, JSON, '{"models":[{"name":"a","digest":"b"}]}'),
}
HEALTH = (200, JSON, '{"status":"OK","version":"3.110.0"}')
LANGFUSE: Answers = {"/api/public/health": HEALTH, "/api/public/ready": HEALTH}
DCGM: Answers = {
    "/metrics": (200, TEXT, '# TYPE DCGM_FI_DEV_GPU_TEMP gauge\nDCGM_FI_DEV_GPU_TEMP{gpu="0"} 40\n'),
}
APPLICATION: Answers = {
    "/health": (200, JSON, '{"status":"ok"}'),
    "/version": (200, JSON, '{"version":"2.3"}'),
    "/info": (200, JSON, '{"model_id":"m","version":"2","sha":"c"}'),
    "/v1/models": models("acme"),
    "/metrics": (
        200,
        TEXT,
        '# HELP http_requests_total x\n# TYPE http_requests_total counter\nhttp_requests_total{method="GET"} 3\n',
    ),
}
"""An application of its own, with routes that engines have too."""
RELAY: Answers = {"/v1/models": models("vllm")}
"""A gateway of somebody that hands on the list of a vLLM."""
EMBEDDINGS: Answers = {
    "/info": (
        200,
        JSON,
        '{"model_id":"m","model_type":{"embedding":{}},"max_batch_tokens":9,"sha":"b","docker_label":"c"}',
    ),
    "/metrics": (200, TEXT, "# TYPE te_request_count counter\nte_request_count 0\n"),
}
"""text-embeddings-inference, whose /info is nearly that of TGI."""
COLLECTOR: Answers = {"/metrics": VLLM_PAGE}
"""What hands on the metrics of a vLLM: an OpenTelemetry Collector, a Pushgateway."""


@dataclass
class Service:
    """One server, what it was asked for, and the headers it got."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    """With their queries."""

    @property
    def candidate(self) -> Candidate:
        return Candidate("127.0.0.1", self.port)


@contextlib.asynccontextmanager
async def service(
    answers: Answers,
    *,
    server: str = "",
    missing: tuple[int, str, str] = (404, TEXT, "no"),
    extra: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Service]:
    """Serve these answers on a free port; a 3xx answer's body is its Location."""
    found = Service()

    async def handle(request: web.Request) -> web.Response:
        found.asked.append(f"{request.method} {request.path}")
        found.headers.append(dict(request.headers))
        found.paths.append(request.path_qs)
        status, kind, body = answers.get(request.path, missing)
        headers = {**extra, **({"Server": server} if server else {})}
        if 300 <= status < 400:
            return web.Response(status=status, headers={**headers, "Location": body})
        return web.Response(status=status, text=body, content_type=kind, headers=headers)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        found.port = runner.addresses[0][1]
        yield found
    finally:
        await runner.cleanup()
