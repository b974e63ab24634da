"""Which names are those of repositories: a hub is never asked about a path, or about a model that it cannot have."""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST_NAMES = 1000
_WORD = "[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
_ID = re.compile(f"{_WORD}/{_WORD}")
"""As huggingface_hub's validate_repo_id, with a namespace; one without is a name that anything may have."""
_HUBS = ("https://huggingface.co/", "https://hf.co/", "huggingface.co/", "hf.co/", "hf:")
_FILES = (".gguf", ".ggml", ".bin", ".safetensors", ".pt", ".pth", ".onnx", ".git", ".ipa")
_FOLDER = re.compile(
    "app|cache|checkpoints?|data|disk|home|llms?|local|media|mnt|models?|nfs|opt|outputs?|root|share|snapshots|srv|"
    "storage|tmp|usr|var|volumes?|weights|workspace",
    re.IGNORECASE,
)
"""How a relative path begins that has the form of a repository's name."""


def repository(name: str) -> str:
    """Return the repository that a served model's name or root is, "" where it is none."""
    for hub in _HUBS:
        if name.lower().startswith(hub):
            # What follows chooses a file or a revision: hf.co/org/name:Q4_K_M.
            name = re.split(r"[:@]", name[len(hub) :])[0]
    if _ID.fullmatch(name) is None or ".." in name or "--" in name:
        return ""
    folder, _, last = name.partition("/")
    if _FOLDER.fullmatch(folder) or last.lower().endswith(_FILES):
        return ""
    return name


def repositories(names: Iterable[str]) -> tuple[str, ...]:
    """Return the repositories among names, sorted; of two that differ in case alone the first one."""
    found: dict[str, str] = {}
    for name in sorted(filter(None, map(repository, names))):
        found.setdefault(name.lower(), name)
    return tuple(found.values())[:MOST_NAMES]
