"""What the hub says of one repository, as a value (GET /api/models/{repo}, huggingface_hub's ModelInfo)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

EXPAND = (
    "cardData", "config", "gated", "gguf", "lastModified", "library_name", "pipeline_tag", "safetensors", "siblings",
    "tags", "usedStorage",
)  # fmt: skip
"""The parts that are read; nothing else is asked for."""
_BYTES = {
    "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
    "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip
_WORDS = frozenset({"awq", "gptq", "auto-round", "compressed-tensors", "autoawq", "intel/auto-round"})
"""Methods that pack several numbers into a 32-bit word."""
_PAIRS = frozenset({"bitsandbytes", "mxfp4", "nvfp4", "modelopt"})
"""Methods that pack two 4-bit numbers into a byte."""
_TAGS = ("awq", "gptq", "fp8", "mxfp4", "nvfp4", "bitsandbytes", "compressed-tensors", "exl2", "8-bit", "4-bit")
_GGUF = re.compile(r"(?:^|[-._])(I?Q[0-9][A-Z0-9_]*|BF16|F16|F32|MXFP4)(?=[-._]|$)", re.IGNORECASE)
_SHARD = re.compile(r"-[0-9]{5}-of-[0-9]{5}")
_NAMED = re.compile(r"[-_](awq|gptq|fp8|nvfp4|mxfp4|exl2)(?=[-_]|$)", re.IGNORECASE)
MOST_TAGS = 30


@dataclass(frozen=True, slots=True)
class Repository:
    """One model repository; what the hub does not say is None or "".

    parameters: numbers of the model; estimated where packed ones are counted by their words. size_bytes: of the main
    revision's safetensors weights. storage_bytes: of all files of all revisions. updated in Unix seconds.
    """

    id: str
    parameters: int | None = None
    estimated: bool = False
    size_bytes: int | None = None
    storage_bytes: int | None = None
    quantization: str = ""
    bits: int | None = None
    licence: str = ""
    tags: str = ""
    pipeline: str = ""
    library: str = ""
    gated: str = ""
    context: int | None = None
    family: str = ""
    updated: int | None = None

    def facts(self) -> dict[str, str]:
        """Return what is known, as text."""
        found = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "estimated"}
        shown = {name: str(value) for name, value in found.items() if value is not None and value != ""}
        return shown | ({"parameters_quality": "estimated"} if self.estimated else {})


def read(found: Mapping[str, Any]) -> Repository | None:
    """Read an answer of the hub; None where it is about no repository."""
    name = _text(found.get("id"))
    if "/" not in name:
        return None
    config, gguf = _inner(found, "config"), _inner(found, "gguf")
    quantized = _inner(config, "quantization_config")
    bits = _bits(quantized)
    method = _text(quantized.get("quant_method")).lower()
    parameters, estimated, size = _weights(_inner(found, "safetensors"), method, bits)
    tags = _texts(found.get("tags"))
    gated = found.get("gated")
    return Repository(
        id=name,
        parameters=parameters if parameters is not None else _whole(gguf.get("total")),
        estimated=estimated,
        size_bytes=size,
        storage_bytes=_whole(found.get("usedStorage")),
        quantization=method or _quantization(name, tags, found.get("siblings")),
        bits=bits,
        licence=_licence(_inner(found, "cardData"), tags),
        tags=",".join([tag for tag in tags if ":" not in tag and "," not in tag][:MOST_TAGS]),
        pipeline=_text(found.get("pipeline_tag")),
        library=_text(found.get("library_name")),
        gated=_text(gated) or ("false" if gated is False else ""),
        context=_whole(gguf.get("context_length")),
        family=_text(config.get("model_type")) or _text(gguf.get("architecture")),
        updated=_moment(_text(found.get("lastModified"))),
    )


def kept(found: Mapping[str, Any]) -> Repository | None:
    """Read a repository back from its own fields; None where they are not."""
    values: dict[str, Any] = {}
    for field in fields(Repository):
        value = found.get(field.name)
        if field.name == "estimated":
            values[field.name] = value is True
        elif field.type == "str":
            values[field.name] = _text(value)
        else:
            values[field.name] = _whole(value)
    return Repository(**values) if "/" in values["id"] else None


def _weights(found: Mapping[str, Any], method: str, bits: int | None) -> tuple[int | None, bool, int | None]:
    """Return parameters, whether they are an estimate, and bytes: from the count of numbers of each type.

    Of packed numbers the hub counts the words; their scales and zero points, some percent, are counted as parameters.
    """
    counts = {kind: _whole(count) for kind, count in _inner(found, "parameters").items()}
    if not counts or None in counts.values():
        return _whole(found.get("total")), False, None
    numbers = {kind: count for kind, count in counts.items() if count is not None}
    known = all(kind in _BYTES for kind in numbers)
    size = sum(_BYTES[kind] * count for kind, count in numbers.items()) if known else None
    packed = 0
    if method in _WORDS:
        packed = numbers.get("I32", 0) * (32 // (bits or 4) - 1)
    elif method in _PAIRS and (bits in (None, 4)):
        packed = numbers.get("U8", 0)
    return sum(numbers.values()) + packed, packed > 0, size


def _bits(quantized: Mapping[str, Any]) -> int | None:
    bits = _whole(quantized.get("bits"))
    if bits is None and quantized.get("load_in_4bit") is True:
        bits = 4
    if bits is None and quantized.get("load_in_8bit") is True:
        bits = 8
    groups = _inner(quantized, "config_groups")
    for group in groups.values():
        if bits is None and isinstance(group, dict):
            bits = _whole(_inner(group, "weights").get("num_bits"))
    return bits if bits is not None and 1 <= bits <= 32 else None


def _quantization(name: str, tags: list[str], siblings: Any) -> str:
    """Return the method that tags, the only kind of GGUF file, or the name tell."""
    lowered = [tag.lower() for tag in tags]
    if told := next((tag for tag in _TAGS if tag in lowered), ""):
        return told
    files = [_text(one.get("rfilename")) for one in siblings[:5000] if isinstance(one, dict)] if siblings else []
    stems = (_SHARD.sub("", file.rpartition("/")[2][:-5]) for file in files if file.lower().endswith(".gguf"))
    kinds = {kind.upper() for stem in stems for kind in _GGUF.findall(stem)[-1:]}
    if kinds:
        return kinds.pop() if len(kinds) == 1 else ""
    match = _NAMED.search(name)
    return match[1].lower() if match else ""


def _licence(card: Mapping[str, Any], tags: list[str]) -> str:
    given = card.get("license")
    told = ",".join(_texts(given)) if isinstance(given, list) else _text(given)
    if told == "other" and (name := _text(card.get("license_name"))):
        return name
    return told or next((tag.partition(":")[2] for tag in tags if tag.startswith("license:")), "")


def _moment(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int(moment.timestamp()) if moment.tzinfo is not None else None


def _inner(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = found.get(key)
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> list[str]:
    return [text for one in value[:200] if (text := _text(one))] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value[:300] if isinstance(value, str) else ""


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None
