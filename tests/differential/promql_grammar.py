"""Queries by chance from a typed grammar, over the series of promql_data; all of them can be asked of Prometheus 2.42.

Two engines round differently in the last place. So every expression is either exact (both compute the same bits) or
not, and what jumps (comparisons, rounding, ranks, counted values) gets exact operands only.

Left out since 2.42 and 3 differ: stddev and stdvar of a group of one NaN or infinity (0 there, NaN in 3),
predict_linear of a range fixed by @ (moved on with each step there: prometheus/prometheus#11708), names that functions
take away being asked for again (3 can take them away at the end), the name of what atan2 gives (2.42 keeps it),
timestamp of a selector with both @ and an offset (there the offset is lost, and the samples with it).
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

COUNTERS = ("requests_total", "latency_seconds_count", "latency_seconds_bucket")
GAUGES = ("queue_depth", "cache_usage_ratio", "power_watts")
_MATCHERS = ('model="llama"', 'model!~"q.*|g.*"', 'instance=~"a:.*"', 'instance!="a:8000"', 'nothing=""', 'model="x"')
_OWN_MATCHERS = {
    "requests_total": ('status="200"', 'status=~"4..|5.."', 'status!="200"'),
    "latency_seconds_bucket": ('le="1.0"', 'le!~"0.*"'),
}
_RANGES = ("31s", "1m", "2m30s", "5m", "17m")
_STEPS = ("", "17s", "30s", "1m", "2m")
_OFFSETS = ("13s", "1m", "7m", "-50s", "-4m")
_LABELS = ("instance", "model", "status", "job", "le", "nothing")
_COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")

_EXACT_OVER_RANGE = (
    "changes",
    "count_over_time",
    "idelta",
    "last_over_time",
    "max_over_time",
    "min_over_time",
    "present_over_time",
    "resets",
)
_OVER_RANGE = (
    "avg_over_time",
    "delta",
    "deriv",
    "increase",
    "irate",
    "rate",
    "stddev_over_time",
    "stdvar_over_time",
    "sum_over_time",
)
_EXACT_OF_VALUES = ("abs", "ceil", "floor", "sgn", "sqrt")
_OF_VALUES = (
    "abs",
    "sqrt",
    "exp",
    "ln",
    "log2",
    "log10",
    "deg",
    "rad",
    "atan",
    "asinh",
)
_JUMPING = (
    "acos",
    "acosh",
    "asin",
    "atanh",
    "cos",
    "cosh",
    "sin",
    "sinh",
    "tan",
    "tanh",
    "round",
)
_DATES = (
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "hour",
    "minute",
    "month",
    "year",
)


def _one(*texts: str) -> SearchStrategy[str]:
    return st.sampled_from(texts)


def queries(start_s: int) -> SearchStrategy[str]:
    """Return queries for vectors or scalars; `start_s` is the data's first moment in Unix seconds."""
    return st.integers(1, 4).flatmap(lambda depth: st.booleans().flatmap(lambda exact: vectors(start_s, depth, exact)))


@st.composite
def selectors(draw: DrawFn, names: tuple[str, ...] = (*GAUGES, *COUNTERS, *GAUGES)) -> str:
    name = draw(_one(*names))
    known = (*_OWN_MATCHERS.get(name, ()), *_MATCHERS)
    found = draw(st.lists(st.sampled_from(known), max_size=2, unique=True))
    is_matched = draw(st.booleans())
    return name + (f"{{{','.join(found)}}}" if found and is_matched else "")


@st.composite
def modifiers(draw: DrawFn, start_s: int) -> str:
    offset = draw(st.one_of(st.just(""), _one(*_OFFSETS).map(lambda shift: f" offset {shift}")))
    moments = [f" @ {start_s + seconds}" for seconds in (0, 1799, 3600)]
    at = draw(_one("", "", "", " @ start()", " @ end()", *moments))
    return offset + at if draw(st.booleans()) else at + offset


