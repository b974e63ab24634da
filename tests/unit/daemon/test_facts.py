"""What doctor is told of the machine and the catalogs."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from inferdeck.config.load import load
from inferdeck.daemon import surroundings
from inferdeck.sources.registry import config_classes
from tests.unit.query.stack import series, state


@pytest.mark.parametrize(
    ("kind", "name", "known"),
    [
        ("redis", "redis_memory_used_bytes", True),
        ("redis", "redis_never_heard_of", False),
        ("litellm", "litellm_request_total_latency_metric_bucket", True),
        ("litellm", "litellm_never_heard_of", False),
        ("prometheus", "anything", True),
        ("my_own_job", "anything", True),
    ],
)
def test_names_are_claimed_by_their_catalog(kind: str, name: str, known: bool) -> None:
    assert surroundings.claimed(kind, name) is known


def test_versions_come_from_the_catalogs() -> None:
    oldest, newest = surroundings.known_versions()["litellm"]
    assert oldest.startswith("1.")
    assert newest.startswith("1.1")


def test_the_file_system_of_a_path_is_that_of_its_mount(tmp_path: Path) -> None:
    found = surroundings.filesystem(tmp_path)
    assert found in {part.fstype for part in psutil.disk_partitions(all=True)}
    assert surroundings.filesystem(Path("/proc")) == "proc"


def test_a_secret_written_as_text_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "inferdeck.yaml"
    environ = {"HOME": str(tmp_path), "KEY": "sk-from-environment"}
    for key, noticed in (("sk-in-the-file", True), ("{env: KEY}", False)):
        file.write_text(f"sources: {{litellm: {{url: http://a, key: {key}}}}}\n")
        settings = load(path=file, environ=environ, kinds=config_classes())
        assert surroundings.has_secrets(settings) is noticed
    file.chmod(0o644)
    assert surroundings.readable_by_others(file)
    file.chmod(0o600)
    assert not surroundings.readable_by_others(file)
    assert not surroundings.readable_by_others(None)


def test_names_are_those_of_the_targets_own_series() -> None:
    one, other = state("vllm", "a:8000"), state("vllm", "b:8000")
    stored = [
        series("z", job="vllm", instance="a:8000", model="m"),
        series("z", job="vllm", instance="a:8000", model="n"),
        series("b", job="vllm", instance="a:8000"),
        series("c", job="redis", instance="b:8000"),
        series("d", job="vllm", instance="b:8000", environment="prod"),
    ]
    assert surroundings.names_of(stored, (one, other)) == {one.key.id: ("b", "z"), other.key.id: ()}
