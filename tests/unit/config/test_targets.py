"""Target lists and Prometheus' file_sd files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from inferdeck.config.schema import TargetConfig
from inferdeck.config.targets import TargetFiles, expand_targets


def config(folder: Path, **keys: object) -> TargetConfig:
    return TargetConfig.model_validate({"file_sd": [str(folder / "*.json"), str(folder / "*.yml")], **keys})


def test_url_targets_and_files_come_in_this_order_and_none_twice(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"targets": ["n1:9100", "n2:9100"], "labels": {"rack": "7"}}]', encoding="utf-8")
    (tmp_path / "b.yml").write_text(
        "- targets: ['https://n3/metrics', n1:9100]\n"
        "- targets: [n4]\n  labels: {__scheme__: https, __metrics_path__: /m, __meta_x: y, zone: z}\n",
        encoding="utf-8",
    )
    found = expand_targets(config(tmp_path, url="http://n0", targets=["n2:9100"]))
    assert [(e.url, dict(e.labels), Path(e.origin).name) for e in found.endpoints] == [
        ("http://n0", {}, "url"),
        ("http://n2:9100", {}, "targets"),
        ("http://n1:9100", {"rack": "7"}, "a.json"),
        ("https://n3/metrics", {}, "b.yml"),
        ("https://n4/m", {"zone": "z"}, "b.yml"),
    ]
    assert found.warnings == ()


def test_scheme_completes_what_is_not_a_url() -> None:
    found = expand_targets(TargetConfig(targets=("cache:6379", "rediss://other")), scheme="redis")
    assert [endpoint.url for endpoint in found.endpoints] == ["redis://cache:6379", "rediss://other"]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("{}", ":1: expected a list of groups, each with targets and labels"),
        ("- 5", ":1: expected a group with a list of targets"),
        ("- targets: [a:1]\n- targets: b", ":2: expected a group with a list of targets"),
        ("- targets: [a:1]\n- targets:\n  - 5", ":3: expected host:port or a URL"),
        ("- {targets: [a:1], labels: {x: 5}}", ":1: labels must be a mapping of text to text"),
        ("- {targets: [a:1], labels: {job: x}}", ':1: the label "job" is set by inferdeck itself; choose another name'),
        ("- targets: [a:1", ":1: the list that begins with [ in this line goes on wrongly; a , or its ] is missing"),
    ],
)
def test_a_broken_file_is_a_warning_and_its_last_good_content_stays(tmp_path: Path, text: str, warning: str) -> None:
    file = tmp_path / "a.yml"
    files = TargetFiles()
    file.write_text("- targets: [good:1]", encoding="utf-8")
    assert [e.url for e in expand_targets(config(tmp_path), files=files).endpoints] == ["http://good:1"]
    file.write_text(text, encoding="utf-8")
    found = expand_targets(config(tmp_path), files=files)
    assert ([e.url for e in found.endpoints], found.warnings) == (["http://good:1"], (f"{file}{warning}",))
    assert expand_targets(config(tmp_path)).endpoints == ()


@pytest.mark.parametrize(
    ("body", "warning"),
    [
        (b'[{"targets": ["a:1"]},\n{"targets": "b"}]', ": expected a group with a list of targets"),
        (b'[\n{"targets": ["a:1"', ":2: is not JSON: expecting ',' delimiter"),
        (b"", ":1: is not JSON: expecting value"),
        (b'["\xff"]', ": is not UTF-8 text"),
        (b"[" * 200_000, ": nested too deep"),
        (b" " * 1_100_000, ": is larger than 1 MiB, so it is no configuration"),
        (b'[{"targets": [1]}]', ": expected host:port or a URL"),
    ],
)
def test_a_broken_json_file_is_a_warning(tmp_path: Path, body: bytes, warning: str) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(body)
    found = expand_targets(config(tmp_path))
    assert (found.endpoints, found.warnings) == ((), (f"{file}{warning}",))


def test_an_empty_file_lists_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("", encoding="utf-8")
    found = expand_targets(config(tmp_path))
    assert (found.endpoints, found.warnings) == ((), ())


def test_change_is_noticed_when_a_file_comes_is_written_or_goes(tmp_path: Path) -> None:
    files, entry = TargetFiles(), config(tmp_path)
    assert files.changed(entry)
    assert not files.changed(entry)
    file = tmp_path / "a.yml"
    file.write_text("- targets: [a:1]", encoding="utf-8")
    assert files.changed(entry)
    assert not files.changed(entry)
    os.utime(file, ns=(1, 1))
    assert files.changed(entry)
    file.unlink()
    assert files.changed(entry)
    assert expand_targets(entry, files=files).endpoints == ()


def test_more_targets_than_the_limit_are_cut_with_a_warning(tmp_path: Path) -> None:
    for name in "ab":
        targets = [f"{name}{index}" for index in range(9_000)]
        (tmp_path / f"{name}.json").write_text(json.dumps([{"targets": targets}]), encoding="utf-8")
    found = expand_targets(config(tmp_path))
    assert len(found.endpoints) == 10_000
    assert found.warnings == ("file_sd: 18000 targets; only the first 10000 are read",)