@st.composite
def ranges(draw: DrawFn, start_s: int, depth: int, exact: bool) -> str:
    span = draw(_one(*_RANGES))
    if depth <= 0 or draw(st.booleans()):
        return f"{draw(selectors())}[{span}]{draw(modifiers(start_s))}"
    inner = draw(vectors(start_s, depth - 1, exact))
    return f"({inner})[{span}:{draw(_one(*_STEPS))}]{draw(modifiers(start_s))}"


@st.composite
def scalars(draw: DrawFn, start_s: int, depth: int, exact: bool) -> str:
    plain = _one("0", "1", "2.5", "-3", "1e3", "0.1", "time()", "pi()", "Inf", "NaN", "0x1f")
    if depth <= 0 or draw(st.booleans()):
        return draw(plain)
    left, right = draw(plain), draw(scalars(start_s, depth - 1, exact))
    return draw(
        _one(
            f"({left} {draw(_one(*'+-*/%'))} {right})" if exact else f"({left} {draw(_one(*'+*/^'))} {right})",
            f"({left} {draw(_one(*_COMPARISONS))} bool {draw(plain)})",
            f"scalar({draw(vectors(start_s, depth - 1, exact))})",
            f"scalar({draw(_one('max', 'min', 'count'))}({draw(vectors(start_s, depth - 1, exact))}))",
        )
    )


@st.composite
def lists(draw: DrawFn) -> str:
    return f"({', '.join(draw(st.lists(_one(*_LABELS), max_size=3, unique=True)))})"


def _listed(word: str) -> SearchStrategy[str]:
    return lists().map(lambda names: word + names)


@st.composite
def over_ranges(draw: DrawFn, start_s: int, depth: int, exact: bool) -> str:
    if exact:
        name = draw(_one(*_EXACT_OVER_RANGE, "absent_over_time"))
        return f"{name}({draw(ranges(start_s, depth - 1, True))})"
    inner = draw(ranges(start_s, depth - 1, draw(st.booleans())))
    forms = [f"{draw(_one(*_OVER_RANGE))}({inner})"] * 4
    forms += [f"quantile_over_time({draw(_one('0', '0.37', '0.913', '1', '-1', '2'))}, {inner})"]
    moving = f"{draw(selectors())}[{draw(_one(*_RANGES))}] offset {draw(_one(*_OFFSETS))}"
    forms += [f"predict_linear({moving}, {draw(_one('-60', '600', '3600'))})"]
    return draw(st.sampled_from(forms))


@st.composite
def of_values(draw: DrawFn, start_s: int, depth: int, exact: bool) -> str:
    inner = draw(vectors(start_s, depth - 1, exact))
    forms = [
        f"clamp({inner}, 2, 6)",
        f"clamp_min({inner}, 4)",
        f"clamp_max({inner}, 0.05)",
        f"-({inner})",
        f"({inner})",
    ]
    if exact:
        forms += [f"{name}({inner})" for name in (*_EXACT_OF_VALUES, "absent", "sort", "sort_desc")]
        shift = f" offset {draw(_one(*_OFFSETS))}"
        forms += [f"timestamp(({inner}) + 0)", f"timestamp({draw(selectors())}{draw(_one('', shift, ' @ end()'))})"]
        forms += [f"{draw(_one(*_DATES))}({inner} * 1e6)", f"{draw(_one(*_DATES))}()", f"round({inner}, 0.25)"]
        forms += [f"vector({draw(scalars(start_s, depth - 1, True))})"]
        forms += [f'sum by (v, model) (count_values by (model) ("v", floor({inner})))']
    else:
        forms += [f"{name}({inner})" for name in _OF_VALUES]
        forms += [f"{draw(_one(*_JUMPING))}({draw(vectors(start_s, depth - 1, True))})"]
    return draw(st.sampled_from(forms))


