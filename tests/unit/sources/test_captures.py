"""Every family in every captured body is claimed by its kind's catalog: mapped, or listed with the reason why not."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from inferdeck.model.labels import metric_name
from inferdeck.sources import catalog, registry
from inferdeck.sources.catalog import Catalog, ClaimKind
from inferdeck.sources.exposition import Exposition, ExpositionParser
from inferdeck.sources.redis import fields, info

FOLDER = Path(catalog.FOLDER)
KINDS = [name for name in registry.KINDS if (FOLDER / name / "catalog.yaml").exists()]
SPEAKING_OTHERWISE = frozenset({"docker", "huggingface", "langfuse", "logs", "nvidia", "ollama", "systemd"})
"""Kinds whose systems know no exposition; their own tests hold what they make of the samples complete."""
EXPOSING = [name for name in KINDS if name not in SPEAKING_OTHERWISE]
PLANTED = b"# TYPE planted_family_total counter\nplanted_family_total 1\n"


def body(path: Path) -> bytes:
    """Return a sample as it was on the wire."""
    raw = path.read_bytes()
    return gzip.decompress(raw) if path.suffix == ".gz" else raw


def is_exposition(raw: bytes) -> bool:
    """Tell whether a sample is an exposition, which always says types here."""
    return raw.startswith(b"# TYPE ") or b"\n# TYPE " in raw


def expositions() -> list[Path]:
    """Return every captured exposition of every kind that has samples."""
    found = sorted(path for path in FOLDER.glob("*/samples/**/*") if path.is_file())
    return [path for path in found if is_exposition(body(path))]


def read(raw: bytes) -> Exposition:
    kind = "application/openmetrics-text" if raw.rstrip().endswith(b"# EOF") else "text/plain"
    return ExpositionParser(()).parse_sync(raw, kind)


def unclaimed(found: Catalog, raw: bytes) -> set[str]:
    """Return the families and samples of a body that the catalog does not know."""
    read_body = read(raw)
    names = {name for name in read_body.families if found.claim(name).kind is ClaimKind.UNCLAIMED}
    samples = {metric_name(series) for series in read_body.layout.series}
    return names | {name for name in samples if found.sample(name)[0] is None and not found.drops(name)}


@pytest.mark.parametrize("path", expositions(), ids=lambda path: f"{path.parts[-3]}-{path.name}")
def test_every_captured_exposition_is_read_without_a_warning(path: Path) -> None:
    found = read(body(path))
    assert found.warnings == ()
    assert len(found.layout.series) > 0


@pytest.mark.parametrize(
    "path",
    [path for path in expositions() if path.parts[-3] in KINDS],
    ids=lambda path: f"{path.parts[-3]}-{path.name}",
)
def test_every_captured_family_is_claimed(path: Path) -> None:
    assert unclaimed(catalog.load(path.parts[-3]), body(path)) == set()


@pytest.mark.parametrize("kind", EXPOSING)
def test_a_family_that_no_catalog_knows_is_found(kind: str) -> None:
    captured = next(path for path in expositions() if path.parts[-3] == kind)
    assert unclaimed(catalog.load(kind), body(captured) + PLANTED) == {"planted_family_total"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_with_a_catalog_has_captures(kind: str) -> None:
    captured = [path for path in (FOLDER / kind / "samples").glob("**/*") if path.is_file()]
    assert captured
    assert (kind in EXPOSING) == any(is_exposition(body(path)) for path in captured)


@pytest.mark.parametrize("kind", KINDS)
def test_every_metric_is_mapped_or_has_a_reason(kind: str) -> None:
    assert [
        metric.descriptor.name for metric in catalog.load(kind).metrics if not metric.canonical and not metric.unmapped
    ] == []


INFO_SAMPLES = sorted((FOLDER / "redis/samples").glob("*-info.txt"))


@pytest.mark.parametrize("path", INFO_SAMPLES, ids=lambda path: path.name)
def test_every_info_field_is_a_metric_or_has_a_reason(path: Path) -> None:
    used = {*fields.GAUGES, *fields.COUNTERS, *fields.INFO_LABELS, *" ".join(fields.UNUSED.values()).split()}
    grouped = ("cmdstat_", "latency_percentiles_usec_", "errorstat_", "db0")
    assert [
        field for field in info.parse(path.read_text()) if field not in used and not field.startswith(grouped)
    ] == []


@pytest.mark.parametrize("path", INFO_SAMPLES, ids=lambda path: path.name)
def test_every_metric_made_of_info_is_claimed(path: Path) -> None:
    found = catalog.load("redis")
    assert {name for name, _, _ in info.samples(info.parse(path.read_text())) if found.sample(name)[0] is None} == set()
