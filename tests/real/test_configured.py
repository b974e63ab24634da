"""`inferdeck up` does what its environment variables and its file say: overrides, environments, TLS, basic auth."""

from __future__ import annotations

import base64
import json
import shutil
import urllib.request
from pathlib import Path

import pytest

from tests.real import programs
from tests.real.daemon import Place, service
from tests.real.mirror import GOOD, Mirror, mirror, self_signed

pytestmark = pytest.mark.real


def test_variables_win_over_the_file_and_name_sources(tmp_path: Path) -> None:
    with programs.prometheus(tmp_path / "prometheus") as prometheus, mirror(Mirror(body=GOOD)) as gateway:
        place = Place.of(tmp_path / "daemon", "host: {enabled: false}")
        port = programs.free_port()
        variables = {
            "INFERDECK_LISTEN__PORT": str(port),
            "INFERDECK_DATA_DIR": str(tmp_path / "elsewhere"),
            "INFERDECK_ENVIRONMENT": "lab",
            "INFERDECK_LOG__FILE": str(tmp_path / "up.log"),
            "INFERDECK_SOURCES__PROMETHEUS__INTERVAL": "700ms",
            "LITELLM_HOST": gateway.url.removeprefix("http://"),
            "LITELLM_MASTER_KEY": "sk-of-the-variable",
            "PROMETHEUS_HOST": prometheus.url.removeprefix("http://"),
        }
        moved = Place(place.directory, port, variables)
        with moved.up():
            status = moved.status_when(
                lambda found: all(service(found, kind).get("health") == "up" for kind in ("prometheus", "litellm"))
            )
            shown = moved.run("config", "show", "--json").stdout
    assert status["own"]["url"].endswith(f":{port}")
    assert status["store"]["path"] == str(tmp_path / "elsewhere")
    assert {one["environment"] for one in status["services"]} == {"lab"}
    assert service(status, "prometheus")["url"] == prometheus.url
    assert ("/metrics/", "Bearer sk-of-the-variable") in gateway.seen
    assert (tmp_path / "up.log").exists()
    assert not (place.directory / "data").exists()
    assert "sk-of-the-variable" not in shown
    assert "LITELLM_HOST" in shown


def test_two_environments_with_one_address_tls_and_basic_auth(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    certificate, key = self_signed(tmp_path)
    with mirror(Mirror(body=GOOD), (certificate, key)) as secure:
        login = "basic_auth: {username: deck, password: of-the-test}"
        place = Place.of(
            tmp_path / "daemon",
            "prometheus:\n"
            f"  - {{url: {secure.url}, environment: prod, job: secure, tls: {{ca: {certificate}}}, {login}}}\n"
            f"  - {{url: {secure.url}, environment: dev, {login}}}\n"
            f"  - {{url: {secure.url}, environment: lax, tls: {{verify: false}}, {login}}}\n"
            f"  - {{url: {secure.url}, environment: none, tls: {{ca: {key}}}, {login}}}\n"
            "host: {enabled: false}\n",
            interval="1s",
        )
        with place.up() as daemon:
            status = place.status_when(
                lambda found: (
                    len(found["services"]) == 4 and all(one["health"] != "unknown" for one in found["services"])
                )
            )
            doctor = json.loads(place.run("doctor", "--json").stdout)
        log = daemon.log(1000)
    found = {one["environment"]: one for one in status["services"]}
    assert {name: one["health"] for name, one in found.items()} == {
        "prod": "up",
        "lax": "up",
        "dev": "down",
        "none": "down",
    }
    assert "TLS failed" in found["dev"]["error"]
    assert "set `tls.ca`" in found["dev"]["error"]
    assert str(key) in found["none"]["error"]
    assert "please report" not in found["none"]["error"]
    assert found["prod"]["id"].startswith("prod/secure/")
    assert found["prod"]["kind"] == "prometheus"
    expected = "Basic " + base64.b64encode(b"deck:of-the-test").decode()
    assert secure.seen
    assert set(secure.seen) == {("/metrics", expected)}
    assert "of-the-test" not in json.dumps([status, doctor]) + log


def test_a_remote_write_shows_what_it_sent_and_why_it_does_not_send(tmp_path: Path) -> None:
    with (
        programs.prometheus(tmp_path / "prometheus", receive_remote_write=True) as prometheus,
        mirror(Mirror(503, "away for a while")) as away,
    ):
        place = Place.of(tmp_path / "daemon", f"prometheus: {{url: {prometheus.url}, interval: 500ms, deadline: 10s}}")
        with place.config.open("a") as file:
            file.write(
                f"remote_write:\n  - {{url: {prometheus.url}/api/v1/write, name: near}}\n"
                f"  - {{url: {away.url}/push, name: far}}\n"
            )
        with place.up() as daemon:
            status = place.status_when(
                lambda found: (
                    found["remote_write"][0]["sent"]["value"]
                    and found["remote_write"][1]["failed"]["value"]
                    and found["remote_write"][1]["waiting"]["value"]
                )
            )
            text = place.run("status").stdout
            doctor = json.loads(place.run("doctor", "--json").stdout)
            with urllib.request.urlopen(f"{daemon.url}/metrics", timeout=10) as answer:
                metrics = answer.read().decode()
    near, far = status["remote_write"]
    assert (near["sending"], near["error"], near["rejected"]["value"]) == (True, "", 0)
    assert (far["sending"], far["sent"]["value"], far["error"]) == (False, 0, "HTTP 503: away for a while")
    words = " ".join(text.split())
    assert "remote write to near:" in words
    assert "NOT SENDING, HTTP 503: away for a while" in words
    assert [one["subject"] for one in doctor["findings"] if one["id"] == "remote-write-failing"] == ["far"]
    assert 'inferdeck_remote_write_failed_requests_total{receiver="far"}' in metrics
    assert 'inferdeck_remote_write_sent_samples_total{receiver="far"} 0.0' in metrics
    assert 'inferdeck_remote_write_spooled_bytes{receiver="near"}' in metrics
