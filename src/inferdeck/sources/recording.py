"""The mappings as Prometheus recording rules, for a site whose own Prometheus scrapes the systems.

The expressions compute what mapping.py computes. A rule file cannot see which buckets a target has, so each canonical
bucket lists the ways to get it from the bucket layouts that the catalog declares, narrowest interval first: `or` takes
the first one whose bounds are there, which for a declared layout is the one that mapping.py takes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from inferdeck.model.labels import escape
from inferdeck.model.metric import Aggregation
from inferdeck.sources.buckets import LADDERS, le_text, weights
from inferdeck.sources.catalog import Catalog, Mapping, Relabel
from inferdeck.sources.catalog_check import QUALITY_FAMILY

IDENTITY = ("job", "instance", "environment")
_ANY = "(.*)"
_CLEANED = "native_"
_NEW = "canonical_"
_FUNCTIONS = {
    Aggregation.SUM: "sum",
    Aggregation.MEAN: "avg",
    Aggregation.MAX: "max",
    Aggregation.MIN: "min",
}
Rule = dict[str, Any]


def export(catalogs: Iterable[Catalog], *, interval: str = "", identity: Sequence[str] = IDENTITY) -> str:
    """Return a rule file (YAML) that `promtool check rules` accepts: one group per catalog that has mappings.

    interval: how often Prometheus evaluates ("" leaves it to its own setting). identity: the labels that tell targets
    apart; the catalog's identity label (`gateway`, `engine`) is added with the instance as its value.
    """
    groups: list[Rule] = []
    for catalog in catalogs:
        rules = [rule for mapping in catalog.mappings for rule in _rules(catalog, mapping, tuple(identity))]
        if rules:
            group: Rule = {"name": f"inferdeck_{catalog.kind}"}
            if interval:
                group["interval"] = interval
            groups.append({**group, "rules": rules})
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 100_000
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = StringIO()
    yaml.dump({"groups": groups}, text)
    return text.getvalue()


def _rules(catalog: Catalog, mapping: Mapping, identity: tuple[str, ...]) -> Iterator[Rule]:
    if mapping.histogram:
        for suffix in ("_sum", "_count"):
            sources = [f"{source}{suffix}" for source in mapping.sources]
            yield _rule(catalog, mapping, f"{mapping.to}{suffix}", _first(catalog, mapping, sources, identity))
        for bound in (*LADDERS[mapping.to], math.inf):
            found = _bucket(catalog, mapping, bound, identity)
            if found:
                yield _rule(catalog, mapping, f"{mapping.to}_bucket", found, le=le_text(bound))
    else:
        yield _rule(catalog, mapping, mapping.to, _first(catalog, mapping, mapping.sources, identity))
    yield from _quality(catalog, mapping, identity)


def _rule(catalog: Catalog, mapping: Mapping, name: str, expression: str, **extra: str) -> Rule:
    if catalog.identity:
        expression = _replace(expression, catalog.identity, "$1", "instance", _ANY)
    constants = {**dict(mapping.set), **extra}
    return {"record": name, "expr": expression, **({"labels": constants} if constants else {})}


def _first(catalog: Catalog, mapping: Mapping, sources: Sequence[str], identity: tuple[str, ...]) -> str:
    """Return the expression for the first of the sources that gives a series."""
    return " or ".join(_aggregated(catalog, mapping, source, identity) for source in sources)


def _aggregated(catalog: Catalog, mapping: Mapping, source: str, identity: tuple[str, ...], le: str = "") -> str:
    """Return the aggregation of one source.

    label_replace fails where it makes two series equal, so new labels get names of their own before the aggregation and
    take their place after it.
    """
    inner = _selector(catalog, mapping, source, le)
    cleaned = _CLEANED if catalog.null_values else ""
    if cleaned:
        null = _quoted("|".join(_plain(re.escape(value)) for value in sorted(catalog.null_values)))
        for native in sorted({native for relabel in mapping.labels for native, _, _ in relabel.sources}):
            inner = _replace(
                _replace(inner, cleaned + native, "$1", native, _ANY), cleaned + native, "", cleaned + native, null
            )
    for relabel in mapping.labels:
        inner = _relabeled(inner, relabel, cleaned)
    wanted = mapping.not_equals if mapping.equals is None else mapping.equals
    if wanted is not None:
        inner = f"({inner} {'==' if mapping.not_equals is None else '!='} bool {wanted:g})"
    by = ", ".join((*identity, *(_NEW + relabel.label for relabel in mapping.labels)))
    function = "group" if mapping.value is not None else _FUNCTIONS[mapping.aggregate]
    result = f"{function} by ({by}) ({inner})"
    for relabel in mapping.labels:
        result = _replace(result, relabel.label, "$1", _NEW + relabel.label, _ANY)
        result = _replace(result, _NEW + relabel.label, "", _NEW + relabel.label, ".*")
    factor = mapping.scale if mapping.value is None else mapping.value
    return result if factor == 1.0 else f"({result} * {factor:g})"


def _selector(catalog: Catalog, mapping: Mapping, source: str, le: str) -> str:
    """Return the vector selector; on the wire an absent label may also be written as one of the null values."""
    nulls = sorted(catalog.null_values)
    matchers = [f'le=~"{_le_pattern(le)}"'] if le else []
    for condition in mapping.where:
        pattern = condition.pattern.pattern
        if nulls and condition.pattern.fullmatch("") is not None:
            pattern = "|".join((pattern, *map(re.escape, nulls)))
        matchers.append(f'{condition.label}{"!~" if condition.negated else "=~"}"{_quoted(_plain(pattern))}"')
    return f"{source}{{{', '.join(matchers)}}}" if matchers else source


def _relabeled(inner: str, relabel: Relabel, cleaned: str) -> str:
    """Return nested label_replace calls: the last choice first, so that better ones overwrite it."""
    for number, (native, pattern, replacement) in enumerate(reversed(relabel.sources)):
        text = "(.+)" if number and pattern.pattern == _ANY else pattern.pattern
        inner = _replace(inner, _NEW + relabel.label, replacement, cleaned + native, text)
    return inner


def _replace(inner: str, label: str, replacement: str, native: str, pattern: str) -> str:
    return f'label_replace({inner}, "{label}", "{_quoted(replacement)}", "{native}", "{_quoted(_plain(pattern))}")'


def _bucket(catalog: Catalog, mapping: Mapping, bound: float, identity: tuple[str, ...]) -> str:
    """Return the expression of one canonical bucket over all declared layouts, narrowest interval first."""
    ways: dict[tuple[tuple[float, float], ...], float] = {((bound, 1.0),): -1.0}
    for layout in mapping.bounds if math.isfinite(bound) else ():
        shares, exact = weights(bound, sorted(layout))
        if shares and not exact:
            near = [known for known, _ in shares]
            upper = near[-1] if near[-1] > bound else math.inf
            ways.setdefault(shares, upper - (near[0] if near[0] < bound else 0.0))
    terms = [
        " + ".join(
            _weighted(_first_bucket(catalog, mapping, le_text(known), identity), share) for known, share in shares
        )
        for shares, _ in sorted(ways.items(), key=lambda way: way[1])
    ]
    return " or ".join(f"({term})" if len(terms) > 1 else term for term in terms)


def _first_bucket(catalog: Catalog, mapping: Mapping, le: str, identity: tuple[str, ...]) -> str:
    found = [_aggregated(catalog, mapping, f"{source}_bucket", identity, le) for source in mapping.sources]
    return found[0] if len(found) == 1 else f"({' or '.join(found)})"


def _weighted(expression: str, share: float) -> str:
    return expression if share == 1.0 else f"{expression} * {share!r}"


def _quality(catalog: Catalog, mapping: Mapping, identity: tuple[str, ...]) -> Iterator[Rule]:
    """Yield the mark beside a family whose mapping is an estimate as such."""
    if not mapping.quality:
        return
    by = ", ".join(identity)
    found = " or ".join(f"group by ({by}) ({_selector(catalog, mapping, name, '')})" for name in mapping.sources)
    facts = {"family": mapping.to, "quality": "estimated", "reason": mapping.quality}
    rule = _rule(catalog, mapping, QUALITY_FAMILY, found)
    yield {**rule, "labels": facts}


def _le_pattern(le: str) -> str:
    """Return an expression for every way in which a bound is written: 1, 1.0."""
    if le == "+Inf":
        return r"\\+Inf"
    texts = dict.fromkeys((le, le.removesuffix(".0")))
    return "|".join(text.replace(".", r"\\.") for text in texts)


def _plain(pattern: str) -> str:
    """Undo Python's escapes of characters that RE2 does not know as escapes."""
    return re.sub(r"\\([-\s#&~_/:\"'<>@,=;!%`])", r"\1", pattern)


def _quoted(text: str) -> str:
    return escape(text)
