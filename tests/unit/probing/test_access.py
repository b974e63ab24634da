"""Which key goes to a gateway: never one that was written for another."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from inferdeck.config.load import load
from inferdeck.config.schema import Settings, Tls
from inferdeck.errors import ConfigError, UsageError
from inferdeck.probing.access import Access, place, to
from inferdeck.sources.registry import config_classes

FILE = """
sources:
  litellm:
    - {url: "http://localhost:4000", key: {env: FIRST}}
    - targets: ["other:4000"]
      basic_auth: {username: me, password: {env: SECOND}}
      headers: {X-Org: {env: THIRD}}
    - {url: "http://open:4000"}
"""
ENVIRON = {"FIRST": "sk-first-1", "SECOND": "second-2", "THIRD": "third-3", "LITELLM_MASTER_KEY": "sk-env-4"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "inferdeck.yaml").write_text(FILE, encoding="utf-8")
    return load(path=tmp_path / "inferdeck.yaml", environ=ENVIRON, kinds=config_classes())


def test_the_key_of_the_source_with_the_same_address(settings: Settings) -> None:
    assert to("http://127.0.0.1:4000/v1", "", settings, ENVIRON).headers == {"Authorization": "Bearer sk-first-1"}
    other = to("other:4000", "", settings, ENVIRON)
    assert other.url == "http://other:4000"
    assert other.headers == {"X-Org": "third-3", "Authorization": "Basic bWU6c2Vjb25kLTI="}
    assert set(other.secrets) == {"second-2", "third-3", "bWU6c2Vjb25kLTI="}


def test_another_address_gets_the_key_of_the_environment(settings: Settings) -> None:
    for url in ("http://open:4000", "http://stranger:4000", "http://localhost:4001"):
        assert to(url, "", settings, ENVIRON).headers == {"Authorization": "Bearer sk-env-4"}
    assert to("http://stranger:4000", "", settings, {}).headers == {}
    assert to("http://stranger:4000", "", settings, {**ENVIRON, "LITELLM_API_KEY": "sk-5"}).secrets == ("sk-5",)


def test_the_key_of_the_file_stands_above_all(settings: Settings) -> None:
    assert to("http://localhost:4000", "sk-own", settings, ENVIRON).headers == {"Authorization": "Bearer sk-own"}


def test_no_key_is_shown(settings: Settings) -> None:
    shown = repr(to("http://localhost:4000", "", settings, ENVIRON)) + repr(settings)
    assert not any(key in shown for key in ENVIRON.values())


@pytest.mark.parametrize("url", ["", "unix:///x.sock", "http://", "http://host:port", "http://[::1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="write http://HOST:PORT"):
        place(url)


def test_addresses() -> None:
    assert place("http://host") == ("host", 80)
    assert place("https://host/x") == ("host", 443)
    assert place("host:4000") == ("host", 4000)
    assert place("http://localhost:1") == place("http://127.0.0.1:1")


def test_certificates(tmp_path: Path) -> None:
    assert Access("https://x").trust() is True
    lax = Access("https://x", tls=Tls(verify=False)).trust()
    assert isinstance(lax, ssl.SSLContext)
    assert lax.verify_mode is ssl.CERT_NONE
    with pytest.raises(ConfigError, match="cannot be used"):
        Access("https://x", tls=Tls(ca=str(tmp_path / "none.pem"))).trust()
