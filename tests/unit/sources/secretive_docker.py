"""A Docker daemon whose every free text holds a secret."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

KEY = "sk-planted0123456789abcdefghijklmnop"
TOKEN = "hf_plantedABCDEFGHIJKLMNOPQRSTUVWXYZ"
PASSWORD = "correct-horse-battery"


class Secretive:
    """A daemon whose every free text holds a secret."""

    def __init__(self) -> None:
        self.happened: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def routes(self) -> list[web.RouteDef]:
        table = {
            "/version": self.version,
            "/info": self.info,
            "/containers/json": self.list,
            "/containers/{id}/json": self.inspect,
            "/containers/{id}/stats": self.stats,
            "/containers/{id}/logs": self.logs,
            "/events": self.events,
        }
        return [web.get(prefix + path, answer) for path, answer in table.items() for prefix in ("", "/v1.41")]

    async def version(self, _: web.Request) -> web.Response:
        return web.json_response({"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Version": "20.10.24"})

    async def info(self, _: web.Request) -> web.Response:
        return web.json_response({"Name": "host-1", "HttpProxy": f"http://u:{PASSWORD}@proxy"})

    async def list(self, _: web.Request) -> web.Response:
        entry = {"Id": "a" * 64, "Names": ["/engine"], "Image": "vllm/vllm-openai:v0.11.0", "State": "running"}
        more = {"Command": f"vllm serve --api-key {KEY}", "Labels": {"token": TOKEN}, "Status": f"Up ({PASSWORD})"}
        return web.json_response([entry | more])

    async def inspect(self, _: web.Request) -> web.Response:
        script = f"export OPENAI_API_KEY={KEY}; vllm serve {TOKEN} --api-key={KEY} --model {KEY} --port {PASSWORD}"
        secret_labels = {"com.docker.compose.project": KEY, "com.docker.compose.service": TOKEN, "auth": PASSWORD}
        state: dict[str, Any] = {
            "Status": "running",
            "StartedAt": "2026-11-21T02:12:29.8Z",
            "Error": PASSWORD,
            "Pid": 7,
        }
        state |= {"Health": {"Status": "unhealthy", "Log": [{"Output": f"curl -H 'Authorization: Bearer {KEY}'"}]}}
        env = [
            f"OPENAI_API_KEY={KEY}",
            f"CUDA_VERSION={PASSWORD}",
            f"MODEL_ID={TOKEN}",
            f"NVIDIA_VISIBLE_DEVICES={KEY}",
        ]
        config = {"Image": "vllm/vllm-openai:v0.11.0", "Env": env, "Labels": secret_labels, "Hostname": KEY}
        body: dict[str, Any] = {"Id": "a" * 64, "Name": "/engine", "Created": "2026-11-21T02:12:29Z", "Path": "/bin/sh"}
        body |= {"Args": ["-c", script], "State": state, "Config": config, "HostConfig": {"Runtime": "nvidia"}}
        return web.json_response(body | {"NetworkSettings": {"Networks": {TOKEN: {"IPAddress": PASSWORD}}}})

    async def stats(self, _: web.Request) -> web.Response:
        return web.json_response({"message": f"cannot read {KEY}"}, status=500)

    async def logs(self, _: web.Request) -> web.Response:
        line = f"2026-11-21T02:12:30Z INFO Starting to load model with {KEY} {TOKEN} password={PASSWORD}\n".encode()
        return web.Response(body=bytes((1, 0, 0, 0)) + len(line).to_bytes(4, "big") + line)

    async def events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for action in ("start", f"exec_start: sh -c {KEY}", f"health_status: {PASSWORD}", "die"):
            attributes = {"name": "engine", "image": "a:1", "exitCode": PASSWORD, "signal": KEY, "label": TOKEN}
            event = {"Type": "container", "Action": action, "Actor": {"ID": "a" * 64, "Attributes": attributes}}
            await response.write(json.dumps(event | {"timeNano": 1795227149876773051}).encode() + b"\n")
        await asyncio.sleep(3600)
        return response
