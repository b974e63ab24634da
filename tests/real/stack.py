"""A whole stack of real programs: a gateway with a provider, an engine, a cache, a Prometheus and an exporter."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.real import gateway, programs, tiny_gguf
from tests.real.programs import Running
from tests.real.upstream import upstream


@dataclass(frozen=True, slots=True)
class Stack:
    """The real programs."""

    litellm: Running
    llama: Running
    redis: Running
    prometheus: Running
    node: Running

    def sources(self) -> str:
        """Return what the daemon is to watch."""
        return (
            "host: {interval: {interval}}\n"
            f"litellm: {{url: {self.litellm.url}, key: {gateway.KEY}, interval: {{interval}}}}\n"
            f"llamacpp: {{url: {self.llama.url}, interval: {{interval}}}}\n"
            f"redis: {{url: {self.redis.url}, interval: {{interval}}}}\n"
            "prometheus:\n"
            f"  - {{url: {self.prometheus.url}, interval: {{interval}}}}\n"
            f"  - {{url: {self.node.url}, interval: {{interval}}, name: node}}"
        )


@contextlib.asynccontextmanager
async def whole_stack(directory: Path) -> AsyncIterator[Stack]:
    """Run all of them; AbsentError names the first that is not installed."""
    programs.litellm_executable()
    model = tiny_gguf.write(directory / "tiny.gguf")
    async with upstream() as provider:
        with (
            programs.llama_server(directory / "llama", model, "--alias", "tiny") as llama,
            programs.redis_server(directory / "redis") as redis,
            programs.prometheus(directory / "prometheus") as prometheus,
            programs.node_exporter(directory / "node") as node,
            programs.litellm(directory / "litellm", gateway.config(provider.url, redis.port)) as litellm,
        ):
            yield Stack(litellm, llama, redis, prometheus, node)
