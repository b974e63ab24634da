"""Everything that `inferdeck grafana export` writes, as file names and their content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inferdeck.dashboards.grafana import export, provisioning, references
from inferdeck.errors import UsageError
from inferdeck.model.dashboard import Dashboard

DAEMON_URL = "http://localhost:4633"


def files(found: Iterable[Dashboard], *, wrap: bool = False, cluster: bool = False) -> dict[str, str]:
    """Return path -> text: the dashboards, and beside them what provisions them.

    wrap: the form of Grafana's API instead, which cannot be provisioned, so that only the dashboards are there.
    """
    made: dict[str, str] = {}
    for one in found:
        name = references.file_name(one)
        if name in made:
            raise UsageError(f"two dashboards would be written to {name}; give one of them another `file`")
        model = export.classic(one, cluster=cluster)
        made[name] = export.text(export.wrapped(model) if wrap else model)
    return made if wrap else made | dict(_around(made))


def _around(made: dict[str, str]) -> Iterator[tuple[str, str]]:
    yield "provisioning/datasources/inferdeck.yaml", provisioning.datasource(DAEMON_URL)
    yield "provisioning/dashboards/inferdeck.yaml", provisioning.provider()
    for name, text in made.items():
        yield f"kubernetes/{name.removesuffix('.json')}.yaml", provisioning.config_map(name, text)
