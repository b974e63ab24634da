"""Secrets of the watched stack (environments, command lines, YAML, URLs, logs, keys) show in no answer or file."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from tests.real.daemon import Place
from tests.real.mirror import Mirror, mirror
from tests.unit.sources.secretive_docker import KEY, PASSWORD, TOKEN, Secretive

pytestmark = pytest.mark.real

ROUTES = (
    *("status", "sources", "doctor", "config", "models", "models/small", "providers", "services", "containers", "gpus"),
    *("chains", "routes", "events", "annotations", "config-files", "logs", "logs/streams", "logs?level=error"),
    "v1/status/config",
)
COMMANDS = (
    *("status", "models", "models small", "providers", "services", "containers", "gpus", "routes --why", "events"),
    *(
        "logs -n 500",
        "config files",
        "config show",
        "sources list",
        "sources explain from-the-environment",
        "doctor",
        "logs --streams",
    ),
)
OWN = "sk-own-key-of-the-daemon-1234567890"
YAML_KEY = "sk-planted-in-yaml-0123456789abcdef"
URL_PASSWORD = "planted-in-a-url-77"
PLAIN = "planted-without-any-form"
"""Known to be a secret by the name of its key alone."""
WORDS = ("planted-behind-password", "planted-behind-api-key", "planted-in-a-header", "planted-behind-bearer")
"""Secrets in the words of a command that prints logs."""
COMMAND = f"echo --password {WORDS[0]} --api-key {WORDS[1]} -H 'X-Api-Key: {WORDS[2]}' Bearer {WORDS[3]}"
SECRETS = (KEY, TOKEN, PASSWORD, OWN, YAML_KEY, URL_PASSWORD, PLAIN, *WORDS)

LOG = f"""2026-11-21 10:00:00,000 INFO litellm: started with --api-key {KEY}
2026-11-21 10:00:01,000 ERROR litellm: Authorization: Bearer {TOKEN}
2026-11-21 10:00:02,000 ERROR litellm: cannot reach postgres://llm:{URL_PASSWORD}@db:5432/litellm
2026-11-21 10:00:03,000 INFO litellm: OPENAI_API_KEY={YAML_KEY} password="{PLAIN}"
{json.dumps({"level": "error", "ts": "2026-11-21T10:00:04Z", "msg": "refused", "api_key": PLAIN})}
2026-11-21 10:00:05,000 ERROR litellm: our own {OWN} came back
"""
FILE = f"""model_list:
  - model_name: small
    litellm_params:
      model: openai/gpt-4o-mini
      api_key: {YAML_KEY}
      api_base: https://user:{URL_PASSWORD}@gateway.example/v1?key={PLAIN}
      extra_headers: {{Authorization: Bearer {TOKEN}}}
general_settings:
  master_key: {PLAIN}
  database_url: postgres://llm:{URL_PASSWORD}@db:5432/litellm
environment_variables: {{LANGFUSE_SECRET_KEY: {PLAIN}}}
"""


@contextlib.contextmanager
def secretive_docker(path: Path) -> Iterator[None]:
    """Serve the Docker daemon whose every text is a secret, on a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> web.AppRunner:
        application = web.Application()
        application.add_routes(Secretive().routes())
        runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.UnixSite(runner, str(path)).start()
        return runner

    runner = asyncio.run_coroutine_threadsafe(begin(), loop).result(30)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        body: bytes = answer.read()
        return body


def leaks(texts: dict[str, bytes]) -> list[tuple[str, str]]:
    return [(place, secret) for place, text in texts.items() for secret in SECRETS if secret.encode() in text]


def test_no_secret_of_the_stack_shows_anywhere(tmp_path: Path) -> None:
    log, file, docker = tmp_path / "litellm.log", tmp_path / "litellm.yaml", tmp_path / "docker.sock"
    log.write_text(LOG)
    file.write_text(FILE)
    with ExitStack() as stack:
        stack.enter_context(secretive_docker(docker))
        refusing = stack.enter_context(mirror(Mirror(401, "no: {sent}")))
        keyed = "".join(f"{kind}: {{url: {refusing.url}/{kind}, key: {OWN}}}\n" for kind in ("vllm", "sglang", "tgi"))
        place = Place.of(
            tmp_path / "d",
            f"docker: {{url: 'unix://{docker}', stats_interval: 1s}}\n"
            f"logs:\n- {{files: [{log}], command: {json.dumps(COMMAND)}}}\n- {{name: from-the-environment}}\n{keyed}"
            f"ollama: {{url: {refusing.url}/ollama, key: {OWN}}}\n"
            f"langfuse: {{url: {refusing.url}/langfuse, public_key: pk-lf-1, secret_key: {OWN}}}\n"
            f"huggingface: {{url: {refusing.url}/hub, key: {OWN}}}\n",
        )
        place = replace(place, variables={"LITELLM_LOG_SOURCE": COMMAND})
        own_log = tmp_path / "up.log"
        with place.config.open("a") as more:
            more.write(f"config_files: [{{path: {file}, kind: litellm}}]\nlog: {{file: {own_log}, level: debug}}\n")
        with place.up() as daemon:
            place.status_when(lambda found: all(one["health"] != "unknown" for one in found["services"]))
            place.run("annotate", f"deployed with token={KEY}")
            texts = {route: get(f"{daemon.url}/api/{route}") for route in ROUTES if route != "models/small"}
            assert json.loads(texts["logs"])["lines"], "the log is read"
            assert texts["sources"].count(b"echo --password") >= 2, "the commands are shown"
            assert texts["config"].count(b"echo --password") == 2, "also those of the environment"
            assert json.loads(texts["containers"])["items"], "containers are read"
            (listed,) = [one for one in json.loads(texts["config-files"])["items"] if one["path"] == str(file)]
            whole = get(f"{daemon.url}/api/config-files/{urllib.parse.quote(str(listed['id']))}")
            assert b"gpt-4o-mini" in whole, "the file is shown"
            texts["the file"] = whole
            for secret in SECRETS:
                texts[f"logs that hold {secret[:8]}"] = get(
                    f"{daemon.url}/api/logs?q={urllib.parse.quote(secret)}"
                ).replace(urllib.parse.quote(secret).encode(), b"")
            for words in COMMANDS:
                done = place.run(*words.split())
                texts[words] = (done.stdout + done.stderr).encode()
        texts["standard output"] = daemon.log(10_000).encode()
        texts["log"] = own_log.read_bytes()
        data = place.directory / "data"
        texts |= {str(found): found.read_bytes() for found in data.rglob("*") if found.is_file()}
    assert leaks(texts) == []
