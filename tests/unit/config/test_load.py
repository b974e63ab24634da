"""Which file is read, what the environment changes, where each value came from, and what is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from inferdeck.config.document import parse
from inferdeck.config.environment import host_url
from inferdeck.config.load import load
from inferdeck.config.schema import Settings
from inferdeck.config.secrets import mask_url
from inferdeck.errors import ConfigError
from tests.unit.config.corpus import ENVIRON, GOOD, KINDS


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def read(text: str | None = None, environ: dict[str, str] | None = None) -> Settings:
    if text is not None:
        Path("inferdeck.yaml").write_text(text, encoding="utf-8")
    return load(path=None, environ={**ENVIRON, **(environ or {})}, kinds=KINDS)


def failure(text: str | None = None, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text, environ)
    return str(caught.value)


def test_no_file_at_all_gives_the_defaults(here: Path) -> None:
    found = read()
    assert (found.file, found.listen.host, found.listen.port) == (None, "127.0.0.1", 4633)
    assert found.data_dir == Path("/home/somebody/.local/share/inferdeck")
    assert found.listen.unix_socket == found.data_dir / "run" / "inferdeck.sock"
    assert set(found.origins.values()) == {"default"}


def test_first_file_of_the_search_order_wins(here: Path) -> None:
    home = here / "home"
    for folder, port in ((here / "config" / "inferdeck", 1), (home / ".config" / "inferdeck", 2)):
        folder.mkdir(parents=True)
        (folder / "inferdeck.yaml").write_text(f"listen: {{port: {port}}}", encoding="utf-8")
    named = here / "other.yaml"
    named.write_text("listen: {port: 3}", encoding="utf-8")
    environ = {"HOME": str(home)}
    assert load(path=None, environ=environ, kinds=KINDS).listen.port == 2
    environ["XDG_CONFIG_HOME"] = str(here / "config")
    assert load(path=None, environ=environ, kinds=KINDS).listen.port == 1
    (here / "inferdeck.yaml").write_text("listen: {port: 4}", encoding="utf-8")
    assert load(path=None, environ=environ, kinds=KINDS).listen.port == 4
    environ["INFERDECK_CONFIG"] = str(named)
    assert load(path=None, environ=environ, kinds=KINDS).listen.port == 3
    assert load(path=here / "inferdeck.yaml", environ=environ, kinds=KINDS).listen.port == 4


def test_a_named_file_must_exist(here: Path) -> None:
    assert failure(environ={"INFERDECK_CONFIG": "gone.yaml"}) == "gone.yaml: no such file (named by INFERDECK_CONFIG)"
    with pytest.raises(ConfigError, match=r"^gone.yaml: no such file \(named by --config\)$"):
        load(path=Path("gone.yaml"), environ={}, kinds={})


def test_a_directory_instead_of_a_file(here: Path) -> None:
    (here / "inferdeck.yaml").mkdir()
    assert failure() == "inferdeck.yaml: is a directory, not a file"


def test_a_file_that_cannot_be_read_names_the_reason() -> None:
    # Its pages cannot be read at offset 0, by nobody.
    with pytest.raises(ConfigError, match=r"^/proc/self/mem: cannot be read: input/output error$"):
        load(path=Path("/proc/self/mem"), environ={}, kinds={})


def test_a_huge_file_is_not_read(here: Path) -> None:
    assert failure("# " + "x" * (1 << 20)) == "inferdeck.yaml: is larger than 1 MiB, so it is no configuration"


def test_runtime_directory_holds_the_socket_where_there_is_one(here: Path) -> None:
    assert read(environ={"XDG_RUNTIME_DIR": str(here)}).listen.unix_socket == here / "inferdeck" / "inferdeck.sock"
    gone = read(environ={"XDG_RUNTIME_DIR": str(here / "gone"), "XDG_DATA_HOME": "/data"})
    assert gone.listen.unix_socket == Path("/data/inferdeck/run/inferdeck.sock")


def test_socket_follows_the_data_directory_of_the_file(here: Path) -> None:
    found = read("data_dir: history\nlisten: {port: 1}")
    assert found.data_dir == here / "history"
    assert found.listen.unix_socket == here / "history" / "run" / "inferdeck.sock"


def test_relative_paths_start_at_the_file_and_those_of_the_environment_at_the_working_directory(here: Path) -> None:
    (here / "etc").mkdir()
    (here / "etc" / "inferdeck.yaml").write_text("data_dir: a\nlog: {file: b.log}", encoding="utf-8")
    environ = {**ENVIRON, "INFERDECK_CONFIG": "etc/inferdeck.yaml", "INFERDECK_LOG__FILE": "c.log"}
    found = load(path=None, environ=environ, kinds=KINDS)
    assert (found.data_dir, found.log.file) == (here / "etc" / "a", here / "c.log")


def test_environment_wins_over_the_file_and_the_origin_says_so(here: Path) -> None:
    text = "listen:\n  host: 127.0.0.2\n  port: 1\nsources:\n  litellm:\n    url: http://a\n  prometheus:\n    - url: http://b\n"
    environ = {
        "INFERDECK_LISTEN__PORT": "4700",
        "INFERDECK_STORE__RETENTION_AGE": "30d",
        "INFERDECK_DISCOVERY__ENABLED": "false",
        "INFERDECK_ALLOWED_HOSTS": "a.example, b.example",
        "INFERDECK_SOURCES__LITELLM__INTERVAL": "5s",
        "INFERDECK_SOURCES__PROMETHEUS__0__NAME": "node",
        "INFERDECK_SOURCES__PROMETHEUS__1__URL": "http://c",
        "INFERDECK_REMOTE_WRITE__URL": "http://mimir",
        "INFERDECK_LOG__LEVEL": "",
    }
    found = read(text, environ)
    assert (found.listen.host, found.listen.port, found.store.retention_age) == ("127.0.0.2", 4700, 2_592_000.0)
    assert (found.discovery.enabled, found.allowed_hosts) == (False, ("a.example", "b.example"))
    assert found.sources["litellm"][0].interval == 5.0
    assert [(t.name, t.url) for t in found.sources["prometheus"]] == [("node", "http://b"), (None, "http://c")]
    assert [w.url for w in found.remote_write] == ["http://mimir"]
    assert found.origins["listen.host"] == "inferdeck.yaml:2"
    assert found.origins["listen.port"] == "env INFERDECK_LISTEN__PORT"
    assert found.origins["sources.litellm.url"] == "inferdeck.yaml:6"
    assert found.origins["sources.litellm.interval"] == "env INFERDECK_SOURCES__LITELLM__INTERVAL"
    assert found.origins["sources.litellm.deadline"] == "default"
    assert found.origins["sources.prometheus[0].url"] == "inferdeck.yaml:8"
    assert found.origins["sources.prometheus[1].url"] == "env INFERDECK_SOURCES__PROMETHEUS__1__URL"
    assert found.origins["remote_write.url"] == "env INFERDECK_REMOTE_WRITE__URL"
    assert found.origins["log.level"] == "default"


def test_mistakes_of_file_and_environment_come_together(here: Path) -> None:
    environ = {
        "INFERDECK_LISTEN__PROT": "1",
        "INFERDECK_LISTEN__PORT": "many",
        "INFERDECK_SOURCES__PROMETHEUS__URL": "http://c",
        "INFERDECK_SOURCES__LITELLM__3__URL": "http://c",
    }
    text = "listn: {}\nsources:\n  prometheus: [{url: http://a}, {url: http://b}]\n"
    assert failure(text, environ).splitlines() == [
        'inferdeck.yaml:1: listn: unknown key, did you mean "listen"?',
        "INFERDECK_LISTEN__PROT: unknown setting, did you mean INFERDECK_LISTEN__PORT?",
        "INFERDECK_SOURCES__LITELLM__3__URL: 3 is not an entry of the file; the numbers start at 0 and have no gaps",
        "INFERDECK_SOURCES__PROMETHEUS__URL: the file lists 2 entries there; say which one: __0__ is the first",
        'INFERDECK_LISTEN__PORT: listen.port: expected a whole number, got "many"',
    ]


def test_variables_that_kubernetes_sets_for_a_service_of_our_name_are_no_mistakes(here: Path) -> None:
    environ = {"INFERDECK_PORT": "tcp://10.0.0.1:4633", "INFERDECK_SERVICE_HOST": "10.0.0.1", "INFERDECK_TOKEN": "x"}
    assert read(environ=environ).warnings == ()
    assert read(environ={"INFERDECK_DATA_DIRR": "x"}).warnings == (
        "INFERDECK_DATA_DIRR: unknown setting, ignored, did you mean INFERDECK_DATA_DIR?",
    )


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("gateway", "http://gateway:4000"),
        ("gateway:8000", "http://gateway:8000"),
        ("https://gateway.example.org/proxy", "https://gateway.example.org/proxy"),
        ("http://localhost:4000", "http://localhost:4000"),
        ("127.0.0.1", "http://127.0.0.1:4000"),
        ("::1", "http://[::1]:4000"),
        ("[::1]:4001", "http://[::1]:4001"),
        ("[::1]", "http://[::1]:4000"),
        (" gateway ", "http://gateway:4000"),
    ],
)
def test_host_variable_takes_host_host_and_port_or_url(text: str, url: str, here: Path) -> None:
    assert host_url(text, 4000) == url
    assert read(environ={"LITELLM_HOST": text}).sources["litellm"][0].url == url


def test_litellm_key_of_the_environment_goes_to_the_configured_gateway_only(here: Path) -> None:
    key = {"LITELLM_MASTER_KEY": "sk-env"}
    assert read(environ=key).sources == {}
    by_host = read(environ={**key, "LITELLM_HOST": "gw", "LITELLM_API_KEY": "sk-other"})
    assert by_host.sources["litellm"][0].key == SecretStr("sk-env")
    assert by_host.origins["sources.litellm.key"] == "env LITELLM_MASTER_KEY"
    with_key = read("sources: {litellm: {url: http://a, key: sk-file}, prometheus: {url: http://b}}", key)
    assert with_key.sources["litellm"][0].key == SecretStr("sk-file")
    assert with_key.sources["prometheus"][0].key is None
    two = read("sources: {litellm: [{url: http://a}, {url: http://b}]}", {**key, "LITELLM_HOST": "gw"})
    assert [target.key for target in two.sources["litellm"]] == [None, None]
    assert two.warnings == ("LITELLM_HOST: ignored, because the file lists 2 entries of litellm",)


def test_prometheus_host_adds_a_target(here: Path) -> None:
    found = read(environ={"PROMETHEUS_HOST": "metrics.example.org"})
    assert found.sources["prometheus"][0].url == "http://metrics.example.org:9090"


def test_own_variable_wins_over_the_foreign_one(here: Path) -> None:
    environ = {"LITELLM_HOST": "a", "INFERDECK_SOURCES__LITELLM__URL": "http://b"}
    assert read(environ=environ).sources["litellm"][0].url == "http://b"


def test_secret_file_loses_its_line_break_and_warns_where_everyone_may_read_it(here: Path) -> None:
    file = here / "key"
    file.write_bytes(b" sk-secret \r\n")
    text = "sources: {litellm: {url: http://a, key: {file: key}}}"
    file.chmod(0o600)
    private = read(text)
    key = private.sources["litellm"][0].key
    assert key is not None
    assert (key.get_secret_value(), private.warnings) == (" sk-secret ", ())
    file.chmod(0o644)
    assert read(text).warnings == (f"{file}: everyone on this machine can read this secret; run: chmod o-r {file}",)


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"", "is empty"), (b"\n", "is empty"), (b"\xff", "is not UTF-8 text"), (b"x" * 70_000, "is larger than 64 KiB")],
)
def test_secret_file_that_holds_no_secret(here: Path, body: bytes, reason: str) -> None:
    (here / "key").write_bytes(body)
    text = failure("auth: {viewer_token: {file: key}}")
    assert text == f"inferdeck.yaml:1: auth.viewer_token: the secret file {here / 'key'} {reason}"


def test_no_secret_is_shown_anywhere(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
auth: {viewer_token: PLANTED-1, operator_token: {env: TOKEN}}
remote_write: {url: "https://user:PLANTED-2@mimir/api/v1/push", headers: {X-Key: PLANTED-3}}
sources:
  litellm: {url: "http://:PLANTED-4@a", key: PLANTED-5, headers: {X-Key: PLANTED-6}}
  prometheus:
    - {url: http://a, basic_auth: {username: u, password: PLANTED-7}}
    - {targets: ["http://u:PLANTED-8@b:9100"]}
"""
    found = read(text, {"TOKEN": "PLANTED-9"})
    for shown in (str(found.masked()), str(found.origins), repr(found.auth), repr(found.sources["litellm"][0].key)):
        assert "PLANTED" not in shown
    masked = found.masked()
    assert masked["auth"] == {"viewer_token": "•••", "operator_token": "•••"}
    assert masked["remote_write"][0]["url"] == "https://user:•••@mimir/api/v1/push"
    assert masked["sources"]["litellm"][0]["url"] == "http://:•••@a"
    assert masked["sources"]["prometheus"][0]["basic_auth"] == {"username": "u", "password": "•••"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://a/x?model=y", "http://a/x?model=y"),
        ("http://user@a/", "http://user@a/"),
        ("http://user:PLANTED@a/", "http://user:•••@a/"),
        ("redis://:PLAN@TED@a:6379/0", "redis://:•••@a:6379/0"),
        ("http://a/x?a=1&api_key=PLANTED&b=2", "http://a/x?a=1&api_key=•••&b=2"),
        ("http://a/x?access_token=PLANTED#part", "http://a/x?access_token=•••#part"),
    ],
)
def test_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert mask_url(url) == shown


