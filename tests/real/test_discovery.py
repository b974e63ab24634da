"""Without configuration, among real and simulated programs on unusual ports: each is known, no stranger is named."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from inferdeck.model.clock import SystemClock
from inferdeck.sources import probing, published
from inferdeck.sources.discovery import Discovery
from inferdeck.sources.listening import Sockets
from inferdeck.sources.registry import KINDS
from tests.real import gateway, programs, strangers, tiny_gguf
from tests.real.daemon import COMMAND
from tests.real.docker_engine import docker_engine
from tests.real.own_network import own_network
from tests.real.upstream import upstream
from tests.unit.sources.discovery.services import LITELLM

PORT = 4633
PLANTED = "sk-planted-0815"
KEYS = ("LITELLM_MASTER_KEY", "OPENAI_API_KEY", "VLLM_API_KEY", "HF_TOKEN", "REDIS_PASSWORD", "LANGFUSE_SECRET_KEY")
SECRETS = dict.fromkeys(KEYS, PLANTED)
SIMULATED = {"hub": "", "node": "prometheus", "llm": "prometheus", "llm_gateway": "prometheus"}
"""The kind of source of a simulated program where it has another name."""


@dataclass
class Machine:
    """What runs: port -> the kind that it must be taken for, "" where it must not be named."""

    wanted: dict[int, str] = field(default_factory=dict)
    http: set[int] = field(default_factory=set)
    """Strangers that must be shown as unknown HTTP services."""


@pytest.fixture
def network() -> Iterator[None]:
    with own_network():
        yield


@contextlib.contextmanager
def light(folder: Path) -> Iterator[Machine]:
    """Run what takes little: Redis, Valkey, Prometheus, exporters, the simulated fleet, and the strangers."""
    machine = Machine()
    with contextlib.ExitStack() as stack:
        add = stack.enter_context
        redis = add(programs.redis_server(folder / "redis", "--requirepass", "secret"))
        machine.wanted |= {
            redis.port: "redis",
            add(programs.valkey_server(folder / "valkey")).port: "redis",
            add(programs.prometheus(folder / "prometheus")).port: "prometheus",
            add(programs.victoria_metrics(folder / "vm")).port: "prometheus",
            add(programs.node_exporter(folder / "node")).port: "prometheus",
            add(programs.redis_exporter(folder / "redis-exporter", redis.url)).port: "prometheus",
        }
        machine.wanted |= add(simulated(folder / "simulated"))
        web, tls = add(strangers.nginx(folder / "nginx"))
        machine.http = {
            web.port,
            add(strangers.jupyter(folder / "jupyter")).port,
            add(strangers.application(folder / "application")).port,
            add(strangers.file_server(folder / "files")).port,
        }
        machine.wanted |= dict.fromkeys([*machine.http, tls], "")
        yield machine


@contextlib.contextmanager
def simulated(folder: Path) -> Iterator[dict[int, str]]:
    """Run the programs of the calm day; yields port -> kind."""
    port = 28800
    command = [COMMAND, "simulate", "serve", "calm-day", "--port", str(port), "--folder", str(folder), "--json"]
    folder.mkdir()
    with programs.running(
        "simulate", command, folder, port=port, ready=programs.answers("/health/liveliness")
    ) as found:
        told = json.loads(found.log_file.read_text())
        rows = [row for row in told["programs"] if not row["url"].startswith("unix:")]
        yield {int(row["url"].rpartition(":")[2]): SIMULATED.get(row["kind"], row["kind"]) for row in rows}


@contextlib.contextmanager
def daemon(folder: Path, config: str = "") -> Iterator[Mapping[str, str]]:
    """Run `inferdeck up`, as a user without any configuration unless given; yields its commands' environment."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    if config:
        (home / ".config" / "inferdeck").mkdir(parents=True)
        (home / ".config" / "inferdeck" / "inferdeck.yaml").write_text(config)
    own = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "NO_COLOR": "1", **SECRETS}
    gone = {name: None for name in os.environ if name.startswith(("INFERDECK_", "XDG_")) and name != "XDG_RUNTIME_DIR"}
    with programs.running(
        "inferdeck", [COMMAND, "up"], home, port=PORT, ready=programs.answers("/-/ready"), environment={**gone, **own}
    ):
        yield {**{key: value for key, value in os.environ.items() if key not in gone}, **own}


