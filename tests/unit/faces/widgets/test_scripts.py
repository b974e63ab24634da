"""The shell scripts: their names, their helpers, what they do without inferdeck, each in sh and in bash."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from inferdeck.faces.hosts.scripts import SHIPPED
from inferdeck.model.widget import NAMES
from tests.unit.faces.widgets.answering import BODY, environment

WIDGETS = {
    "health-status.sh": "health",
    "providers-overview.sh": "providers",
    "litellm-metrics.sh": "metrics",
    "cache-performance.sh": "cache",
    "provider-score.sh": "score",
    "litellm-logs.sh": "logs",
    "litellm-status.sh": "status",
}
"""The names that people know, and the widgets that they show."""
SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
VALUES = {
    "one": '{"status":"success","data":{"resultType":"vector","result":'
    '[{"metric":{"__name__":"a","x":"\\"value\\": [1,2]"},"value":[1.5e9,"0.25"]},{"metric":{},"value":[1,"7"]}]}}',
    "scalar": '{"status":"success","data":{"resultType":"scalar","result":[1700000000.1,"42"]}}',
    "spaced": '{"data": {"resultType": "vector", "result": [{"metric": {"value": "x"}, "value": [1.0, "-3"]}]}}',
    "none": '{"status":"success","data":{"resultType":"vector","result":[]}}',
    "nan": '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"NaN"]}]}}',
    "garbage": "<html>",
}


class _Site(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query).get("query", [""])[0]
        token = self.headers.get("Authorization", "")
        self.asked.append(f"{query or parts.path}{token and ' with '}{token}")
        if parts.path == "/api/v1/query":
            body = VALUES["one" if "histogram_quantile" in query else query].encode()
        elif parts.path.startswith("/widgets/"):
            body = BODY
        else:
            body = b"I'm alive!"
        self.send_response(200 if parts.path != "/sick/health/liveliness" else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def site() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Site", (_Site,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sh(shell: str, script: str, home: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    start = [shell, "sh"] if shell == "busybox" else [shell]
    return subprocess.run(
        [*start, "-c", f". {SHIPPED}/common.sh; {script}"],
        env=environment(home, **environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_all_names_are_there_and_can_be_run() -> None:
    there = {path.name for path in SHIPPED.glob("*.sh")}
    assert there == {*WIDGETS, "common.sh", "custom-widget.sh", "install-wth-dashboard.sh", "test_kimi_routing.sh"}
    assert set(WIDGETS.values()) <= set(NAMES)
    assert all(path.stat().st_mode & 0o111 for path in SHIPPED.glob("*.sh"))


@pytest.mark.parametrize("name", WIDGETS)
def test_a_script_is_its_widget_with_all_options(tmp_path: Path, name: str) -> None:
    program = tmp_path / "inferdeck"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    environ = environment(tmp_path, PATH=f"{tmp_path}:/usr/bin:/bin")
    words = [str(SHIPPED / name), "--host", "tmux", "--width", "30"]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"widget {WIDGETS[name]} --host tmux --width 30\n"


def test_logs_come_from_where_they_are_said_to(tmp_path: Path) -> None:
    environ = environment(tmp_path, LITELLM_LOG_SOURCE="printf '%s\\n' one two | tail -n 1")
    done = subprocess.run([SHIPPED / "litellm-logs.sh"], env=environ, capture_output=True, timeout=60, check=True)
    assert done.stdout == b"two\n"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_without_inferdeck_curl_asks_the_daemon(tmp_path: Path, site: tuple[str, list[str]]) -> None:
    environ = environment(tmp_path, INFERDECK="no-such-program", INFERDECK_URL=site[0])
    done = subprocess.run([SHIPPED / "health-status.sh"], env=environ, capture_output=True, timeout=60, check=True)
    assert done.stdout == BODY
    environ["INFERDECK_URL"] = "http://127.0.0.1:9"
    done = subprocess.run([SHIPPED / "health-status.sh"], env=environ, capture_output=True, timeout=60, check=True)
    assert done.stdout == b"no daemon: run inferdeck up\n"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("shell", SHELLS)
class TestHelpers:
    def test_health_asks_what_costs_nothing(self, shell: str, tmp_path: Path, site: tuple[str, list[str]]) -> None:
        url, asked = site
        assert sh(shell, "check_litellm_health", tmp_path, LITELLM_HOST=url).returncode == 0
        assert sh(shell, "check_litellm_health", tmp_path, LITELLM_HOST=f"{url}/sick").returncode == 1
        assert sh(shell, "check_litellm_health", tmp_path, LITELLM_HOST="http://127.0.0.1:9").returncode == 1
        assert asked == ["/health/liveliness", "/sick/health/liveliness"]

    @pytest.mark.parametrize(
        ("query", "value"),
        [("one", "0.25"), ("scalar", "42"), ("spaced", "-3"), ("none", ""), ("nan", ""), ("garbage", "")],
    )
    def test_a_metric_is_its_first_value(
        self, shell: str, tmp_path: Path, site: tuple[str, list[str]], query: str, value: str
    ) -> None:
        done = sh(shell, f"get_prometheus_metric {query}", tmp_path, PROMETHEUS_HOST=site[0])
        assert (done.stdout.strip(), done.returncode) == (value, 0 if value else 1)

    def test_a_token_is_sent_and_is_no_word_of_a_command(
        self, shell: str, tmp_path: Path, site: tuple[str, list[str]]
    ) -> None:
        url, asked = site
        done = sh(shell, "set -x; get_prometheus_metric one", tmp_path, PROMETHEUS_HOST=url, PROMETHEUS_TOKEN="secret")
        assert asked == ["one with Bearer secret"]
        assert not any("curl" in line and "secret" in line for line in done.stderr.splitlines())

    def test_a_metric_of_nobody_is_none(self, shell: str, tmp_path: Path) -> None:
        done = sh(shell, "get_prometheus_metric up", tmp_path, PROMETHEUS_HOST="http://127.0.0.1:9")
        assert (done.stdout, done.returncode) == ("", 1)

    def test_latency_is_in_milliseconds_and_a_name_stays_a_name(
        self, shell: str, tmp_path: Path, site: tuple[str, list[str]]
    ) -> None:
        url, asked = site
        done = sh(shell, """get_provider_latency 'a"}\\ $(id)' 1h""", tmp_path, PROMETHEUS_HOST=url)
        assert done.stdout == "250\n"
        name = json.dumps('a"}\\ $(id)')
        inside = f"llm_request_duration_seconds_bucket{{provider={name}}}[1h]"
        assert asked == [f"histogram_quantile(0.95, sum by (le) (rate({inside})))"]

    def test_lines_are_printed_where_gum_is_not(self, shell: str, tmp_path: Path) -> None:
        assert sh(shell, "format_with_gum '-n' 'a  b' '%s'", tmp_path).stdout == "-n\na  b\n%s\n"

    def test_a_widget_of_ones_own_needs_no_more(self, shell: str, tmp_path: Path, site: tuple[str, list[str]]) -> None:
        start = [shell, "sh"] if shell == "busybox" else [shell]
        environ = environment(tmp_path, LITELLM_HOST=site[0], PROMETHEUS_HOST="http://127.0.0.1:9")
        words = [*start, str(SHIPPED / "custom-widget.sh")]
        done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout.splitlines()[-1] == "Requests: not known"
