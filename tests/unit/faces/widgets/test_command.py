"""`inferdeck widget` as a program: what it prints and how it ends, whatever stands around it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from inferdeck.faces.widgets import alone
from tests.unit.faces.widgets.answering import BODY, COMMAND, PATIENT, Asked, daemon, environment, whole, widget
from tests.unit.faces.widgets.test_ask import drained

NONE = b"no daemon: run inferdeck up\n"
HOSTILE = {
    "PYTHONWARNINGS": "error",
    "PYTHONDONTWRITEBYTECODE": "1",
    "LC_ALL": "C",
    "LANG": "no_SUCH.locale",
    "COLUMNS": "-4",
    "HEIGHT": "-4",
    "LINES": "x" * 1000,
    "TERM": "\x1b[31m",
    "XDG_RUNTIME_DIR": "relative",
    "XDG_CACHE_HOME": "/proc/nowhere",
    "INFERDECK_CONFIG": "/nowhere\n",
    "INFERDECK_TOKEN_FILE": "/dev/zero",
    "WTF_WIDGET_WIDTH": "",
    "NO_COLOR": "",
}


def socket_of(home: Path) -> Path:
    return home / ".local" / "share" / "inferdeck" / "run" / "inferdeck.sock"


def test_it_prints_what_the_daemon_has_drawn(tmp_path: Path) -> None:
    said = Asked()
    with daemon(socket_of(tmp_path), said.saying(whole())):
        done = widget(tmp_path, "health", "--host", "tmux", "--width", "40", "--environment", "a&b c")
    assert (done.returncode, done.stdout, done.stderr) == (0, BODY, b"")
    assert said.requests[0].startswith(b"GET /widgets/health?host=tmux&width=40&environment=a%26b%20c HTTP/1.0\r\n")


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("warning", 1), ("critical", 2), ("unknown", 3)])
def test_only_check_tells_the_state_as_an_exit_code(tmp_path: Path, state: str, code: int) -> None:
    with daemon(socket_of(tmp_path), Asked().saying(whole(state=state))):
        assert widget(tmp_path, "health").returncode == 0
        assert widget(tmp_path, "health", "--check").returncode == code


@pytest.mark.parametrize(
    "answer", [b"", b"garbage", whole()[:-4], whole(status="500 Internal Server Error")], ids=range(4)
)
def test_no_answer_is_no_failure(tmp_path: Path, answer: bytes) -> None:
    with daemon(socket_of(tmp_path), Asked().saying(answer)):
        done = widget(tmp_path, "cost")
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.count(b"\n") == 1
        assert widget(tmp_path, "cost", "--check").returncode == 3


def test_who_hangs_is_left(tmp_path: Path) -> None:
    with daemon(socket_of(tmp_path), lambda connection: drained(connection)):
        done = widget(tmp_path, "cost", "--timeout", "100")
    assert (done.returncode, done.stdout) == (0, b"the daemon does not answer in time\n")


def test_without_a_daemon_one_line_says_what_to_do(tmp_path: Path) -> None:
    done = widget(tmp_path, "health")
    assert (done.returncode, done.stdout, done.stderr) == (0, NONE, b"")
    assert widget(tmp_path, "health", "--check").returncode == 3
    shown = json.loads(widget(tmp_path, "health", "--host", "waybar").stdout)
    assert shown["class"] == "unknown"
    told = json.loads(widget(tmp_path, "health", "--host", "json").stdout)
    assert (told["widget"], told["state"], told["exit_code"]) == ("health", "unknown", 3)


def test_a_figure_that_is_not_known_is_not_words(tmp_path: Path) -> None:
    done = widget(tmp_path, "cost", "--field", "day")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_without_a_daemon_the_last_answer_is_shown_with_its_age(tmp_path: Path) -> None:
    with daemon(socket_of(tmp_path), Asked().saying(whole())):
        widget(tmp_path, "cost", "--host", "text")
        widget(tmp_path, "cost", "--host", "sampler")
        widget(tmp_path, "cost", "--host", "sampler", "--field", "day")
        widget(tmp_path, "cost", "--field", "day")
    socket_of(tmp_path).unlink()
    first, _, rest = widget(tmp_path, "cost", "--host", "text").stdout.partition(b"\n")
    assert first.startswith(b"Service Health Status stale ")
    assert rest == BODY.partition(b"\n")[2]
    assert widget(tmp_path, "cost", "--host", "sampler").stdout.startswith(b"Service Health Status stale ")
    assert widget(tmp_path, "cost", "--host", "sampler", "--field", "day").stdout == b""
    assert widget(tmp_path, "cost", "--host", "text", "--check").returncode == 3
    assert widget(tmp_path, "cost", "--host", "text", "--width", "30").stdout == NONE
    # A figure looks the same at any age, so it is shown only to who says how old it may be.
    assert widget(tmp_path, "cost", "--field", "day").stdout == b""


def test_max_age_is_heeded_for_what_was_kept(tmp_path: Path) -> None:
    with daemon(socket_of(tmp_path), Asked().saying(whole())):
        widget(tmp_path, "cost", "--field", "day", "--max-age", "600")
        widget(tmp_path, "cost", "--max-age", "1")
    socket_of(tmp_path).unlink()
    assert widget(tmp_path, "cost", "--field", "day", "--max-age", "600").stdout == BODY
    assert widget(tmp_path, "cost", "--max-age", "1").stdout == NONE


def test_without_a_daemon_services_are_asked(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as bound:
        ports = [("redis", bound.getsockname()[1]), ("\x1b[31m#(x)|<b>", 9)]
        listed = [{"name": name, "host": "127.0.0.1", "port": port, "path": ""} for name, port in ports]
        (data / alone.NAME).write_text(json.dumps({"targets": listed}))
        done = widget(tmp_path, "health", "--data-dir", str(data), "--check")
    assert done.returncode == 1
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "Health 1/2 up, no daemon"
    assert lines[1].startswith("redis ")
    assert lines[2].startswith("??31m?(x)??b?")


def test_a_daemon_that_is_slow_is_not_said_to_be_gone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    listed = [{"name": "redis", "host": "127.0.0.1", "port": 9, "path": ""}]
    (data / alone.NAME).write_text(json.dumps({"targets": listed}))
    words = ("health", "--data-dir", str(data), "--host", "text")
    with daemon(data / "run" / "inferdeck.sock", lambda connection: drained(connection)):
        assert widget(tmp_path, *words, "--timeout", "300").stdout.startswith(b"Health 0/1 up, daemon slow\n")
    (data / "run" / "inferdeck.sock").unlink()
    with daemon(data / "run" / "inferdeck.sock", Asked().saying(whole())):
        widget(tmp_path, *words)
    (data / "run" / "inferdeck.sock").unlink()
    with daemon(data / "run" / "inferdeck.sock", lambda connection: drained(connection)):
        # What it said a moment ago is more than what we can see.
        assert widget(tmp_path, *words, "--timeout", "300").stdout.startswith(b"Service Health Status stale ")


def test_time_counts_from_the_start_of_the_process() -> None:
    script = (
        "import time; time.sleep(0.3); from inferdeck.faces.widgets import command as c; print(c._seconds_to_here())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=True)
    told = float(done.stdout)
    assert 0.29 <= told < 60 or not sys.platform.startswith("linux")


def test_what_the_daemon_refuses_is_said(tmp_path: Path) -> None:
    body = json.dumps({"error": {"kind": "usage", "message": "field: cost has no 'x'\x1b[2J"}}).encode()
    with daemon(socket_of(tmp_path), Asked().saying(whole(body, "", "400 Bad Request"))):
        done = widget(tmp_path, "cost", "--gateway", "x", "--check")
    assert (done.returncode, done.stdout) == (3, b"field: cost has no 'x'??2J\n")


def test_a_hostile_environment_changes_nothing(tmp_path: Path) -> None:
    environ = environment(tmp_path, **HOSTILE)
    with daemon(socket_of(tmp_path), Asked().saying(whole())):
        done = widget(tmp_path, "health", environ=environ)
    assert (done.returncode, done.stdout, done.stderr) == (0, BODY, b"")
    without = {name: value for name, value in environ.items() if name != "HOME"}
    done = widget(tmp_path, "health", environ=without)
    assert (done.returncode, done.stdout, done.stderr) == (0, NONE, b"")


def test_bytes_that_are_no_text_are_passed_on(tmp_path: Path) -> None:
    said = Asked()
    with daemon(socket_of(tmp_path), said.saying(whole())):
        done = subprocess.run(
            [COMMAND.encode(), b"widget", b"logs", b"--timeout=20000", b"--stream", b"\xff\xfe"],
            env=environment(tmp_path, LC_ALL="C"),
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (0, BODY)
    assert b"stream=%FF%FE" in said.requests[0]


def test_nobody_reads(tmp_path: Path) -> None:
    with daemon(socket_of(tmp_path), Asked().saying(whole(b"x\n" * 200_000))):
        run = subprocess.Popen([COMMAND, "widget", "logs", *PATIENT], env=environment(tmp_path), stdout=-1, stderr=-1)
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.close()
        assert run.wait(60) == 0
        assert run.stderr.read() == b""
        run.stderr.close()


@pytest.mark.parametrize("closed", [">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_standard_files_may_be_closed(tmp_path: Path, closed: str) -> None:
    said = Asked()
    with daemon(socket_of(tmp_path), said.saying(whole())):
        script = f'"$0" widget health --timeout 20000 {closed}'
        done = subprocess.run(["sh", "-c", script, COMMAND], env=environment(tmp_path), timeout=60, check=False)
    assert done.returncode == 0
    # Nothing of the answer went back into the connection that has the number of standard output.
    assert len(said.requests) == 1


def test_wrong_use_is_explained(tmp_path: Path) -> None:
    done = widget(tmp_path, "helth")
    assert done.returncode == 2
    assert b'did you mean "health"?' in done.stderr
    assert done.stdout == b""
    assert b"--max-age" in widget(tmp_path, "--help").stdout


def test_a_short_option_goes_the_long_way_to_the_same_end(tmp_path: Path) -> None:
    with daemon(socket_of(tmp_path), Asked().saying(whole(state="critical"))):
        done = widget(tmp_path, "health", "--che", "--wid", "30")
    assert (done.returncode, done.stdout) == (2, BODY)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what belongs to another user")
def test_a_socket_of_another_user_is_said_so(tmp_path: Path) -> None:
    with daemon(socket_of(tmp_path), Asked().saying(whole(b"\x1b]0;evil\x07"))):
        os.chown(socket_of(tmp_path), 65534, 65534)
        done = widget(tmp_path, "cost")
    assert (done.returncode, done.stdout) == (0, b"the daemon's socket belongs to another user\n")
