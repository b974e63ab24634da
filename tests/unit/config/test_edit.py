"""Adding a source keeps what a person wrote."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from inferdeck.config.edit import add_source, with_source
from inferdeck.errors import ConfigError

ENTRY = {"url": "redis://a:6379", "password": {"env": "R"}}
ADDED = "sources:\n  redis:\n    - url: redis://a:6379\n      password:\n        env: R\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"# inferdeck's configuration; every key: docs/configuration.md\n{ADDED}"),
        ("# only a comment\n", f"# only a comment\n{ADDED}"),
        ("environment: 'prod' # ours\n", f"environment: 'prod' # ours\n{ADDED}"),
        (
            "sources:\n  redis: # one\n    # two\n    url: b:1 # first\n    tls:\n      verify: false # why\n\nx: 1\n",
            "sources:\n  redis: # one\n    # two\n    - url: b:1 # first\n      tls:\n        verify: false # why\n\n"
            "    - url: redis://a:6379\n      password:\n        env: R\nx: 1\n",
        ),
        (
            "sources:\n  redis:\n    # first\n    - url: b:1\n  host: {}\n",
            "sources:\n  redis:\n    # first\n    - url: b:1\n    - url: redis://a:6379\n"
            "      password:\n        env: R\n  host: {}\n",
        ),
    ],
    ids=["no file", "comments", "other keys", "a single entry", "a list"],
)
def test_the_rest_of_the_file_stays(before: str, after: str) -> None:
    changed, lines = with_source(before, "f", "redis", ENTRY)
    assert changed == after
    assert lines == ADDED


@pytest.mark.parametrize("text", ["- a\n", "a: [\n", "sources: 7\n"])
def test_what_is_no_configuration_is_left_alone(tmp_path: Path, text: str) -> None:
    file = tmp_path / "inferdeck.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match="config check"):
        add_source(file, "redis", ENTRY)
    assert file.read_text() == text


def test_a_new_file_is_ours_alone_and_an_old_one_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "inferdeck.yaml"
    add_source(file, "redis", ENTRY)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o640)
    add_source(file, "redis", {"url": "redis://c:1"})
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert list(file.parent.iterdir()) == [file]
