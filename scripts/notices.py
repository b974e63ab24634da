"""THIRD-PARTY-NOTICES.md: every package that an installation brings along, with its licence and its text."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_LICENCE_FILE = re.compile(r"(licen[cs]e|copying|notice)", re.IGNORECASE)
_CLASSIFIER = "License :: OSI Approved :: "
HEAD = """# Third-party notices

inferdeck is distributed under the Apache License 2.0 (see LICENSE). Installing it brings these packages along; each
stays under its own licence. Generated from uv.lock and the installed packages by scripts/generate.

"""


def runtime_packages(lock: dict[str, Any]) -> dict[str, list[str]]:
    """Return the locked versions of all packages that inferdeck needs at run time, by name, indirect ones included."""
    packages: dict[str, list[dict[str, Any]]] = {}
    for package in lock["package"]:
        packages.setdefault(package["name"], []).append(package)
    found: dict[str, list[str]] = {}
    waiting = [(edge["name"], tuple(edge.get("extra", ()))) for edge in packages["inferdeck"][0]["dependencies"]]
    while waiting:
        name, extras = waiting.pop()
        known = name in found
        found[name] = sorted(package["version"] for package in packages[name])
        for package in packages[name]:
            edges = [] if known else package.get("dependencies", [])
            optional = package.get("optional-dependencies", {})
            edges += [edge for extra in extras for edge in optional.get(extra, [])]
            waiting += [(edge["name"], tuple(edge.get("extra", ()))) for edge in edges]
    return dict(sorted(found.items()))


def notices(root: Path = ROOT) -> str:
    """Return the file's content; raises PackageNotFoundError where a package that this machine needs is missing."""
    lock = tomllib.loads((root / "uv.lock").read_text(encoding="utf-8"))
    packages = runtime_packages(lock)
    conditional = _conditional(lock)
    rows, texts = [], []
    for name, versions in packages.items():
        try:
            found = distribution(name)
        except PackageNotFoundError:
            if name not in conditional:
                raise
            rows.append(f"| {name} | {' or '.join(versions)} | on some platforms only; see its distribution |")
            continue
        rows.append(f"| {name} | {' or '.join(versions)} | {licence(found)} |")
        texts.append(_section(name, found))
    table = "\n".join(["| package | version | licence |", "|---|---|---|", *rows])
    return f"{HEAD}{table}\n\n" + "\n".join(texts)


def licence(found: Distribution) -> str:
    """Return the SPDX expression, else what the package's metadata calls its licence, else what its text is."""
    metadata = found.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classified = [
        c.removeprefix(_CLASSIFIER) for c in metadata.get_all("Classifier") or () if c.startswith(_CLASSIFIER)
    ]
    first = metadata["License"].strip().split("\n")[0] if "License" in metadata else ""
    return " and ".join(classified) or first or _known_text(found) or "unknown"


_TEXTS = {"Permission is hereby granted, free of charge, to any person obtaining a copy of this software": "MIT"}
"""What a licence's text says and no other, for packages that carry the text alone."""


def _known_text(found: Distribution) -> str:
    texts = [" ".join(text.split()) for _, text in licence_texts(found)]
    return next((name for words, name in _TEXTS.items() if any(words in text for text in texts)), "")


_IN_THE_CODE = {"nvidia-ml-py": "pynvml.py"}
"""Packages that have their licence at the head of a module and nowhere else."""


def licence_texts(found: Distribution) -> Iterator[tuple[str, str]]:
    """Yield name and text of each licence and notice file that the package carries."""
    files = [file for file in found.files or () if ".dist-info" in file.parts[0] and _LICENCE_FILE.search(str(file))]
    for file in sorted(files, key=str):
        path = Path(str(file.locate()))
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            yield "/".join(file.parts[1:]), "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")
    if not files and (module := _IN_THE_CODE.get(found.name)):
        lines = Path(str(found.locate_file(module))).read_text(encoding="utf-8").splitlines()
        head = itertools.takewhile(lambda line: line.startswith("#"), lines)
        yield f"{module}, at its head", "\n".join(line.strip("#").rstrip() for line in head).strip("\n")


def _conditional(lock: dict[str, Any]) -> set[str]:
    """Return the packages that are only needed under some marker."""
    edges = [edge for package in lock["package"] for edge in package.get("dependencies", ())]
    always = {edge["name"] for edge in edges if "marker" not in edge}
    return {edge["name"] for edge in edges if "marker" in edge} - always


def _section(name: str, found: Distribution) -> str:
    home = next((url for url in _links(found)), "")
    parts = [f"## {name}", "", f"{licence(found)}{f' · {home}' if home else ''}", ""]
    texts = list(licence_texts(found))
    for file, text in texts:
        fence = "````" if "```" in text else "```"
        parts += [f"{file}:", "", f"{fence}text", text, fence, ""]
    if not texts:
        parts += ["The distribution carries no licence file.", ""]
    return "\n".join(parts)


def _links(found: Distribution) -> list[str]:
    """Return the project's address, source first."""
    links = [entry.partition(", ")[::2] for entry in found.metadata.get_all("Project-URL") or ()]
    named = {label.lower(): url for label, url in links}
    order = ("source", "source code", "repository", "github", "homepage", "home")
    home = [found.metadata["Home-page"]] if "Home-page" in found.metadata else []
    return [named[label] for label in order if label in named] or home
