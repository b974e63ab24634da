"""Puts the values of variables and of the range into a text, as Grafana's Prometheus data source does.

Grafana's rules (packages/grafana-prometheus, interpolateQueryExpr; public/app/features/templating): a variable of
several values stands in regular expressions, so its values are escaped for them and joined as (a|b); All is the
variable's all_value as it is; a plain variable is escaped as PromQL text. Beyond Grafana, a value that stands outside
of quotes must look like a name, a number or a duration, so that no value can change what a query asks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from inferdeck.errors import UsageError
from inferdeck.model.dashboard import ALL, Dashboard, Variable

Chosen = Mapping[str, tuple[str, ...]]
"""The values of each variable by name; (ALL,) for all of them."""

REFERENCE = re.compile(r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?::(\w+))?\}")
FORMATS = ("", "csv", "doublequote", "pipe", "raw", "regex")
BUILT_IN = (
    "__rate_interval",
    "__rate_interval_ms",
    "__interval",
    "__interval_ms",
    "__range",
    "__range_s",
    "__range_ms",
    "__from",
    "__to",
)
USUAL_SCRAPE_MS = 15_000
_REGEX_SIGNS = re.compile(r"[$^*{}\[\]'+?.()|\\]")
_BARE = re.compile(r"[A-Za-z0-9_:.+-]*")
_LABEL = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Window:
    """What is asked: both ends and the step in milliseconds, and how far apart the samples are."""

    start_ms: int
    end_ms: int
    step_ms: int
    scrape_ms: int = USUAL_SCRAPE_MS

    @property
    def range_ms(self) -> int:
        """The length of the window."""
        return self.end_ms - self.start_ms

    @property
    def rate_interval_ms(self) -> int:
        """The shortest window in which a rate always sees enough samples: max(step + scrape, 4 x scrape)."""
        return max(self.step_ms + self.scrape_ms, 4 * self.scrape_ms)

    def values(self) -> dict[str, str]:
        """Return the built-in variables by name."""
        seconds = round(self.range_ms / 1000)
        return {
            "__rate_interval": duration(self.rate_interval_ms),
            "__rate_interval_ms": str(self.rate_interval_ms),
            "__interval": duration(self.step_ms),
            "__interval_ms": str(self.step_ms),
            "__range": f"{seconds}s",
            "__range_s": str(seconds),
            "__range_ms": str(self.range_ms),
            "__from": str(self.start_ms),
            "__to": str(self.end_ms),
        }


def duration(milliseconds: int) -> str:
    """Return a PromQL duration."""
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


def references(text: str) -> list[str]:
    """Return the names that a text refers to, with the built-in ones, in order; `$1` is a group of a label_replace."""
    names = [match[1] or match[2] or match[4] for match in REFERENCE.finditer(text)]
    return [name for name in names if not name.isdigit()]


def fill(text: str, variables: Iterable[Variable], chosen: Chosen, window: Window) -> str:
    """Return PromQL with every `$name`, `${name:format}` and `[[name]]` replaced; unknown names stay as they are.

    Raises UsageError where a value cannot stand where the text has its variable.
    """
    known, built_in = {variable.name: variable for variable in variables}, window.values()
    quotes = _quotes(text)

    def put(match: re.Match[str]) -> str:
        name, form = match[1] or match[2] or match[4], match[3] or match[5] or ""
        if name in built_in:
            return built_in[name]
        variable = known.get(name)
        if variable is None:
            return match[0]
        return _value(variable, chosen.get(name, ()), form, quotes(match.start()))

    return REFERENCE.sub(put, text)


def fill_plain(text: str, chosen: Chosen, escape: Callable[[str], str] = str) -> str:
    """Return a title, a link's value or a path with each `$name` replaced by its values, comma between them."""

    def put(match: re.Match[str]) -> str:
        name = match[1] or match[2] or match[4]
        return escape(",".join(chosen[name])) if name in chosen else match[0]

    return REFERENCE.sub(put, text)