def run(environment: Mapping[str, str], *words: str) -> str:
    done = subprocess.run([COMMAND, *words], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.real
@pytest.mark.usefixtures("network")
async def test_everything_is_known_and_no_stranger_is_named(tmp_path: Path) -> None:
    with light(tmp_path) as machine:
        discovery = Discovery(SystemClock(), Sockets(()), sockets=list)
        found = await discovery.look()
        ports = {int(one.url.rpartition(":")[2]): one.kind for one in found}
        assert ports == {port: kind for port, kind in machine.wanted.items() if kind}
        shown = {int(one.address.rpartition(":")[2]): one for one in discovery.answers(())}
        assert {port for port, one in shown.items() if one.note.startswith("an unknown HTTP service")} >= machine.http
        assert all(len(one.marks) >= 2 for one in shown.values() if one.kind)
        assert set(shown) == set(machine.wanted)
        asked = strangers.requests(tmp_path / "application")
    assert len(asked) <= probing.MOST_REQUESTS
    for one in asked:
        assert one["headers"] == ["accept", "accept-encoding", "connection", "host", "user-agent"]
        assert (str(one["line"])[:4], one["query"]) == ("GET ", "")
        assert one["line"] != "GET /health"


@pytest.mark.real
@pytest.mark.usefixtures("network")
def test_a_daemon_without_configuration_watches_what_it_finds_and_says_the_rest(tmp_path: Path) -> None:
    with light(tmp_path) as machine, daemon(tmp_path) as environment:
        status = first_status(environment, set(machine.wanted.values()) & KINDS.keys())
        kinds = {one["port"]: one["kind"] for one in status["services"] if one["port"]}
        assert kinds == {port: kind for port, kind in machine.wanted.items() if kind in KINDS}
        assert all(one["origin"] == "discovered" for one in status["services"])
        found = {int(one["address"].rpartition(":")[2]): one for one in status["found"] if ":" in one["address"]}
        assert set(found) == set(machine.wanted)
        for port, kind in machine.wanted.items():
            if kind in ("litellm", "langfuse"):
                assert "needs a key" in found[port]["note"]
                assert found[port]["fix"].startswith(f"sources: {{{kind}: [{{url: http://127.0.0.1:{port}")
        assert "huggingface" not in {one["kind"] for one in status["not_found"]}
        there = {one["kind"] for one in [*status["services"], *status["not_found"], *status["found"]]}
        assert KINDS.keys() - {"huggingface"} <= there, "each kind was found or is said not to be"
        listed = run(environment, "sources", "list")
        text = run(environment, "status") + listed + run(environment, "status", "--json")
        for port in machine.http:
            assert re.search(rf"{port} .*an unknown HTTP service", listed), listed
        for one in status["not_found"]:
            assert one["kind"] in listed
        logs = "".join(path.read_text(errors="replace") for path in tmp_path.rglob("*.log"))
        assert PLANTED not in text
        assert PLANTED not in logs
        for one in strangers.requests(tmp_path / "application"):
            assert {"authorization", "x-api-key", "cookie"}.isdisjoint(one["headers"])


@contextlib.contextmanager
def impostor() -> Iterator[tuple[int, list[tuple[str, dict[str, str]]]]]:
    """Answer as a LiteLLM and note every header that comes; yields the port and the notes."""
    heard: list[tuple[str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            status, kind, body = LITELLM.get(self.path, (401, "application/json", '{"error":"no key"}'))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Set-Cookie", "a=b")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port, heard
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.real
@pytest.mark.usefixtures("network")
def test_keys_of_the_configuration_reach_nobody_who_was_only_found(tmp_path: Path) -> None:
    config = (
        f"sources:\n  litellm: [{{url: http://127.0.0.1:1, key: {PLANTED}}}]\n"
        f"  prometheus: [{{url: http://127.0.0.1:2, headers: {{X-Api-Key: {PLANTED}}}}}]\n"
        f"  redis: [{{url: redis://127.0.0.1:3, password: {PLANTED}}}]\n"
    )
    with impostor() as (port, heard), daemon(tmp_path, config) as environment:
        found: list[dict[str, Any]] = []
        for _ in range(60):
            status = json.loads(run(environment, "status", "--json"))
            found = [one for one in status["services"] if one["port"] == port and one["error"]]
            if found:
                break
            time.sleep(1)
        assert [(one["kind"], one["origin"]) for one in found] == [("litellm", "discovered")]
        assert "needs a key" in found[0]["error"]
    assert {"/health/liveliness", "/routes", "/metrics/"} <= {path for path, _ in heard}
    assert "/health" not in {path for path, _ in heard}
    for _, headers in heard:
        assert PLANTED not in json.dumps(headers)
        assert {"authorization", "x-api-key", "x-litellm-api-key", "cookie"}.isdisjoint(headers)


def first_status(environment: Mapping[str, str], wanted: set[str]) -> dict[str, Any]:
    """Return the status once every kind has been read and those that want a key have said so."""
    status: dict[str, Any] = {}
    for _ in range(60):
        status = json.loads(run(environment, "status", "--json"))
        read = {one["kind"] for one in status["services"] if one["health"] == "up"}
        told = {one["kind"] for one in status["found"] if "needs a key" in one["note"]}
        if wanted <= read and {"litellm", "langfuse"} <= told:
            return status
        time.sleep(1)
    raise AssertionError(json.dumps(status, indent=1))


@pytest.mark.heavy
@pytest.mark.usefixtures("network")
async def test_a_litellm_and_a_llama_server_are_known_without_harm(tmp_path: Path) -> None:
    programs.litellm_executable()
    model = tiny_gguf.write(tmp_path / "tiny.gguf")
    async with upstream() as provider:
        with (
            programs.redis_server(tmp_path / "redis") as redis,
            programs.llama_server(tmp_path / "llama", model) as llama,
            programs.llama_server(tmp_path / "locked", model, "--api-key", "sk-llama") as locked,
            programs.litellm(tmp_path / "litellm", gateway.config(provider.url, redis.port)) as litellm,
        ):
            await asyncio.to_thread(ask, llama.url)
            before = dict(provider.calls)
            discovery = Discovery(SystemClock(), Sockets(()), sockets=list)
            found = {one.instance: one for one in await discovery.look()}
            assert {place: one.kind for place, one in found.items()} == {
                redis.address: "redis",
                llama.address: "llamacpp",
                locked.address: "llamacpp",
                litellm.address: "litellm",
            }
            assert found[locked.address].needs_key
            assert not found[llama.address].needs_key
            assert provider.calls == before, "no model was called"
            page = await asyncio.to_thread(curl, f"{llama.url}/metrics")
            averages = re.findall(r"^llamacpp:predicted_tokens_seconds (\S+)", page, re.MULTILINE)
            assert float(averages[0]) > 0, "the average since the last reader was not begun anew"
            counted = await asyncio.to_thread(curl, f"{litellm.url}/metrics/", gateway.KEY)
            assert not re.findall(r"^litellm_proxy_failed_requests_metric_total\{", counted, re.MULTILINE)


@pytest.mark.heavy
@pytest.mark.usefixtures("network")
async def test_containers_of_a_real_docker_name_what_listens(tmp_path: Path) -> None:
    with docker_engine(tmp_path / "docker") as docker:
        docker.run("pages", network="host", command="echo hi > /www/index.html; httpd -f -p 127.0.0.1:18080 -h /www")
        discovery = Discovery(SystemClock(), Sockets(()), sockets=lambda: [str(docker.socket)])
        await asyncio.to_thread(wait, programs.answers("/index.html"), 18080)
        found = await discovery.look()
        shown = {one.address: one for one in discovery.answers(())}
        assert [(one.kind, one.url) for one in found] == [("docker", docker.url)]
        assert shown["127.0.0.1:18080"].container == "pages"
        assert shown["127.0.0.1:18080"].note == "an unknown HTTP service"
        assert shown[str(docker.socket)].marks == (await published.engine(str(docker.socket))).marks


def wait(ready: Callable[[int], bool], port: int) -> None:
    for _ in range(100):
        if ready(port):
            return
        time.sleep(0.1)
    raise AssertionError(f"nothing answers on {port}")


def ask(url: str) -> None:
    """Let an engine generate something."""
    body = json.dumps({"prompt": "a", "n_predict": 8})
    curl(f"{url}/completion", data=body)


def curl(url: str, key: str = "", data: str = "") -> str:
    command = ["curl", "-sS", "-m", "30", *(["-H", f"Authorization: Bearer {key}"] if key else [])]
    command += ["-H", "Content-Type: application/json", "-d", data] if data else []
    return subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
