"""The LiteLLM proxy of the tests: its models, and the calls that meet every way to succeed and to fail."""

from __future__ import annotations

from tests.real.traffic import Call, Entry

KEY = "sk-inferdeck-tests-4711"
MASTER = {"Authorization": f"Bearer {KEY}"}
UNKNOWN = "no-such-model"
PRICED = "input_cost_per_token: 0.000001, output_cost_per_token: 0.000002"
USD_PER_TOKEN = (1e-6, 2e-6)
USD_PER_TOKEN_MOCK = (2.5e-6, 1e-5)
"""Of gpt-4o in LiteLLM's price map, which prices the mocked answers."""


def config(upstream: str, redis_port: int) -> str:
    """Return LiteLLM's config.yaml: mock, priced, failing, slow, fallback and cached models, no database."""
    here = f'api_base: "{upstream}", api_key: k'
    return f"""\
model_list:
  - {{model_name: mock, litellm_params: {{model: openai/gpt-4o, api_key: k, mock_response: "Hello from mock"}}}}
  - {{model_name: good, litellm_params: {{model: openai/good, {here}, {PRICED}}}, model_info: {{id: good-1}}}}
  - {{model_name: thinking, litellm_params: {{model: openai/thinking, {here}, {PRICED}}}}}
  - {{model_name: cached, litellm_params: {{model: openai/good, {here}, {PRICED}}}, model_info: {{id: cached-1}}}}
  - {{model_name: embedding, litellm_params: {{model: openai/embedding, {here}, {PRICED}}}}}
  - {{model_name: err500, litellm_params: {{model: openai/err500, {here}}}}}
  - {{model_name: err429, litellm_params: {{model: openai/err429, {here}}}}}
  - {{model_name: err401, litellm_params: {{model: openai/err401, {here}}}}}
  - {{model_name: slow, litellm_params: {{model: openai/slow, {here}, timeout: 1, stream_timeout: 1}}}}
  - {{model_name: broken, litellm_params: {{model: openai/broken, {here}}}}}
  - {{model_name: chain, litellm_params: {{model: openai/err500, {here}}}, model_info: {{id: chain-1}}}}
litellm_settings:
  callbacks: [prometheus]
  num_retries: 0
  request_timeout: 20
  cache: true
  cache_params: {{type: redis, host: 127.0.0.1, port: {redis_port}, ttl: 600, mode: default_off}}
router_settings:
  num_retries: 0
  disable_cooldowns: true
  fallbacks: [{{chain: [good]}}]
general_settings:
  master_key: {KEY}
  background_health_checks: false
"""


def every_way() -> list[Call]:
    """Return a few calls of every kind."""
    same = {"messages": [{"role": "user", "content": "the same question"}], "cache": {"use-cache": True}}
    calls = [Call("mock")] * 5 + [Call("mock", stream=True)] * 3
    calls += [Call("good")] * 6 + [Call("good", stream=True)] * 4
    calls += [Call("thinking")] * 3 + [Call("thinking", stream=True)] * 3
    calls += [Call("embedding", route="/v1/embeddings")] * 4
    calls += [Call("err500")] * 2 + [Call("err429")] * 3 + [Call("err401")] * 2 + [Call("slow")] * 2
    calls += [Call("err500", stream=True)] * 2 + [Call("broken", stream=True)] * 2
    calls += [Call("chain")] * 3 + [Call("chain", stream=True)] * 2
    calls += [Call(UNKNOWN)] * 2 + [Call("mock", key=None)] * 2 + [Call("mock", key="sk-wrong")] * 3
    return calls + [Call("cached", body=same)] * 4


def charged(entry: Entry) -> float:
    """Return what LiteLLM charges for one request, in USD: nothing for a failure or for an answer from its cache."""
    if entry.status >= 400 or entry.broken or entry.cached:
        return 0.0
    price_in, price_out = USD_PER_TOKEN_MOCK if entry.model == "mock" else USD_PER_TOKEN
    return entry.tokens.get("input", 0) * price_in + entry.tokens.get("output", 0) * price_out
