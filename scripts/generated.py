"""The files that are made from the code, and whether they are current; scripts/generate runs this."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from inferdeck.config import json_schema, reference
from inferdeck.config.schema import TargetConfig
from inferdeck.dashboards import schema as dashboards_schema
from inferdeck.render.widgets import reference as widgets
from inferdeck.routing import mappings_schema
from inferdeck.rules import reference as rules
from inferdeck.simulate import reference as simulator
from inferdeck.sources import marks_reference as discovery
from scripts.notices import notices

ROOT = Path(__file__).resolve().parent.parent
PAGE = Path("docs/configuration.md")
SCHEMA = Path("src/inferdeck/config") / json_schema.FILE_NAME
MAPPINGS = Path("src/inferdeck/routing") / mappings_schema.FILE_NAME
DASHBOARDS = Path("src/inferdeck/dashboards") / dashboards_schema.FILE_NAME
SIMULATOR = Path("docs/simulator.md")
DISCOVERY = Path("docs/discovery.md")
RULES = Path("docs/rules.md")
WIDGETS = Path("docs/widgets.md")
NOTICES = Path("THIRD-PARTY-NOTICES.md")


def kinds() -> dict[str, type[TargetConfig]]:
    """Return the configuration class of every kind of source that has one."""
    from inferdeck.sources import registry

    there = [name for name in registry.KINDS if find_spec(f"inferdeck.sources.{name}")]
    return {name: registry.config_class(name) for name in there if find_spec(f"inferdeck.sources.{name}.config")}


FILES: Mapping[Path, Callable[[], str]] = {
    PAGE: lambda: reference.page((ROOT / PAGE).read_text(encoding="utf-8"), kinds()),
    SCHEMA: lambda: json_schema.text(kinds()),
    MAPPINGS: mappings_schema.text,
    DASHBOARDS: dashboards_schema.text,
    SIMULATOR: lambda: simulator.page((ROOT / SIMULATOR).read_text(encoding="utf-8")),
    RULES: lambda: rules.page((ROOT / RULES).read_text(encoding="utf-8")),
    DISCOVERY: lambda: discovery.page((ROOT / DISCOVERY).read_text(encoding="utf-8")),
    WIDGETS: lambda: widgets.page((ROOT / WIDGETS).read_text(encoding="utf-8")),
    NOTICES: notices,
}


def outdated() -> dict[Path, str]:
    """Return the files that differ from what the code gives now, with their right content."""
    wanted = {path: make() for path, make in FILES.items()}
    return {path: text for path, text in wanted.items() if _text(ROOT / path) != text}


def main() -> int:
    """Write what is outdated; with --check only name it and exit 1."""
    parser = argparse.ArgumentParser(prog="scripts/generate", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file is outdated")
    check = parser.parse_args().check
    found = outdated()
    for path, text in found.items():
        if not check:
            (ROOT / path).write_text(text, encoding="utf-8")
        print(f"{path}: {'outdated; run scripts/generate' if check else 'written'}")
    return 1 if check and found else 0


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
