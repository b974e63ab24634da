"""What lets a Grafana find the dashboards by itself: provisioning files, and ConfigMaps for Kubernetes."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any

DATASOURCE_UID = "inferdeck"
FOLDER = "inferdeck"
PLACE = "/var/lib/grafana/dashboards/inferdeck"
_NO_NAME = re.compile(r"[^a-z0-9]+")


def datasource(url: str) -> str:
    """Return the provisioning file of a data source: inferdeck, or any Prometheus, at this URL; it has a fixed uid."""
    return f"""# For provisioning/datasources of Grafana. The URL is where Grafana reaches inferdeck or Prometheus.
apiVersion: 1
datasources:
  - name: inferdeck
    uid: {DATASOURCE_UID}
    type: prometheus
    access: proxy
    url: {quoted(url)}
    jsonData:
      httpMethod: POST
      timeInterval: 15s
      prometheusType: Prometheus
"""


def provider(path: str = PLACE) -> str:
    """Return the provisioning file that makes Grafana read every dashboard in a folder."""
    return f"""# For provisioning/dashboards of Grafana; the .json files go into the folder that `path` names.
apiVersion: 1
providers:
  - name: inferdeck
    folder: {FOLDER}
    type: file
    disableDeletion: false
    allowUiUpdates: false
    updateIntervalSeconds: 30
    options:
      path: {quoted(path)}
"""


def config_map(file: str, body: str) -> str:
    """Return a ConfigMap with one dashboard, labelled for Grafana's sidecar; one each, since 1 MiB is the limit."""
    found: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name(file),
            "labels": {"grafana_dashboard": "1"},
            "annotations": {"grafana_folder": FOLDER},
        },
        "data": {file: body},
    }
    # JSON is YAML, and needs no rule about which text stands without quotes.
    return json.dumps(found, indent=2, ensure_ascii=True) + "\n"


def name(file: str) -> str:
    """Return a name that Kubernetes takes (RFC 1123, at most 63 characters), different for different files."""
    word = "inferdeck-" + _NO_NAME.sub("-", file.removesuffix(".json").lower()).strip("-").removeprefix("inferdeck-")
    plain = word.removeprefix("inferdeck-").replace("-", "")
    if plain.isalnum() and len(word) <= 63:
        return word
    return f"{word[:54].rstrip('-')}-{sha256(file.encode()).hexdigest()[:8]}"


def quoted(text: str) -> str:
    """Return a YAML scalar that is this text, whatever stands in it."""
    return json.dumps(text, ensure_ascii=True)
