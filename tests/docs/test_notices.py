"""LICENSE and THIRD-PARTY-NOTICES.md are complete."""

from __future__ import annotations

import hashlib
import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, requires

from packaging.version import Version

from scripts.generated import NOTICES, ROOT
from scripts.notices import runtime_packages

LOCK = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
PAGE = (ROOT / NOTICES).read_text(encoding="utf-8")
ROWS = {row[0]: row for row in re.findall(r"^\| ([\w.-]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)}
APACHE_2_MD5 = "3b83ef96387f14655fc854ddc3c6bd57"
"""Of https://www.apache.org/licenses/LICENSE-2.0.txt, as every package that carries the whole text has it."""


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_closure() -> set[str]:
    """Walk the installed metadata, a second witness beside the lock."""
    found: set[str] = set()
    waiting = ["inferdeck"]
    while waiting:
        for requirement in requires(waiting.pop()) or ():
            name = normal(re.split(r"[\s\[;<>=!~(]", requirement, maxsplit=1)[0])
            if "extra ==" in requirement or name in found:
                continue
            try:
                distribution(name)
            except PackageNotFoundError:
                continue
            found.add(name)
            waiting.append(name)
    return found


def test_licence_is_the_whole_apache_2() -> None:
    assert hashlib.md5((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE_2_MD5


def test_every_runtime_package_of_the_lock_is_listed() -> None:
    assert {normal(name) for name in ROWS} - {"package"} == {normal(name) for name in runtime_packages(LOCK)}


def test_every_package_that_an_installation_brings_is_listed() -> None:
    assert installed_closure() <= {normal(name) for name in ROWS}


def test_versions_are_those_of_the_lock_and_installed_ones_are_among_them() -> None:
    for name, versions in runtime_packages(LOCK).items():
        assert ROWS[name][1] == " or ".join(versions)
    for name in installed_closure():
        # A release tagged v1.2 may call itself so; the lock has the normal form (PEP 440).
        assert str(Version(distribution(name).version)) in ROWS[name][1].split(" or "), name


def test_every_listed_package_has_a_licence_and_its_text() -> None:
    for name, (_, _, licence) in ROWS.items():
        assert licence != "unknown", name
    assert "carries no licence file" not in PAGE
