"""What the hub's routes say of one repository."""

from __future__ import annotations

from typing import Any

from inferdeck.simulate.servers.hub.repository import POINTER_BYTES, File, Repository

MONTH = 30 * 86_400.0
EXPANDABLE = (
    "author", "baseModels", "cardData", "childrenModelCount", "config", "createdAt", "disabled", "downloads",
    "downloadsAllTime", "evalResults", "gated", "gguf", "inference", "inferenceProviderMapping", "lastModified",
    "library_name", "likes", "mask_token", "model-index", "pipeline_tag", "private", "resourceGroup", "safetensors",
    "sha", "siblings", "spaces", "tags", "transformersInfo", "trendingScore", "usedStorage", "widgetData",
)  # fmt: skip
_USUAL = (
    "author", "sha", "lastModified", "private", "gated", "disabled", "pipeline_tag", "tags", "downloads",
    "library_name", "likes", "cardData", "config", "transformersInfo", "siblings", "spaces", "createdAt",
    "safetensors", "gguf", "usedStorage", "model-index",
)  # fmt: skip
_LISTED = ("likes", "trendingScore", "private", "downloads", "tags", "pipeline_tag", "library_name", "createdAt")
_FULL = ("author", "lastModified", "gated", "disabled", "sha", "siblings")


def info(repository: Repository, now: float, *, blobs: bool = False, expand: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a repository's information; with `expand` nothing but what is asked for."""
    facts = _facts(repository, now, blobs=blobs)
    names = expand or _USUAL
    head = {"_id": repository.sha[:24], "id": repository.id}
    if not expand:
        head["modelId"] = repository.id
    return {**head, **{name: facts[name] for name in names if facts.get(name) is not None or name == "model-index"}}


def listed(
    repository: Repository, now: float, *, full: bool, config: bool, card: bool, expand: tuple[str, ...]
) -> dict[str, Any]:
    """Return a repository as a search gives it."""
    if expand:
        return info(repository, now, expand=expand)
    names = (*_LISTED, *(_FULL if full else ()), *(("config",) if config else ()), *(("cardData",) if card else ()))
    facts = _facts(repository, now)
    found = {"_id": repository.sha[:24], "id": repository.id, "modelId": repository.id}
    return {**found, **{name: facts[name] for name in names if facts.get(name) is not None}}


def _facts(repository: Repository, now: float, *, blobs: bool = False) -> dict[str, Any]:
    model = repository.model
    created, changed = repository.dates()
    recent = sum(now - moment <= MONTH for moment in repository.loaded)
    kind, short = repository.architecture()
    method = repository.quantization()
    gguf = {"total": int(model.parameters), "architecture": short, "context_length": model.context}
    return {
        "author": repository.author,
        "sha": repository.sha,
        "createdAt": created,
        "lastModified": changed,
        "private": False,
        "gated": repository.gated,
        "disabled": False,
        "downloads": recent,
        "downloadsAllTime": len(repository.loaded),
        "likes": 0,
        "trendingScore": 0,
        "tags": repository.tags(),
        "pipeline_tag": repository.pipeline,
        "library_name": repository.library,
        "cardData": {"license": model.licence, "pipeline_tag": repository.pipeline},
        "config": None
        if repository.gguf
        else {
            "architectures": [kind],
            "model_type": short,
            **({"quantization_config": dict(method)} if method else {}),
        },
        "transformersInfo": None
        if repository.gguf
        else {"auto_model": _auto(kind), "pipeline_tag": repository.pipeline},
        "safetensors": repository.safetensors(),
        "gguf": gguf if repository.gguf else None,
        "siblings": [_sibling(repository, file, blobs=blobs) for file in repository.files],
        "spaces": [],
        "usedStorage": sum(file.size for file in repository.files if file.large),
        "model-index": None,
        "childrenModelCount": 0,
    }


def _auto(kind: str) -> str:
    return "AutoModelForCausalLM" if kind.endswith("ForCausalLM") else "AutoModel"


def _sibling(repository: Repository, file: File, *, blobs: bool) -> dict[str, Any]:
    if not blobs:
        return {"rfilename": file.name}
    return {"rfilename": file.name, "blobId": file.blob(repository.id), "size": file.size, **_large(repository, file)}


def _large(repository: Repository, file: File, name: str = "sha256") -> dict[str, Any]:
    if not file.large:
        return {}
    return {"lfs": {name: file.sha256(repository.id), "size": file.size, "pointerSize": POINTER_BYTES}}


def tree(repository: Repository) -> list[dict[str, Any]]:
    """Return the files as /tree gives them."""
    return [
        {
            "type": "file",
            "oid": file.blob(repository.id),
            "size": file.size,
            "path": file.name,
            **_large(repository, file, "oid"),
        }
        for file in repository.files
    ]
