"""A gateway-like exposition target for the benches: 2,000 samples, half of which move between scrapes.

    python -m bench.exposition_target PORT SAMPLES

Any path answers. Each client (by its User-Agent and path) walks through the same bodies from the first on, so that two
scrapers at their own pace read the same samples. Bodies are made before the first request.
"""

from __future__ import annotations

import asyncio
import random
import sys

from aiohttp import web

BODIES = 64
_LE = ("0.05", "0.1", "0.25", "0.5", "1.0", "2.0", "5.0", "10.0", "30.0", "60.0", "120.0", "300.0", "600.0", "+Inf")
_HISTOGRAMS = (
    "litellm_request_total_latency_metric",
    "litellm_llm_api_latency_metric",
    "litellm_llm_api_time_to_first_token_metric",
)
_COUNTERS = (
    "litellm_spend_metric_total",
    "litellm_input_tokens_metric_total",
    "litellm_output_tokens_metric_total",
    "litellm_proxy_failed_requests_metric_total",
)
_PER_MODEL = len(_HISTOGRAMS) * (len(_LE) + 2) + len(_COUNTERS)


class Gateway:
    """The counters of some models, all of which live in `step`."""

    def __init__(self, samples: int, seed: int = 1) -> None:
        self._draw = random.Random(seed)
        self._models = max(1, round(samples / _PER_MODEL))
        self._buckets = {(name, model): [0] * len(_LE) for name in _HISTOGRAMS for model in range(self._models)}
        self._sums = {(name, model): 0.0 for name in (*_HISTOGRAMS, *_COUNTERS) for model in range(self._models)}

    def step(self) -> None:
        """Serve some requests on the busy half of the models."""
        for model in range(0, self._models, 2):
            for name in _HISTOGRAMS:
                for bucket in self._draw.choices(range(len(_LE)), k=4):
                    for above in range(bucket, len(_LE)):
                        self._buckets[name, model][above] += 1
                self._sums[name, model] += self._draw.random() * 3
            for name in _COUNTERS:
                self._sums[name, model] += self._draw.randrange(1, 500)

    def text(self) -> bytes:
        """Return the exposition as it is now."""
        lines = []
        for name in _HISTOGRAMS:
            lines += [f"# HELP {name} Seconds that requests took", f"# TYPE {name} histogram"]
            for model in range(self._models):
                own = _labels(model)
                buckets = self._buckets[name, model]
                lines += [f'{name}_bucket{{{own},le="{le}"}} {float(n)}' for le, n in zip(_LE, buckets, strict=True)]
                lines += [
                    f"{name}_count{{{own}}} {float(buckets[-1])}",
                    f"{name}_sum{{{own}}} {self._sums[name, model]}",
                ]
        for name in _COUNTERS:
            lines += [f"# HELP {name} What was used", f"# TYPE {name} counter"]
            lines += [f"{name}{{{_labels(model)}}} {self._sums[name, model]}" for model in range(self._models)]
        return ("\n".join(lines) + "\n").encode()


def _labels(model: int) -> str:
    provider = ("openai", "anthropic", "hosted_vllm")[model % 3]
    return f'api_provider="{provider}",model="gpt-{model}",requested_model="gpt-{model}",team_alias="team-{model % 5}"'


def bodies(samples: int) -> list[bytes]:
    """Return the bodies that every client walks through."""
    gateway = Gateway(samples)
    found = []
    for _ in range(BODIES):
        gateway.step()
        found.append(gateway.text())
    return found


def application(samples: int) -> web.Application:
    """Return the server of one target on any path."""
    prepared = bodies(samples)
    asked: dict[tuple[str, str], int] = {}

    async def metrics(request: web.Request) -> web.Response:
        client = (request.headers.get("User-Agent", ""), request.path)
        asked[client] = asked.get(client, -1) + 1
        return web.Response(body=prepared[asked[client] % BODIES], content_type="text/plain", charset="utf-8")

    app = web.Application()
    app.router.add_get("/{path:.*}", metrics)
    return app


if __name__ == "__main__":
    app, port = application(int(sys.argv[2])), int(sys.argv[1])
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None, loop=asyncio.new_event_loop())