def test_anchors_and_merge_keys_share_what_entries_have_in_common(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOOD)
    found = load(path=Path("anchors.yaml"), environ=ENVIRON, kinds=KINDS).sources["litellm"]
    assert [(t.url, t.interval, t.labels) for t in found] == [
        ("http://a:4000", 30.0, {"team": "x"}),
        ("http://b:4000", 30.0, {"team": "x"}),
        ("http://c:4000", 10.0, {"team": "x"}),
    ]


def test_full_file_sets_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOOD)
    found = load(path=Path("full.yaml"), environ=ENVIRON, kinds=KINDS)
    main, second = found.sources["litellm"]
    (exporters,) = found.sources["prometheus"]
    assert (found.store.sync, found.store.retention_age, found.store.retention_size) == ("full", 31_536_000.0, None)
    assert found.auth.operator_token == SecretStr("top-secret")
    assert (main.tls.ca, main.interval, main.key) == (str(GOOD / "ca.pem"), 5.0, SecretStr("look-only"))
    assert (second.environment, second.headers) == ("staging", {"X-Custom": SecretStr("top-secret")})
    assert exporters.file_sd == (str(GOOD / "targets" / "*.json"),)
    assert (exporters.max_bytes, exporters.deadline) == (8 * 2**20, 90.0)
    assert found.remote_write[0].spool_size == 512 * 2**20


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_load_or_give_a_config_error(here: Path, body: bytes) -> None:
    (here / "inferdeck.yaml").write_bytes(body)
    try:
        load(path=None, environ={}, kinds=KINDS)
    except ConfigError as error:
        assert str(error).startswith("inferdeck.yaml")  # noqa: PT017


@given(st.text(alphabet="ab:-[]{}&*!<>|?'\"%#, \n0.~x", max_size=80))
def test_anything_like_yaml_parses_or_gives_a_config_error(text: str) -> None:
    try:
        parse(text.encode(), "f.yaml")
    except ConfigError as error:
        assert str(error).startswith("f.yaml:")  # noqa: PT017
