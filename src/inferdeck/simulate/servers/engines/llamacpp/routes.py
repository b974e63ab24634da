"""llama-server's routes, and its own form of a completion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiohttp import web

from inferdeck.simulate.servers.engines.llamacpp.api import Answer, LlamaApi
from inferdeck.simulate.servers.engines.llamacpp.settings import GENERATION, PARAMS
from inferdeck.simulate.servers.engines.openai_api import Asked, Body

if TYPE_CHECKING:
    from inferdeck.simulate.events import Left
    from inferdeck.simulate.servers.engines.llamacpp.program import LlamaCpp


def routes(program: LlamaCpp) -> Sequence[web.AbstractRouteDef]:
    """Return llama-server's routes."""
    api = LlamaApi(program)
    gets: dict[str, Answer] = {
        "/health": api.health,
        "/v1/health": api.health,
        "/metrics": api.metrics,
        "/slots": api.slots,
        "/props": api.props,
        "/models": api.models,
        "/v1/models": api.models,
        "/lora-adapters": api.adapters,
    }
    chat = ("/chat/completions", "/v1/chat/completions", "/v1/completions")
    posts: dict[str, Answer] = dict.fromkeys(chat, api.answer)
    posts |= dict.fromkeys(("/completion", "/completions"), NativeApi(program).answer)
    posts |= dict.fromkeys(("/embeddings", "/v1/embeddings"), api.embeddings)
    posts |= dict.fromkeys(("/rerank", "/v1/rerank", "/reranking"), api.rerank)
    posts["/tokenize"] = api.tokenize
    found = [program.route("GET", path, api.loaded(answer)) for path, answer in gets.items()]
    found += [program.route("POST", path, api.loaded(answer)) for path, answer in posts.items()]
    return [*found, program.route("*", "/{path:.*}", api.loaded(api.unknown))]


class NativeApi(LlamaApi):
    """POST /completion."""

    def opening(self, asked: Asked) -> Body | None:
        """Return nothing: the first token opens the stream."""
        return None

    def chunk(self, asked: Asked, text: str, finish: str | None = None) -> Body:
        """Return the event of one token."""
        return {"index": 0, "content": text, "tokens": [], "stop": False, "id_slot": 0}

    def closing(self, asked: Asked, text: str, left: Left) -> list[Body]:
        """Return the last token and the whole answer's frame."""
        bodies = [self.chunk(asked, text)] if text else []
        return [*bodies, self.whole(asked, "", left)]

    def whole(self, asked: Asked, text: str, left: Left) -> Body:
        """Return an answer that is not streamed."""
        settings = {**PARAMS, **GENERATION, "max_tokens": asked.most, "n_predict": asked.most, "stream": asked.stream}
        return {
            "index": 0,
            "content": text,
            "tokens": [],
            "id_slot": 0,
            "stop": True,
            "model": asked.model,
            "tokens_predicted": left.output_tokens,
            "tokens_evaluated": left.prompt_tokens,
            "generation_settings": settings,
            "prompt": asked.text,
            "has_new_line": False,
            "truncated": False,
            "stop_type": "limit" if left.finish == "length" else "eos",
            "stopping_word": "",
            "tokens_cached": left.prompt_tokens + max(0, left.output_tokens - 1),
            "timings": self.timings(left),
        }