@st.composite
def aggregations(draw: DrawFn, start_s: int, depth: int, exact: bool) -> str:
    inner = draw(vectors(start_s, depth - 1, exact))
    clause = draw(st.one_of(st.just(""), _one("by ", "without ").flatmap(_listed)))
    if exact:
        forms = [f"{name} {clause} ({inner})" for name in ("min", "max", "count", "group")]
        # Of series that are never alike: which of equal ones topk keeps is nobody's promise.
        different = draw(selectors(GAUGES)) + draw(modifiers(start_s))
        forms += [f"{draw(_one('topk', 'bottomk'))} {clause} ({draw(_one('0', '1', '3', '99'))}, {different})"]
    else:
        forms = [f"{name} {clause} ({inner})" for name in ("sum", "sum", "avg")]
        forms += [f"{name} {clause} ({inner} > -Inf < Inf)" for name in ("stddev", "stdvar")]
        forms += [f"quantile {clause} ({draw(_one('-0.1', '0', '0.37', '0.913', '1', '1.5'))}, {inner})"]
    return draw(st.sampled_from(forms))


@st.composite
def histograms(draw: DrawFn, start_s: int) -> str:
    selector = draw(selectors(("latency_seconds_bucket",)))
    inner = f"{draw(_one('rate', 'increase'))}({selector}[{draw(_one(*_RANGES))}]{draw(modifiers(start_s))})"
    by = draw(_one("", "sum by (le)", "sum by (le, model)", "sum without (instance)"))
    q = draw(_one("-1", "0", "0.137", "0.513", "0.913", "0.9917", "2", "NaN"))
    return f"histogram_quantile({q}, {by}({inner}))"


@st.composite
def relabelled(draw: DrawFn, start_s: int, depth: int, exact: bool) -> str:
    inner = draw(vectors(start_s, depth - 1, exact))
    to, source = draw(_one("host", "model", "nothing")), draw(_one(*_LABELS))
    pattern, text = draw(_one("(.*)", "(.).*", "(.*):(.*)", "q.*", "")), draw(_one("$1", "${1}-$2", "x", ""))
    joined = f'label_join({inner}, "{to}", "{draw(_one("/", ""))}", "{source}", "{draw(_one(*_LABELS))}")'
    return draw(_one(f'label_replace({inner}, "{to}", "{text}", "{source}", "{pattern}")', joined))


@st.composite
def operations(draw: DrawFn, start_s: int, depth: int, exact: bool) -> str:
    left, right = draw(vectors(start_s, depth - 1, exact)), draw(vectors(start_s, depth - 1, exact))
    number = draw(scalars(start_s, depth - 1, exact))
    signs = [*"+-*/%", *_COMPARISONS, *(f"{sign} bool" for sign in _COMPARISONS)] if exact else [*"+*/"]
    sign = draw(st.sampled_from(signs))
    matching = draw(st.one_of(st.just("on (model, instance)"), _one("on ", "ignoring ").flatmap(_listed)))
    one = f"{draw(_one('max', 'min', 'count'))} by (model, instance) ({right})"
    forms = [
        f"({left}) {sign} {number}",
        f"{number} {sign} ({right})",
        f"({left}) {sign} ({right})",
        f"({left}) {sign} {matching} ({right})",
        f"({left}) {sign} on (model, instance) group_left {draw(_one('', '(job)', '(status)'))} ({one})",
        f"({one}) {sign} on (model, instance) group_right {draw(_one('', '(job)', '(nothing)'))} ({left})",
        f"({left}) {draw(_one('and', 'or', 'unless'))} ({right})",
        f"({left}) {draw(_one('and', 'or', 'unless'))} {matching} ({right})",
    ]
    return draw(st.sampled_from(forms))


@st.composite
def vectors(draw: DrawFn, start_s: int, depth: int, exact: bool) -> str:
    if depth <= 0:
        return draw(selectors()) + draw(modifiers(start_s))
    forms = [over_ranges, of_values, aggregations, operations, over_ranges, relabelled, operations]
    chosen = draw(st.integers(0, len(forms) - (1 if exact else 0)))
    return draw(forms[chosen](start_s, depth, exact) if chosen < len(forms) else histograms(start_s))
