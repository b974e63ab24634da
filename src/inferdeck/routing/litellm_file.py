"""LiteLLM's config.yaml: the model list, fallbacks and router settings; nothing else of it is looked at.

Keys as in LiteLLM's documentation (proxy/configs): model_list, router_settings, litellm_settings, include.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from inferdeck.config.document import Document, KeyPath, shown
from inferdeck.model.stack import RouteFallback, RouteTarget
from inferdeck.routing.interface import ANY_ERROR, Deployment, Fallback, Keyed, RouteFile, place_of, text_of
from inferdeck.routing.masked import REFERENCE

LIMITS = ("order", "weight", "rpm", "tpm")
FALLBACKS = {
    "fallbacks": ANY_ERROR,
    "context_window_fallbacks": "context window",
    "content_policy_fallbacks": "policy",
}
_SETTINGS = {
    "strategy": (("router_settings", "routing_strategy"),),
    "num_retries": (("router_settings", "num_retries"), ("litellm_settings", "num_retries")),
    "timeout": (("router_settings", "timeout"), ("litellm_settings", "request_timeout")),
}
"""What the router works with, and the keys that set it, the stronger one first."""


def read(document: Document) -> RouteFile:
    """Return what the file says; what is wrong in it is a problem and left out."""
    reader = _Reader(document)
    data = document.data
    if data is None:
        data = {}
    if not isinstance(data, dict):
        return RouteFile(problems=(*document.problems, f"{document.place(())}: expected a mapping of settings"))
    deployments = tuple(reader.deployments(data.get("model_list")))
    fallbacks = tuple(reader.fallbacks(data))
    includes = data.get("include")
    missing = tuple(text_of(one) for one in includes) if isinstance(includes, list) else ()
    known = {one.target.model for one in deployments}
    if known and not missing:
        reader.check(fallbacks, known)
    return RouteFile(
        deployments, fallbacks, reader.settings(data), (*document.problems, *reader.problems), missing=missing
    )


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[str] = []

    def deployments(self, entries: Any) -> Iterator[Deployment]:
        if entries is None:
            return
        if not isinstance(entries, list):
            self.complain(("model_list",), "expected a list")
            return
        for index, entry in enumerate(entries):
            found = self.deployment(entry, ("model_list", index))
            if found is not None:
                yield found

    def deployment(self, entry: Any, path: KeyPath) -> Deployment | None:
        if not isinstance(entry, dict):
            self.complain(path, "expected a mapping with model_name and litellm_params")
            return None
        params, info = entry.get("litellm_params"), entry.get("model_info")
        name = text_of(entry.get("model_name"))
        if not name or not isinstance(params, dict) or not text_of(params.get("model")):
            what = "model_name" if not name else "litellm_params.model"
            self.complain(path, f'"{what}" is missing')
            return None
        inside = (*path, "litellm_params")
        keyed: dict[str, Keyed] = {"model": self.keyed((*path, "model_name"), name)}
        references: set[str] = set()
        for fact, key in (("litellm_model", "model"), ("api_base", "api_base"), ("api_base", "base_url")):
            self.value(keyed, references, fact, (*inside, key), params.get(key))
        for fact in LIMITS:
            self.value(keyed, references, fact, (*inside, fact), params.get(fact))
        given = {fact: one.value for fact, one in keyed.items()}
        litellm_model = given.get("litellm_model", "")
        provider = text_of(params.get("custom_llm_provider")) or litellm_model.rpartition("/")[0].partition("/")[0]
        target = RouteTarget(
            id=text_of(info.get("id")) if isinstance(info, dict) else "",
            model=name,
            provider=provider,
            litellm_model=litellm_model,
            api_base=given.get("api_base", ""),
            order=given.get("order", ""),
            weight=given.get("weight", ""),
            requests_per_minute=given.get("rpm", ""),
            tokens_per_minute=given.get("tpm", ""),
            origin="file",
        )
        return Deployment(target, shown(path), self.line(path), keyed, frozenset(references))

    def value(self, keyed: dict[str, Keyed], references: set[str], fact: str, path: KeyPath, value: Any) -> None:
        text = text_of(value)
        if REFERENCE.match(text) or text.startswith("os.environ/"):
            references.add(fact)
        elif text and fact not in keyed:
            told = place_of(text) if fact == "api_base" else text
            if told:
                keyed[fact] = self.keyed(path, told)

    def fallbacks(self, data: Mapping[str, Any]) -> Iterator[Fallback]:
        for section in ("router_settings", "litellm_settings"):
            settings = data.get(section)
            if not isinstance(settings, dict):
                continue
            for key, on in FALLBACKS.items():
                yield from self.chains(settings.get(key), on, (section, key))
            default = settings.get("default_fallbacks")
            if isinstance(default, list) and default:
                yield self.fallback("*", default, ANY_ERROR, (section, "default_fallbacks"))

    def chains(self, value: Any, on: str, path: KeyPath) -> Iterator[Fallback]:
        if value is None:
            return
        if not isinstance(value, list):
            self.complain(path, "expected a list of {model: [others]}")
            return
        for index, entry in enumerate(value):
            if not isinstance(entry, dict):
                self.complain((*path, index), "expected {model: [others]}")
                continue
            for model, targets in entry.items():
                if isinstance(targets, list):
                    yield self.fallback(str(model), targets, on, (*path, index, str(model)))
                else:
                    self.complain((*path, index, str(model)), "expected a list of models")

    def fallback(self, model: str, targets: list[Any], on: str, path: KeyPath) -> Fallback:
        names = [text_of(one.get("model") if isinstance(one, dict) else one) for one in targets]
        return Fallback(RouteFallback(model, tuple(name for name in names if name), on), shown(path), self.line(path))

    def settings(self, data: Mapping[str, Any]) -> dict[str, Keyed]:
        found: dict[str, Keyed] = {}
        for name, places in _SETTINGS.items():
            for section, key in places:
                inside = data.get(section)
                text = text_of(inside.get(key)) if isinstance(inside, dict) else ""
                if text and name not in found and not text.startswith("os.environ/"):
                    found[name] = self.keyed((section, key), text)
        return found

    def check(self, fallbacks: tuple[Fallback, ...], known: set[str]) -> None:
        """Complain of fallbacks that lead nowhere; a model with a wildcard may stand for any."""
        if any("*" in name for name in known):
            return
        for one in fallbacks:
            for name in one.fallback.to:
                if name not in known:
                    where = f"{self.document.name}:{one.line}"
                    self.problems.append(f'{where}: {one.key}: model_list has no "{name}"')

    def keyed(self, path: KeyPath, value: str) -> Keyed:
        return Keyed(value, shown(path), self.line(path))

    def line(self, path: KeyPath) -> int:
        _, _, number = self.document.place(path).rpartition(":")
        return int(number) if number.isdecimal() else 0

    def complain(self, path: KeyPath, message: str) -> None:
        self.problems.append(f"{self.document.place(path)}: {shown(path)}: {message}")
