"""A program that says back what it was sent, for tests of what is shown of it; plain or with TLS."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.real.programs import LOOPBACK

GOOD = "# TYPE answered counter\nanswered_total 1\n"


@dataclass
class Mirror:
    """Answers `status` with `body`, in which {sent} stands for all headers of the request."""

    status: int = 200
    body: str = GOOD
    url: str = ""
    seen: list[tuple[str, str]] = field(default_factory=list)
    """Path and Authorization of each request."""


@contextlib.contextmanager
def mirror(mirrored: Mirror, certificate: tuple[Path, Path] | None = None) -> Iterator[Mirror]:
    """Serve until the block ends; `certificate` is the certificate's file and its key's."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            mirrored.seen.append((self.path, self.headers.get("Authorization", "")))
            sent = " ".join(f"{name}={value}" for name, value in self.headers.items())
            body = mirrored.body.replace("{sent}", sent).encode()
            self.send_response(mirrored.status, sent[:500] if mirrored.status >= 400 else None)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.do_GET()

        def log_message(self, *values: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    mirrored.url = f"http{'s' if certificate else ''}://{LOOPBACK}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield mirrored
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def self_signed(directory: Path) -> tuple[Path, Path]:
    """Return a new certificate for loopback, which is its own authority, and its key."""
    certificate, key = directory / "cert.pem", directory / "key.pem"
    names = f"subjectAltName=IP:{LOOPBACK},DNS:localhost"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=localhost", "-addext", names, "-days", "2", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return certificate, key
