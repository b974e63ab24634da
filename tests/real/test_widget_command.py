"""`inferdeck widget` and the scripts against a running daemon, and after it has ended."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from inferdeck.faces.hosts.scripts import SHIPPED
from inferdeck.model.widget import HOSTS, NAMES
from tests.real.daemon import COMMAND, Place
from tests.unit.faces.widgets.test_scripts import WIDGETS

pytestmark = pytest.mark.real
SOURCES = "redis: {url: 'redis://127.0.0.1:9', interval: {interval}}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("widget")
    found = Place.of(folder, SOURCES)
    found = Place(found.directory, found.port, {"XDG_CACHE_HOME": str(folder / "cache")})
    with found.up():
        found.status_when(lambda status: any(one["health"] == "down" for one in status["services"]))
        yield found


@pytest.mark.parametrize("name", NAMES)
def test_every_widget_is_shown_in_every_host(place: Place, name: str) -> None:
    for host in HOSTS:
        done = place.run("widget", name, "--host", host, "--timeout", "20000")
        assert (done.returncode, done.stderr) == (0, ""), host
        assert done.stdout.endswith("\n") or host in ("prom", "sampler"), host
        assert "no daemon" not in done.stdout


def test_the_state_is_an_exit_code(place: Place) -> None:
    done = place.run("widget", "health", "--check", "--timeout", "20000")
    assert done.returncode == 2 or done.returncode == 1, done.stdout
    assert place.run("widget", "health", "--field", "down", "--timeout", "20000").stdout == "1\n"


def test_a_field_that_there_is_not_is_said(place: Place) -> None:
    done = place.run("widget", "health", "--field", "nonsense", "--timeout", "20000")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", WIDGETS)
def test_scripts_show_what_the_command_shows(place: Place, name: str) -> None:
    known = {**os.environ, **place.environment, "PATH": f"{Path(COMMAND).parent}:{os.environ['PATH']}"}
    environ = {key: value for key, value in known.items() if value is not None}
    words = [str(SHIPPED / name), "--host", "json", "--timeout", "20000"]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)["widget"] == WIDGETS[name]


def test_common_sh_asks_the_daemon_as_a_prometheus(place: Place) -> None:
    known = {**os.environ, **place.environment, "PROMETHEUS_HOST": f"http://127.0.0.1:{place.port}"}
    environ = {key: value for key, value in known.items() if value is not None}
    script = f". {SHIPPED}/common.sh; get_prometheus_metric 'up' && get_prometheus_metric '1 + 1'"
    done = subprocess.run(["sh", "-c", script], env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "0\n2\n"


def test_after_the_daemon_services_are_asked_and_answers_are_shown_with_their_age(tmp_path: Path) -> None:
    place = Place.of(tmp_path / "own", SOURCES)
    place = Place(place.directory, place.port, {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    with place.up():
        place.status_when(lambda status: any(one["health"] == "down" for one in status["services"]))
        assert place.run("widget", "cache", "--host", "text", "--timeout", "20000").returncode == 0
    shown = place.run("widget", "health", "--host", "text").stdout
    assert shown.startswith("Health 0/1 up, no daemon\nredis ")
    assert " stale " in place.run("widget", "cache", "--host", "text").stdout.splitlines()[0]
    assert place.run("widget", "cost", "--host", "text").stdout == "no daemon: run inferdeck up\n"