def selector(variable: Variable, variables: Sequence[Variable], chosen: Chosen, window: Window) -> str:
    """Return the series selector whose label gives the options of a label_values variable."""
    return f"{variable.metric}{{{fill(variable.selector, variables, chosen, window)}}}"


def legend(template: str, labels: Mapping[str, str], fallback: str = "") -> str:
    """Return a series' name: `{{label}}` becomes the label's value, "" where it is absent."""
    if not template:
        return fallback
    return _LABEL.sub(lambda match: labels.get(match[1], ""), template)


def legend_labels(template: str) -> list[str]:
    """Return the labels that a template of a name asks for."""
    return [match[1] for match in _LABEL.finditer(template)]


def sample_values(variables: Sequence[Variable]) -> dict[str, tuple[str, ...]]:
    """Return a value for each variable that queries are checked with."""
    return {one.name: (one.options[0].value if one.options else f"any_{one.name}",) for one in variables}


def whole(dashboard: Dashboard, chosen: Chosen) -> list[str]:
    """Return what is wrong with the chosen values: names that are no variables, several values where one may stand."""
    problems = []
    for name, values in chosen.items():
        variable = dashboard.variable(name)
        if variable is None:
            known = ", ".join(one.name for one in dashboard.variables) or "none"
            problems.append(f"var-{name}: no such variable in {dashboard.uid}; there are {known}")
        elif len(values) > 1 and not variable.multi:
            problems.append(f"var-{name}: takes one value, got {len(values)}")
        elif ALL in values and (len(values) > 1 or not variable.include_all):
            problems.append(f"var-{name}: {ALL} is not possible here")
    return problems


def _value(variable: Variable, values: tuple[str, ...], form: str, quote: str) -> str:
    if ALL in values:
        return variable.all_value
    if form == "raw" and quote != "`":
        # As it is written, but never out of its quotes.
        return _within(",".join(values), quote, variable)
    if form in ("csv", "doublequote"):
        joined = ",".join(f'"{one}"' if form == "doublequote" else one for one in values)
        return _within(joined, quote, variable)
    if form not in FORMATS:
        raise UsageError(f"${{{variable.name}:{form}}}: unknown format; there are {', '.join(FORMATS[1:])}")
    several = variable.multi or variable.include_all or form in ("regex", "pipe")
    if not several:
        return _within(values[0] if values else "", quote, variable)
    escaped = [_within(one if form == "pipe" else regex(one), quote, variable, bare=one) for one in values]
    if form == "pipe":
        return "|".join(escaped)
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def regex(value: str) -> str:
    """Return a value with the signs of regular expressions escaped as Grafana does."""
    return _REGEX_SIGNS.sub(lambda match: f"\\{match[0]}", value)


def _within(value: str, quote: str, variable: Variable, bare: str | None = None) -> str:
    """Return a value as it stands between these quotes ("" for none)."""
    if quote == "`":
        if "`" in value:
            raise UsageError(f"var-{variable.name}: {value!r} cannot stand between backticks")
        return value
    if quote:
        return value.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("\n", "\\n")
    plain = value if bare is None else bare
    if not _BARE.fullmatch(plain):
        raise UsageError(f"var-{variable.name}: {plain!r} is not a name, a number or a duration")
    return plain


def _quotes(text: str) -> Callable[[int], str]:
    """Return what gives for a place in PromQL the quote that it stands in, "" outside of strings and in comments."""
    marks: list[tuple[int, str]] = []
    quote, index = "", 0
    while index < len(text):
        sign = text[index]
        if quote:
            if sign == "\\" and quote != "`":
                index += 1
            elif sign == quote:
                quote = ""
                marks.append((index, ""))
        elif sign in "\"'`":
            quote = sign
            marks.append((index, sign))
        elif sign == "#":
            index = text.find("\n", index) if "\n" in text[index:] else len(text)
        index += 1

    def at(place: int) -> str:
        found = ""
        for start, mark in marks:
            if start >= place:
                break
            found = mark
        return found

    return at
