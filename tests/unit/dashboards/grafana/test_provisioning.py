"""What stands beside the dashboards: Grafana's provisioning files and Kubernetes' ConfigMaps, read back by YAML."""

from __future__ import annotations

import json
import re

import pytest

from inferdeck.config import document
from inferdeck.dashboards import loader
from inferdeck.dashboards.grafana import bundle, provisioning

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def test_config_maps_hold_the_dashboards_and_the_label_of_the_sidecar() -> None:
    made = bundle.files(one.dashboard for one in loader.shipped())
    names = set()
    for file, text in made.items():
        if not file.startswith("kubernetes/"):
            continue
        found = document.parse(text.encode(), file)
        assert not found.problems
        assert isinstance(found.data, dict)
        assert found.data["metadata"]["labels"] == {"grafana_dashboard": "1"}
        ((name, body),) = found.data["data"].items()
        assert body == made[name]
        assert len(text) < 1 << 20
        names.add(found.data["metadata"]["name"])
    assert len(names) == len(loader.shipped())


@pytest.mark.parametrize("file", ["a.json", "A_b.json", "é.json", "-.json", f"{'x' * 90}.json", "inferdeck-a.json"])
def test_names_are_what_kubernetes_takes(file: str) -> None:
    assert NAME.fullmatch(provisioning.name(file))


def test_the_data_source_has_a_fixed_uid_whatever_the_address() -> None:
    found = document.parse(provisioning.datasource('http://x:1/"\n# y').encode(), "x").data
    assert isinstance(found, dict)
    (entry,) = found["datasources"]
    assert (entry["uid"], entry["type"], entry["url"]) == ("inferdeck", "prometheus", 'http://x:1/"\n# y')


def test_the_provider_reads_a_folder() -> None:
    found = document.parse(provisioning.provider("/a b").encode(), "x").data
    assert isinstance(found, dict)
    assert found["providers"][0]["options"]["path"] == "/a b"
    assert json.dumps(found)
