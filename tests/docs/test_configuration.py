"""docs/configuration.md says what the code does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from inferdeck.config.environment import FOREIGN, RESERVED
from inferdeck.config.keys import settings_table
from inferdeck.config.load import load
from inferdeck.config.places import search_order
from inferdeck.config.schema import DEFAULT_PORT, Settings, TargetConfig
from scripts.generated import FILES, ROOT, kinds, outdated

PAGE = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
ROWS = {row[1]: row[0] for row in re.finditer(r"^\| `([^`]+)` \|.*$", PAGE, re.MULTILINE)}


def keys(schema: Mapping[str, Any], shared: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Walk pydantic's own JSON Schema, which knows nothing of the table that the page is made from."""
    for name, value in schema.get("properties", {}).items():
        references = re.findall(r"#/\$defs/(\w+)", str(value))
        if name == "sources":
            continue
        if references:
            yield from keys(shared[references[0]], shared, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def keys_of(model: type[BaseModel], prefix: str) -> list[str]:
    schema = model.model_json_schema()
    return list(keys(schema, schema.get("$defs", {}), prefix))


@pytest.fixture(scope="module")
def stale() -> set[Path]:
    return set(outdated())


@pytest.mark.parametrize("path", FILES, ids=str)
def test_generated_file_is_current(path: Path, stale: set[Path]) -> None:
    assert path not in stale, "run scripts/generate"


def test_every_setting_has_its_entry() -> None:
    wanted = keys_of(Settings, "") + keys_of(TargetConfig, "sources.KIND.")
    assert [key for key in wanted if key not in ROWS] == []


def test_every_key_that_a_source_adds_has_its_entry() -> None:
    common = set(keys_of(TargetConfig, ""))
    found = {kind: set(keys_of(model, "")) - common for kind, model in kinds().items()}
    missing = [f"sources.{kind}.{key}" for kind in found for key in found[kind] if f"sources.{kind}.{key}" not in ROWS]
    assert missing == []


def test_every_setting_is_described() -> None:
    assert [setting.key for setting in settings_table(kinds()) if not setting.description] == []


def test_no_kind_takes_a_secret_that_cannot_come_from_the_environment_or_a_file() -> None:
    """A source that declares SecretStr itself would refuse {env: NAME}."""
    for kind, model in kinds().items():
        for name, schema in model.model_json_schema()["properties"].items():
            assert not ("writeOnly" in str(schema) and "'env'" not in str(schema)), f"sources.{kind}.{name}: use Secret"


def test_every_variable_of_the_page_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table = settings_table({})
    values = {
        "text": "x",
        "path": "x",
        "secret": "x",
        "true or false": "true",
        "whole number": "1",
        "list of text": "x",
    }
    examples = {"duration": "5s", "duration or off": "off", "size": "1GB", "size or off": "1GB"}
    for setting in table:
        # A login needs both of its parts at once, an entry of a list all that it cannot do without.
        if (
            setting.variable
            and setting.path[0] not in ("remote_write", "deprecations", "config_files", "rules")
            and "basic_auth" not in setting.path
        ):
            value = {**values, **examples}.get(setting.type) or re.findall(r"`(\w+)`", setting.type)[0]
            found = load(path=None, environ={setting.variable: value}, kinds={})
            assert found.origins[setting.key] == f"env {setting.variable}"


def test_the_page_names_the_variables_places_and_port_of_the_code() -> None:
    for foreign in FOREIGN.values():
        assert all(f"`{name}`" in PAGE for name in (foreign.host, *foreign.keys))
        assert f"(port {foreign.port})" in PAGE
    assert all(f"`{name}`" in PAGE for name in RESERVED)
    assert f"127.0.0.1:{DEFAULT_PORT}" in PAGE
    for place in search_order({"HOME": "~x", "XDG_CONFIG_HOME": "/X"}):
        assert str(place).replace("/X", "$XDG_CONFIG_HOME") in PAGE


def test_the_example_of_the_page_loads(tmp_path: Path) -> None:
    example = PAGE.split("```yaml\n")[1].split("```")[0].replace("/run/secrets/redis", "redis.secret")
    (tmp_path / "redis.secret").write_text("x", encoding="utf-8")
    (tmp_path / "inferdeck.yaml").write_text(example, encoding="utf-8")
    given = {kind: kinds().get(kind, TargetConfig) for kind in ("litellm", "redis", "prometheus")}
    if "redis" not in kinds():
        pytest.skip("the redis source is not there")
    found = load(path=tmp_path / "inferdeck.yaml", environ={"LITELLM_MASTER_KEY": "sk"}, kinds=given)
    assert set(found.sources) == {"litellm", "redis", "prometheus"}
