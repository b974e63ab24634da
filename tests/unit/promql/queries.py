"""Random queries as text, valid by type; `stable` ones use what Prometheus 2.x reads as well."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

BLANKS = st.sampled_from([" ", "  ", "\n", "\t", " # a comment\n"])
NAMES = st.sampled_from(
    ["up", "llm_requests_total", "job:rate5m", ":a", "sum", "by", "offset", "and", "start", "step", "fill", "_", "NaNs"]
)
LABELS = st.sampled_from(["job", "le", "instance", "by", "sum", "bool", "on", "group_left", "_x1"])
NUMBERS = st.sampled_from(["0", "1", "2.5", ".5", "1.", "1e3", "1E-3", "0x1F", "1_000", "Inf", "017", "5m", "1h30m"])
STABLE_NUMBERS = st.sampled_from(["0", "1", "2.5", ".5", "1e3", "1E-3", "Inf"])
DURATIONS = st.sampled_from(["1m", "5m", "90s", "1h30m", "250ms", "1d", "2w", "1y"])
STRINGS = st.sampled_from(['"a"', "'b'", '"q\\"\\\\"', '"\\n\\t\\x41\\u00e9"', '""', '"é ☃"'])
RAW_STRINGS = st.sampled_from(["`raw\\n`", '`"`'])
MATCH_OPS = st.sampled_from(["=", "!=", "=~", "!~"])
PATTERNS = st.sampled_from(['"a.*"', '"x|y"', '"[0-9]+"', '""', "'(?i:A)'"])
ARITHMETIC = st.sampled_from(["+", "-", "*", "/", "%", "^", "atan2", "AtAn2"])
COMPARISONS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
SETS = st.sampled_from(["and", "or", "unless", "AND"])
VECTOR_FUNCTIONS = st.sampled_from(["abs", "ceil", "sort", "absent", "timestamp", "histogram_count", "sgn", "ln"])
MATRIX_FUNCTIONS = st.sampled_from(["rate", "increase", "avg_over_time", "changes", "deriv", "absent_over_time"])
AGGREGATORS = st.sampled_from(["sum", "avg", "count", "group", "stddev", "SUM", "min"])


@st.composite
def matchers(draw: DrawFn, *, stable: bool) -> str:
    found = []
    for _ in range(draw(st.integers(0, 3))):
        name = draw(LABELS if stable else st.one_of(LABELS, st.sampled_from(['"a b"', '"ö"'])))
        op = draw(MATCH_OPS)
        value = draw(PATTERNS if "~" in op else STRINGS if stable else st.one_of(STRINGS, RAW_STRINGS))
        found.append(f"{name}{op}{value}")
    trailing = draw(st.booleans())
    comma = "," if found and trailing else ""
    return f"{{{','.join(found)}{comma}}}"


@st.composite
def modifiers(draw: DrawFn, *, stable: bool) -> str:
    offset = f" offset {draw(st.sampled_from(['', '-']))}{draw(DURATIONS)}" if draw(st.booleans()) else ""
    # The other parser takes times before 1970 for 1970.
    before = [] if stable else [" @ -1.5"]
    at = draw(st.sampled_from(["", "", " @ 10", " @ start()", " @ end()", *before]))
    return offset + at if draw(st.booleans()) else at + offset


@st.composite
def lists(draw: DrawFn, *, stable: bool) -> str:
    label = LABELS if stable else st.one_of(LABELS, st.just('"a b"'))
    return f"({', '.join(draw(st.lists(label, max_size=3, unique=True)))})"


@st.composite
def selectors(draw: DrawFn, *, stable: bool) -> str:
    return draw(NAMES) + (draw(matchers(stable=stable)) if draw(st.booleans()) else "")


@st.composite
def duration_terms(draw: DrawFn, depth: int) -> str:
    if depth == 0:
        return draw(st.sampled_from(["5m", "30", "step()", "range()", "2", "max_of(1m, step())", "min(1m,2m)"]))
    left, right = draw(duration_terms(depth - 1)), draw(duration_terms(depth - 1))
    joined = f"{left} {draw(st.sampled_from('+-*/%^'))} {right}"
    return draw(st.sampled_from([joined, f"({joined})", f"-({joined})", f"-{left} + 1h"]))


@st.composite
def ranges(draw: DrawFn, depth: int, *, stable: bool) -> str:
    length = draw(DURATIONS) if stable or draw(st.booleans()) else draw(duration_terms(draw(st.integers(1, 2))))
    if draw(st.booleans()):
        extension = "" if stable else draw(st.sampled_from(["", "", " anchored", " smoothed"]))
        return f"{draw(selectors(stable=stable))}[{length}]{extension}{draw(modifiers(stable=stable))}"
    inner = draw(vectors(depth - 1, stable=stable)) if depth > 0 else draw(selectors(stable=stable))
    return f"({inner})[{length}:{draw(st.one_of(st.just(''), DURATIONS))}]{draw(modifiers(stable=stable))}"


@st.composite
def scalars(draw: DrawFn, depth: int, *, stable: bool) -> str:
    numbers = STABLE_NUMBERS if stable else NUMBERS
    if depth <= 0:
        return draw(numbers)
    left, right = draw(scalars(depth - 1, stable=stable)), draw(scalars(depth - 1, stable=stable))
    forms = [
        draw(numbers),
        f"{left} {draw(ARITHMETIC)} {right}",
        f"({left}) {draw(COMPARISONS)} bool {right}",
        f"-{left}",
        "time()",
        f"scalar({draw(vectors(depth - 1, stable=stable))})",
    ]
    return draw(st.sampled_from(forms))


@st.composite
def matchings(draw: DrawFn, *, stable: bool, grouping: bool) -> str:
    text = ""
    if draw(st.booleans()):
        text = f" {draw(st.sampled_from(['on', 'ignoring', 'ON']))}{draw(lists(stable=stable))}"
        if grouping and draw(st.booleans()):
            # Labels of their own: one may not stand in both clauses.
            text += f" {draw(st.sampled_from(['group_left', 'group_right']))} (zone)"
    if grouping and not stable:
        text += draw(st.sampled_from(["", "", " fill(0)", " fill_left(-1)", " fill_right (Inf) fill_left(2)"]))
    return text


@st.composite
def binaries(draw: DrawFn, depth: int, *, stable: bool) -> str:
    left, right = draw(vectors(depth - 1, stable=stable)), draw(vectors(depth - 1, stable=stable))
    scalar = draw(scalars(depth - 1, stable=stable))
    comparison = draw(COMPARISONS) + draw(st.sampled_from(["", " bool"]))
    operator = draw(st.sampled_from([draw(ARITHMETIC), comparison]))
    matching = draw(matchings(stable=stable, grouping=True))
    set_matching = draw(matchings(stable=stable, grouping=False))
    return draw(
        st.sampled_from(
            [
                f"{left} {operator}{matching} ({right})",
                f"{left} {draw(SETS)}{set_matching} ({right})",
                f"{left} {operator} {scalar}",
                f"{scalar} {operator} ({right})",
            ]
        )
    )


@st.composite
def vectors(draw: DrawFn, depth: int, *, stable: bool) -> str:
    if depth <= 0:
        return draw(selectors(stable=stable)) + draw(modifiers(stable=stable))
    inner = draw(vectors(depth - 1, stable=stable))
    clause = f"{draw(st.sampled_from(['by', 'without', 'BY']))} {draw(lists(stable=stable))}"
    name, blank = draw(AGGREGATORS), draw(BLANKS)
    forms = [
        f"({inner})",
        f"-{inner}",
        f"{draw(VECTOR_FUNCTIONS)}({blank}{inner})",
        f"{draw(MATRIX_FUNCTIONS)}({draw(ranges(depth, stable=stable))})",
        f"quantile_over_time(0.9,{blank}{draw(ranges(depth, stable=stable))})",
        f"{name} {clause}{blank}({inner})",
        f"{name}({inner}) {clause}",
        f"topk({draw(scalars(depth - 1, stable=stable))}, {inner})",
        f'count_values("x", {inner}) {clause}',
        f'label_replace({inner}, "a", "$1", "b", "(.*)")',
        draw(binaries(depth, stable=stable)),
    ]
    return draw(st.sampled_from(forms))


def queries(*, stable: bool = False) -> SearchStrategy[str]:
    """Any valid query; a bare selector whose matchers may all be empty always has a name here."""
    return st.one_of(
        vectors(3, stable=stable),
        scalars(2, stable=stable),
        ranges(2, stable=stable),
        STRINGS,
        vectors(1, stable=stable),
    )
