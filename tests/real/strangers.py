"""Programs that discovery must not name: nginx, a Jupyter server, an application of somebody's own, a file server."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import trustme

from tests.real.programs import (
    LOOPBACK,
    AbsentError,
    Running,
    answers,
    cache_directory,
    executable,
    free_port,
    running,
)

_NGINX = """daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
events {{ }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; root {folder}/www; location / {{ try_files $uri /index.html; }} }}
  server {{ listen 127.0.0.1:{tls} ssl; ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem; }}
}}
"""
_APPLICATION = """
import json
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse

app = FastAPI()

@app.middleware("http")
async def note(request: Request, call_next):
    with open("requests.jsonl", "a") as file:
        url = request.url
        line = {"line": f"{request.method} {url.path}", "headers": sorted(request.headers), "query": url.query}
        file.write(json.dumps(line) + "\\n")
    return await call_next(request)

@app.get("/health")
def health(): return {"status": "ok"}

@app.get("/version")
def version(): return {"version": "7.1"}

@app.get("/v1/models")
def models(): return {"object": "list", "data": [{"id": "acme-1", "object": "model", "owned_by": "acme"}]}

@app.get("/metrics")
def metrics(): return PlainTextResponse("# TYPE acme_requests_total counter\\nacme_requests_total 3\\n")

@app.get("/routes")
def routes(): return {"routes": []}
"""


@contextlib.contextmanager
def nginx(directory: Path) -> Iterator[tuple[Running, int]]:
    """Run nginx: every path of the first port is one page, the second speaks TLS alone."""
    program = executable("nginx", "scripts/real strangers")
    (directory / "www").mkdir(parents=True)
    (directory / "www" / "index.html").write_text("<html><body>hello</body></html>")
    authority = trustme.CA()
    made = authority.issue_cert("localhost")
    made.private_key_pem.write_to_path(directory / "key.pem")
    made.cert_chain_pems[0].write_to_path(directory / "cert.pem")
    port, tls = free_port(), free_port()
    (directory / "nginx.conf").write_text(_NGINX.format(folder=directory, port=port, tls=tls))
    command = [program, "-p", str(directory), "-c", str(directory / "nginx.conf")]
    with running("nginx", command, directory, port=port, ready=answers("/")) as found:
        yield found, tls


@contextlib.contextmanager
def jupyter(directory: Path) -> Iterator[Running]:
    """Run a Jupyter server with a token."""
    program = cache_directory() / "jupyter" / "bin" / "jupyter-server"
    if not program.exists():
        raise AbsentError("a Jupyter server is not installed: run scripts/real strangers")
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    command = [str(program), "--no-browser", "--allow-root", f"--ip={LOOPBACK}", f"--port={port}"]
    command += ["--IdentityProvider.token=planted-token", f"--ServerApp.root_dir={directory}"]
    own = dict.fromkeys(("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "HOME"), str(directory))
    with running("jupyter", command, directory, port=port, ready=answers("/api"), environment=own) as found:
        yield found


@contextlib.contextmanager
def application(directory: Path) -> Iterator[Running]:
    """Run an application with routes of an engine's names; `requests` reads what it was asked."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "app.py").write_text(_APPLICATION)
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "app:app", "--host", LOOPBACK, "--port", str(port)]
    with running("application", command, directory, port=port, ready=answers("/openapi.json")) as found:
        (directory / "requests.jsonl").unlink(missing_ok=True)
        yield found


def requests(directory: Path) -> list[dict[str, Any]]:
    """Return what the application was asked since it was ready."""
    file = directory / "requests.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@contextlib.contextmanager
def file_server(directory: Path) -> Iterator[Running]:
    """Run Python's http.server over a folder, on IPv6 alone."""
    (directory / "files").mkdir(parents=True)
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "::1", "--directory", str(directory / "files")]

    def ready(_: int) -> bool:
        listed = Path("/proc/net/tcp6")
        return listed.exists() and f":{port:04X} " in listed.read_text()

    with running("http-server", command, directory, port=port, ready=ready) as found:
        yield found
