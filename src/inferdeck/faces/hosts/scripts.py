"""The shell scripts under the names that people know, as they are shipped, with the path of inferdeck in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from inferdeck.faces.hosts.wanted import MARK, File, Wanted, Written

SHIPPED = Path(__file__).parents[1] / "widgets" / "scripts"
PROGRAM = "${INFERDECK:=inferdeck}"
"""How a script says which inferdeck it runs."""
_GIVEN = ' "$@"'


def scripts(wanted: Wanted) -> Written:
    """Return the scripts below bin/ and the board's file below config/."""
    bare = replace(wanted, options=()).shell()
    options = wanted.shell().removeprefix(bare)
    program = bare.strip("'")
    files = []
    for path in sorted(SHIPPED.iterdir()):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".sh":
            first, _, rest = text.partition("\n")
            rest = rest.replace(PROGRAM, f"${{INFERDECK:={program}}}")
            if "INFERDECK" in rest:
                rest = rest.replace(_GIVEN, f"{options}{_GIVEN}")
            text = f"{first}\n# {MARK} scripts.\n{rest}"
            files.append(File(f"bin/{path.name}", text, program=True))
        elif path.suffix == ".yaml":
            files.append(File(f"config/{path.name}", f"# {MARK} scripts.\n{text}"))
    board = "{folder}/config/wth-lite-dashboard.yaml"
    return Written(tuple(files), ("run one: {folder}/bin/health-status.sh", f"all in one: inferdeck board {board}"))
