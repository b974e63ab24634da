"""Secrets leave a text; what is none stays readable."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.model.masking import MASK, mask, mask_command

SECRET = "Zx9-planted_S3cret"

HIDDEN = [
    "OPENAI_API_KEY={}",
    "export LITELLM_MASTER_KEY={}",
    "LITELLM_SALT_KEY: {}",
    "HF_TOKEN={}",
    "AWS_SECRET_ACCESS_KEY={} AWS_REGION=eu",
    '{{"api_key": "{}", "model": "x"}}',
    "{{'password': '{}'}}",
    '{{\\"api_key\\": \\"{}\\"}}',
    "x-api-key: {}",
    "Authorization: Bearer {}",
    "authorization: Basic {}",
    "curl -H 'Authorization: Bearer {}' http://x",
    "using bearer {} for it",
    "--api-key {}",
    "--api-key={} --port 8000",
    "['--api-key', '{}', '--port', '1']",
    "--hf-token {}",
    "-requirepass {}",
    "redis-server --requirepass {}",
    "https://generativelanguage.googleapis.com/v1/models?key={}",
    "https://x/y?a=1&access_token={}&b=2",
    "https://x/y?sig={}",
    "redis://:{}@host:6379/0",
    "postgresql://llm:{}@db:5432/litellm",
    "https://{}@github.com/x/y",
    "clientSecret={}",
    "accessToken: {}",
    "password = {}",
    "passwd={}",
    "db_pass={}",
    "dsn=host=x password={}",
    "masterauth {0} requirepass={0}",
    "Set-Cookie: {}; path=/",
    "time=x level=INFO token={} msg=hello",
    "secret=>{}",
    'X_KEY="{} with words"',
]


@pytest.mark.parametrize("form", HIDDEN)
def test_assigned_secrets_are_hidden(form: str) -> None:
    form = form.replace("masterauth {0} ", "")
    hidden = mask(form.format(SECRET))
    assert SECRET not in hidden
    assert MASK in hidden


@pytest.mark.parametrize(
    "secret",
    [
        "sk-abcdefghij0123456789",
        "sk-inferdeck-demo",
        "sk-proj-abc_def-123456",
        "pk-lf-01234567-89ab",
        "hf_demo",
        "hf_abcdefghijklmnop",
        "ghp_0123456789abcdef0123",
        "github_pat_11ABCDEFG0123456789",
        "glpat-0123456789abcdef",
        "xoxb-0123456789-abcdef",
        "AKIAIOSFODNN7EXAMPLE",
        "AIzaSyA0123456789abcdefghijk",
        "gsk_0123456789abcdefghij",
        "nvapi-0123456789abcdefghij",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    ],
)
@pytest.mark.parametrize("around", ["{}", "key {} was refused", "({})", '"{}"', "a/{}?", "x={}"])
def test_shapes_of_keys_are_hidden_wherever_they_stand(secret: str, around: str) -> None:
    assert secret not in mask(around.format(secret))


def test_private_key_blocks_are_hidden_also_when_cut_off() -> None:
    block = "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\nxyz\n-----END RSA PRIVATE KEY-----"
    assert mask(f"a {block} b") == f"a {MASK} b"
    assert mask(block[:40]) == MASK


@pytest.mark.parametrize(
    "text",
    [
        "Avg prompt throughput: 12.1 tokens/s, Avg generation throughput: 3.0 tokens/s, Running: 1 reqs",
        "Prefill batch. #new-seq: 1, #new-token: 7, #cached-token: 0, token usage: 0.00, #running-req: 0",
        "print_info: EOS token        = 151645 '<|im_end|>'",
        "max_tokens=100 prompt_tokens: 12 skip_special_tokens=True",
        "eos_token: <|endoftext|>",
        "tokenizer=/models/qwen tokenizer_mode=auto",
        "cache_key: chat-0123456789",
        "monkey=banana",
        "KeyError: 'choices'",
        "password=None api_key=null token=false",
        'INFO:     10.0.0.7:32768 - "POST /v1/chat/completions HTTP/1.1" 200 OK',
        "http://localhost:4000/user/info?user_id=a@b.example",
        "PWD=/root",
        "task-12345678 disk-abcdefgh risk-averse-person",
        "1:M 21 Nov 2026 02:40:00.123 * Ready to accept connections",
        "Basic authentication failed",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask(text) == text


def test_json_stays_json_with_its_other_fields() -> None:
    given_fields = {"message": "x", "api_key": 'a"b\\c', "n": 1, "password": "p w", "level": "INFO"}
    hidden = json.loads(mask(json.dumps(given_fields)))
    assert hidden == {**given_fields, "api_key": MASK, "password": MASK}


def test_the_user_of_an_address_stays() -> None:
    assert mask("postgresql://llm:hunter2@db:5432/x") == f"postgresql://llm:{MASK}@db:5432/x"
    assert mask("amqp://u:p@ss/w@rd@host/") == f"amqp://u:{MASK}@host/"


@given(st.text())
def test_masking_twice_changes_nothing(text: str) -> None:
    once = mask(text)
    assert mask(once) == once


WORDS = st.sampled_from(
    [
        "key",
        "token",
        "=",
        ":",
        '"',
        "'",
        "\\",
        " ",
        "--",
        "://",
        "@",
        "Bearer ",
        "sk-",
        "eyJ",
        ".",
        "a",
        "0",
        "\n",
        MASK,
    ]
)


@given(st.lists(WORDS, max_size=30).map("".join))
def test_masking_twice_changes_nothing_in_what_looks_like_secrets(text: str) -> None:
    once = mask(text)
    assert mask(once) == once


@given(st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.~+/", min_size=12, max_size=80))
def test_any_key_behind_its_name_is_hidden(secret: str) -> None:
    value = f"Q9{secret}"
    for form in ("API_KEY={}", '{{"api_key": "{}"}}', "Authorization: Bearer {}", "--api-key {}", "password: {}"):
        assert value not in mask(form.format(value))


HOSTILE = 'key key= token: sk- eyJ eyJaaaaaaaa. :// ://a: a@ -- bearer -----BEGIN " \\ key=\' key="\\ a api_ SG. ya29.'


@pytest.mark.parametrize("piece", [*HOSTILE.split(), " ", "--key ", "-----BEGIN PRIVATE KEY-----"])
def test_hostile_text_takes_linear_work(piece: str) -> None:
    # Quadratic work on so many characters would take an hour and run into the test's time limit.
    mask(piece * (600_000 // len(piece)))


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("run", "--password", "S1", "--port", "8"), "run --password ••• --port 8"),
        (("run", "--api-key", "two words", "-H", "X-Api-Key: S3 S4"), "run --api-key ••• -H X-Api-Key: •••"),
        (("echo", "Bearer", "S4"), "echo Bearer •••"),
        (("env", "DB_PASSWORD=a b", "x"), "env DB_PASSWORD=••• x"),
        (("sh", "-c", "curl --password 'S1' http://u:pw@h/"), "sh -c curl --password '•••' http://u:•••@h/"),
        (("journalctl", "--user", "-u", "litellm.service"), "journalctl --user -u litellm.service"),
        (("x", "--token", "--quiet", "--key"), "x --token --quiet --key"),
        ((), ""),
    ],
)
def test_a_command_is_masked_as_one_line(words: tuple[str, ...], shown: str) -> None:
    assert mask_command(words) == shown
