"""Configuration as it may be shown: no planted secret, and everything else as it stands."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from inferdeck.model.masking import MASK
from inferdeck.routing.masked import masked

LITELLM = """\
# once: api_key: sk-planted-comment
model_list:
  - model_name: gpt-4o          # the good one
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/OPENAI_API_KEY
      api_base: https://user:planted-userinfo@x.example:8443/v1?code=planted-query#planted-fragment
      max_tokens: 4096
      input_cost_per_token: 0.0000025
      rpm: 100
  - model_name: b
    litellm_params: {model: azure/b, api_key: "planted-flow", extra_headers: {X-Anything: planted-header}}
  - model_name: c
    litellm_params:
      model: vertex_ai/x
      vertex_credentials: |
        {"type": "service_account", "private": "planted-block",
         "more": "planted-block-2"}
      aws_secret_access_key: >-
          planted-folded
          planted-folded-2
      api_key: &anchor planted-anchor
  - model_name: d
    litellm_params: {model: openai/d, api_key: *anchor}
litellm_settings:
  cache_params: {type: redis, host: redis.local, port: 6379, password: 'planted-quoted'}
  callbacks: [prometheus]
general_settings:
  master_key: planted-master
  "database_url": postgresql://u:planted-db@h:5432/litellm
  alerting_args: {slack_webhook_url: https://hooks.slack.com/services/planted-webhook}
  # the old one was planted-master
environment_variables:
  LANGFUSE_SECRET_KEY: planted-env
  ANYTHING: planted-env-2
  PORT: 4000
router_settings:
  redis_password: 1234567890
  tokens: planted-tokens
  api_keys: [planted-list, planted-list-2]
  credentials: {name: planted-mapping}
"""
SHOWN = (
    "# the good one",
    "model: openai/gpt-4o",
    "api_key: os.environ/OPENAI_API_KEY",
    "https://user:•••@x.example:8443/v1?•••",
    "max_tokens: 4096",
    "input_cost_per_token: 0.0000025",
    "rpm: 100",
    "host: redis.local, port: 6379",
    "callbacks: [prometheus]",
    "PORT: 4000",
)


def test_no_planted_secret_is_left_and_all_else_stays() -> None:
    found = masked(LITELLM, "config.yaml")
    assert [line for line in found.split("\n") if "planted" in line or "1234567890" in line] == []
    assert [text for text in SHOWN if text not in found] == []
    assert found.count("\n") >= LITELLM.count("\n") - 4


@pytest.mark.parametrize("broken", ["\nx: [", "\n\t- y", "\n--- \nz: 1", "\nq: 'a", "\n*nowhere: 1"])
def test_what_is_no_yaml_keeps_its_keys_alone(broken: str) -> None:
    found = masked(LITELLM + broken, "config.yaml")
    assert "planted" not in found and "1234567890" not in found
    assert "master_key: •••" in found and "rpm: 100" in found


def test_what_was_replaced_once_is_replaced_everywhere() -> None:
    found = masked("master_key: correct-horse\nnote: she said correct-horse\n# correct-horse\n", "a.yaml")
    assert "correct-horse" not in found


def test_other_files_are_masked_by_their_form() -> None:
    unit = (
        '[Service]\nEnvironment=OPENAI_API_KEY=planted-a "B=c"\nEnvironment="DB_PASSWORD=planted-b"\n'
        "ExecStart=/usr/bin/litellm --config /etc/l.yaml --api-key planted-c --port 4000\n"
    )
    found = masked(unit, "litellm.service")
    assert "planted" not in found
    assert "--config /etc/l.yaml" in found and "--port 4000" in found
    assert (
        masked("A=planted\nexport B='planted'\nPORT=4000\nEMPTY=\n", ".env")
        == f"A={MASK}\nexport B={MASK}\nPORT=4000\nEMPTY=\n"
    )
    assert "planted" not in masked('{"api_key": "planted", "a": {"password": "planted"}}', "x.json")


SECRET = st.text(string.ascii_letters + string.digits, min_size=12, max_size=40).map(lambda text: f"Zq{text}")
KEYS = (
    "api_key",
    "master_key",
    "password",
    "AWS_SECRET_ACCESS_KEY",
    "database_url",
    "hf_token",
    "dbPassword",
    "secret",
)


@settings(max_examples=60, deadline=None)
@given(secret=SECRET, key=st.sampled_from(KEYS), depth=st.integers(0, 4), seed=st.integers(0, 99))
def test_a_secret_under_a_key_of_any_form_is_hidden(secret: str, key: str, depth: int, seed: int) -> None:
    import io

    value: object = {key: secret, "model": "gpt-4o"}
    for level in range(depth):
        value = [value, 1] if random.Random(seed + level).random() < 0.5 else {f"part{level}": value, "port": 80}
    writer = YAML()
    writer.default_flow_style = random.Random(seed).choice([True, False, None])
    stream = io.StringIO()
    writer.dump({"root": value}, stream)
    found = masked(stream.getvalue(), "x.yml")
    assert secret not in found and "gpt-4o" in found


def test_a_deep_or_endless_text_takes_no_harm() -> None:
    assert "planted" not in masked("a: " + "[" * 5000 + "planted", "x.yaml")
    assert "planted" not in masked("a: &a [*a, {api_key: planted}]\n", "x.yaml")
    assert "planted" not in masked("- " * 2000 + "api_key: planted", "x.yaml")
