"""What a command line says of an engine: which one, which model. Nothing else of it is ever kept.

The flags are those of the programs' own documentation: `vllm serve MODEL`, `sglang.launch_server --model-path`,
`text-generation-launcher --model-id`, `llama-server -m | -hf | --alias`, `ollama serve`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inferdeck.sources.docker.answers import name

LONGEST_SCRIPT = 16_384
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh"})
_SEPARATORS = frozenset({"&&", "||", ";", "|", "&"})
_PROGRAMS = {
    "vllm": "vllm",
    "vllm.entrypoints.openai.api_server": "vllm",
    "vllm.entrypoints.api_server": "vllm",
    "sglang": "sglang",
    "sglang.launch_server": "sglang",
    "text-generation-launcher": "tgi",
    "text-generation-router": "tgi",
    "llama-server": "llamacpp",
    "llama_cpp.server": "llamacpp",
    "ollama": "ollama",
}
_IMAGES = (
    ("vllm", re.compile(r"vllm([-_](?!router|exporter|proxy|gateway|stack|production)[a-z0-9._-]*)?")),
    ("sglang", re.compile(r"sglang([-_](?!router|exporter|proxy|gateway)[a-z0-9._-]*)?")),
    ("tgi", re.compile(r"(?:.*[-_])?text-generation-inference|tgi")),
    ("llamacpp", re.compile(r"llama[._-]?cpp([-_]server.*)?|llama-server")),
    ("ollama", re.compile(r"ollama([-_](?:rocm|cuda|cpu|ipex.*))?")),
)


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags of one engine: those that name what it serves under, and those that name what it loads."""

    served: tuple[str, ...]
    loaded: tuple[str, ...]
    served_environment: tuple[str, ...] = ()
    loaded_environment: tuple[str, ...] = ()


FLAGS: Mapping[str, Flags] = {
    "vllm": Flags(("--served-model-name",), ("--model",)),
    "sglang": Flags(("--served-model-name",), ("--model-path", "--model")),
    "tgi": Flags((), ("--model-id",), (), ("MODEL_ID",)),
    "llamacpp": Flags(
        ("--alias", "-a"),
        ("--model", "-m", "--hf-repo", "-hf", "-hfr"),
        ("LLAMA_ARG_ALIAS",),
        ("LLAMA_ARG_MODEL", "LLAMA_ARG_HF_REPO"),
    ),
    "ollama": Flags((), ()),
}
ENVIRONMENT = frozenset(
    name for flags in FLAGS.values() for name in (*flags.served_environment, *flags.loaded_environment)
)
"""The environment variables whose values may be read for a model's name."""


def engine(command: Sequence[str], repository: str) -> str:
    """Return the kind of engine that a container is, by its program or else its image; "" where it is none."""
    for word in unfolded(command):
        if found := _PROGRAMS.get(word.rpartition("/")[2]):
            return found
    last = repository.rpartition("/")[2].lower()
    return next((kind for kind, pattern in _IMAGES if pattern.fullmatch(last)), "")


def model(kind: str, command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return the name under which an engine serves its model, else the model's own; "" where nothing says it.

    Only values of known flags, and only those that are plain names; of a file it is the last part of its path.
    """
    flags = FLAGS.get(kind)
    if flags is None:
        return ""
    words = unfolded(command)
    served = _value(words, flags.served) or _first(environment, flags.served_environment)
    if found := name(served.split(",")[0]):
        return found
    loaded = _value(words, flags.loaded) or _first(environment, flags.loaded_environment)
    if not loaded and kind == "vllm":
        loaded = _positional(words)
    # A model's name may be a path: an engine that is given one serves under it.
    found = loaded if name(loaded.lstrip("./~")) else ""
    return found.rpartition("/")[2] if kind == "llamacpp" and found.endswith(".gguf") else found


def port(kind: str, command: Sequence[str]) -> str:
    """Return the port that an engine is told to listen on inside its container, "" where its command says none."""
    found = _value(unfolded(command), ("--port", "-p") if kind == "tgi" else ("--port",)) if kind in FLAGS else ""
    return found if found.isdigit() and 0 < int(found) < 65536 else ""


def unfolded(command: Sequence[str]) -> list[str]:
    """Return the words of a command; those of the script where it is `sh -c SCRIPT`."""
    words = list(command)
    if len(words) > 2 and words[0].rpartition("/")[2] in _SHELLS:
        place = next((at for at, word in enumerate(words) if re.fullmatch(r"-[a-z]*c", word)), None)
        if place is not None and place + 1 < len(words):
            try:
                return _split(words[place + 1][:LONGEST_SCRIPT])
            except ValueError:
                return []
    return words


def _split(script: str) -> list[str]:
    """Return the words of a shell script; raises ValueError where a quote is open."""
    lexer = shlex.shlex(script, posix=True, punctuation_chars=";&|()<>")
    lexer.whitespace_split = True
    return list(lexer)


def _value(words: Sequence[str], flags: Sequence[str]) -> str:
    """Return the value of the first flag that is given, as `--flag value` or `--flag=value`."""
    for flag in flags:
        for place, word in enumerate(words):
            following = words[place + 1] if place + 1 < len(words) else ""
            if word == flag and following and not following.startswith("-"):
                # Python's own -m names a module.
                if flag == "-m" and place and re.fullmatch(r"python[0-9.]*", words[place - 1].rpartition("/")[2]):
                    continue
                return following
            if flag.startswith("--") and word.startswith(f"{flag}="):
                return word.partition("=")[2]
    return ""


def _positional(words: Sequence[str]) -> str:
    """Return MODEL of `vllm serve MODEL`, where no flag stands before it."""
    for place, word in enumerate(words[:-1]):
        if word == "serve" and place and words[place - 1].rpartition("/")[2] == "vllm":
            following = words[place + 1]
            return "" if following.startswith("-") or following in _SEPARATORS else following
    return ""


def _first(environment: Mapping[str, str], names: Sequence[str]) -> str:
    return next((environment[one] for one in names if environment.get(one)), "")
