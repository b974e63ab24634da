"""Which YAML files come with inferdeck, and what reads them: catalogs, dashboards, rules, fleets, scenarios."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.resolver import Resolver

_PACKAGE = Path(__file__).parent


class _Resolver(Resolver):
    """The kinds of plain values by YAML 1.2, without looking up at each of them which version the file has."""

    def __init__(self, version: Any = None, loader: Any = None, loadumper: Any = None) -> None:
        super().__init__(loader or loadumper)

    @property
    def processing_version(self) -> tuple[int, int]:
        """The version that the parser in Python asks for."""
        return 1, 2


def is_shipped(path: Path) -> bool:
    """Tell whether a file is part of inferdeck."""
    return path.is_relative_to(_PACKAGE)


def reader(*, shipped: bool) -> YAML:
    """Return what composes the nodes of one file.

    A shipped one is read by ruamel's part in C, fifteen times as fast; where that is not installed, and for everybody
    else's files, by Python: deep enough a file would crash the process in C, and Python words mistakes better.
    """
    yaml = YAML(typ="safe", pure=not shipped)
    if shipped:
        yaml.Resolver = _Resolver
    return yaml
