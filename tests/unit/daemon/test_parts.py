"""The daemon's small parts: log, pulse, jobs, marker."""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from pathlib import Path

import pytest

from inferdeck.client import marker
from inferdeck.config.load import load
from inferdeck.config.secrets import secrets_of
from inferdeck.daemon.jobs import Jobs, Report
from inferdeck.daemon.logs import MaskingFormatter
from inferdeck.daemon.pulse import Pulse
from inferdeck.errors import LimitError, NotFoundError, StoreError
from inferdeck.model.answers import Job
from inferdeck.model.clock import ManualClock
from inferdeck.sources.registry import config_classes

SECRET = "sk-geheim-words-"


def refuse() -> None:
    raise ValueError(f"{SECRET}2 was refused by http://u:{SECRET}4@a/\x1b[2J")


def test_every_planted_secret_is_masked_in_the_log(tmp_path: Path) -> None:
    file = tmp_path / "inferdeck.yaml"
    litellm = f"{{url: http://a, key: {SECRET}2, headers: {{x-a: {SECRET}3}}}}"
    prometheus = f"{{url: http://b, basic_auth: {{username: u, password: {SECRET}4}}}}"
    file.write_text(
        f"auth: {{viewer_token: {SECRET}1}}\nsources:\n  litellm: {litellm}\n  prometheus: {prometheus}\n"
        f"  redis: {{url: redis://a, password: {SECRET}5}}\n"
    )
    settings = load(path=file, environ={"HOME": str(tmp_path)}, kinds=config_classes())
    found = set(secrets_of(settings))
    sent = base64.b64encode(f"u:{SECRET}4".encode()).decode()
    assert found == {sent, *(f"{SECRET}{number}" for number in range(1, 6))}
    with pytest.raises(ValueError, match="refused") as caught:
        refuse()
    trouble = (ValueError, caught.value, caught.tb)
    record = logging.LogRecord("x", logging.ERROR, "f", 1, f"{SECRET}5 %s", (caught.value,), trouble)
    text = MaskingFormatter(found).format(record)
    assert "geheim" not in text
    assert "\x1b" not in text
    assert "Traceback" in text


def test_the_pulse_knows_lag_cpu_and_jumps() -> None:
    clock = ManualClock(1000.0)
    pulse = Pulse(clock)
    assert pulse.loop_lag() is None
    assert pulse.cpu_share() is None
    for beat in range(1, 241):
        lag = 0.2 if beat == 200 else 0.001
        wall = 1000.0 + beat * 0.5 - (3600 if beat >= 230 else 0)
        pulse.note(beat * 0.5, wall, lag, beat * 0.05)
    assert pulse.loop_lag() == 0.2
    assert pulse.stalls == 1
    assert pulse.cpu_share() == pytest.approx(0.1)
    assert [round(seconds) for _, seconds in pulse.jumps()] == [-3600]
    pulse.note(200.0, -2400.0, 0.0, 13.0)
    assert pulse.loop_lag() == 0.0


def ended(jobs: Jobs, job: Job) -> Job:
    while (found := jobs.get(job.id)).state == "running":
        time.sleep(0.01)
    return found


def test_one_job_runs_at_a_time_and_says_how_it_ended() -> None:
    jobs, go_on = Jobs(), threading.Event()

    def work(report: Report) -> list[str]:
        report(0.5, "half")
        go_on.wait(20)
        return ["fine"]

    job = jobs.start("check", work)
    with pytest.raises(LimitError, match="a check is running"):
        jobs.start("compact", work)
    go_on.set()
    assert (ended(jobs, job).state, ended(jobs, job).lines) == ("done", ("fine",))

    def fail(_report: Report) -> list[str]:
        raise StoreError("the disk is gone")

    assert ended(jobs, jobs.start("check", fail)).message == "the disk is gone"

    def burst(_report: Report) -> list[str]:
        raise KeyError("secret detail")

    found = ended(jobs, jobs.start("check", burst))
    assert found.state == "failed"
    assert "secret" not in found.message
    with pytest.raises(NotFoundError):
        jobs.get("check-99")


def test_the_marker_is_read_back_and_removed_by_its_owner_alone(tmp_path: Path) -> None:
    mine = marker.Marker(7, "http://127.0.0.1:1", "/s", "0.1.0", 5.0)
    marker.write(tmp_path, mine)
    assert marker.read(tmp_path) == mine
    marker.remove(tmp_path, 8)
    assert marker.read(tmp_path) == mine
    marker.remove(tmp_path, 7)
    assert marker.read(tmp_path) is None
    (tmp_path / marker.NAME).write_text(json.dumps({"pid": 1}))
    assert marker.read(tmp_path) is None
