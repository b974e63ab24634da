"""Queries that dashboards of LLM servers ask, made from templates; all of them can be asked of Prometheus 2.42."""

from __future__ import annotations

ABSENT_IN_2_42 = (
    "double_exponential_smoothing (as holt_winters there)",
    "end",
    "first_over_time",
    "histogram_fraction (of classic buckets)",
    "histogram_quantiles",
    "histogram_stddev",
    "histogram_stdvar",
    "info",
    "limit_ratio",
    "limitk",
    "mad_over_time",
    "max_of",
    "min_of",
    "range",
    "sort_by_label",
    "sort_by_label_desc",
    "start",
    "step",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
)

_RANGE_FUNCTIONS = [
    "rate",
    "increase",
    "delta",
    "irate",
    "idelta",
    "resets",
    "changes",
    "deriv",
    "avg_over_time",
    "count_over_time",
    "last_over_time",
    "max_over_time",
    "min_over_time",
    "present_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "sum_over_time",
    "absent_over_time",
]
_MATH = [
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "ceil",
    "cos",
    "cosh",
    "deg",
    "exp",
    "floor",
    "ln",
    "log10",
    "log2",
    "rad",
    "sgn",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
    "round",
    "timestamp",
]
_DATES = [
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "hour",
    "minute",
    "month",
    "year",
]
_AGGREGATORS = [
    "sum",
    "avg",
    "min",
    "max",
    "count",
    "group",
    "stddev",
    "stdvar",
]
_OPERATORS = [
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "==",
    "!=",
    ">",
    "<",
    ">=",
    "<=",
]
_COMPARISONS = ["==", "!=", ">", "<", ">=", "<="]
_SELECTORS = (
    "requests_total",
    'requests_total{status="200"}',
    'requests_total{status=~"4..|5..",model!="qwen"}',
    "queue_depth",
    'cache_usage_ratio{instance=~"a.*"}',
    'latency_seconds_bucket{le="1.0"}',
)
_RANGES = ("31s", "5m", "17m")


def _range_functions() -> list[str]:
    found = [f"{name}({each}[{span}])" for name in _RANGE_FUNCTIONS for each in _SELECTORS for span in _RANGES]
    found += [f"{name}(queue_depth[7m] offset {shift})" for name in _RANGE_FUNCTIONS for shift in ("3m", "-4m")]
    found += [f"quantile_over_time({q}, queue_depth[{span}])" for q in (0, 0.3, 0.99, 1, -1, 2) for span in _RANGES]
    found += [f"predict_linear(power_watts[{span}], {t})" for span in _RANGES for t in (-60, 3600)]
    found += [f"{name}(rate(requests_total[2m])[9m:1m])" for name in ("max_over_time", "avg_over_time", "deriv")]
    found += [f"{name}((queue_depth > 3)[6m:30s] offset 1m)" for name in ("count_over_time", "sum_over_time")]
    return [*found, "max_over_time(sum(rate(requests_total[1m]))[5m:])", "sum_over_time(queue_depth[5m:17s])"]


def _per_sample() -> list[str]:
    found = [f"{name}({each})" for name in _MATH for each in ("queue_depth", "cache_usage_ratio - 0.01")]
    found += [f"{name}()" for name in _DATES] + [f"{name}(timestamp(queue_depth) * 977)" for name in _DATES]
    found += [f"clamp({each}, 2, 6)" for each in _SELECTORS] + [
        "clamp_min(queue_depth, 4)",
        "clamp_max(queue_depth, 4)",
    ]
    found += [f"{sign}queue_depth" for sign in "+-"] + ["round(queue_depth, 0.25)", "round(queue_depth, 5)"]
    found += ["vector(time())", "time()", "pi() * 2", "scalar(sum(queue_depth))", "scalar(queue_depth)", "vector(3)"]
    return [
        *found,
        "absent(queue_depth)",
        'absent(nothing{job="x",model=~"y"})',
        'absent(requests_total{status="429"})',
    ]


def _aggregations() -> list[str]:
    inner = ("queue_depth", "rate(requests_total[3m])", "requests_total", "power_watts offset 2m")
    clauses = ("", "by (model) ", "without (instance, status) ", "by (instance, nothing) ")
    found = [f"{name} {clause}({each})" for name in _AGGREGATORS for clause in clauses for each in inner]
    found += [f"{name}({k}, {each})" for name in ("topk", "bottomk") for k in (0, 1, 3, 99) for each in inner[::3]]
    found += [f"topk by (model) ({k}, power_watts)" for k in (1, 2)] + [
        "count(topk(scalar(count(queue_depth)) - 2, power_watts))"
    ]
    found += [
        f"quantile {clause}({q}, {each})"
        for q in (-0.1, 0, 0.5, 0.95, 1, 1.5)
        for clause in clauses
        for each in inner[:2]
    ]
    found += [f'count_values {clause}("v", floor(queue_depth / 4))' for clause in clauses]
    return found


def _operations() -> list[str]:
    found = [f"queue_depth {sign} power_watts" for sign in _OPERATORS]
    found += [f"queue_depth {sign} 5" for sign in _OPERATORS] + [f"2 {sign} cache_usage_ratio" for sign in _OPERATORS]
    found += [f"queue_depth {sign} bool on (instance, model) power_watts / 60" for sign in _COMPARISONS]
    found += [f"requests_total {sign} ignoring(status) group_left queue_depth" for sign in _OPERATORS]
    found += [f"sum by (model) (queue_depth) {sign} on (model) group_right(job) requests_total" for sign in _OPERATORS]
    found += [f"{left} {sign} {right}" for sign in ("and", "or", "unless") for left, right in _SETS]
    # 2.42 keeps the name of what atan2 gives, 3.x does not.
    for pair in ("queue_depth atan2 power_watts", "queue_depth atan2 5", "2 atan2 cache_usage_ratio"):
        found.append(f"sum without () ({pair})")
    found += ["1 + 2 * 3 ^ 2 % 7", "3 > bool 2", "-2 ^ 2", "queue_depth * 2 ^ -1 - 1 / power_watts"]
    return found


_SETS = (
    ("queue_depth > 4", "power_watts < 400"),
    ("queue_depth", "on (instance) requests_total"),
    ('requests_total{status="200"}', 'ignoring(status) requests_total{status="500"}'),
    ("queue_depth", "on() vector(1)"),
    ("queue_depth", "on() (vector(1) == 2)"),
)


def _histograms() -> list[str]:
    inner = (
        "latency_seconds_bucket",
        "rate(latency_seconds_bucket[2m])",
        "sum by (le) (rate(latency_seconds_bucket[5m]))",
        "sum by (le, model) (increase(latency_seconds_bucket[1m]))",
    )
    found = [f"histogram_quantile({q}, {each})" for q in (-1, 0, 0.1, 0.5, 0.9, 0.99, 2) for each in inner]
    return [*found, "rate(latency_seconds_sum[5m]) / rate(latency_seconds_count[5m])"]


def _labels() -> list[str]:
    return [
        'label_replace(queue_depth, "host", "$1", "instance", "(.*):.*")',
        'label_replace(queue_depth, "model", "", "model", "q.*")',
        'label_replace(rate(requests_total[2m]), "x", "${1}-$2", "model", "(.)(.*)")',
        'label_join(queue_depth, "both", "/", "model", "nothing", "instance")',
        'sum by (host) (label_replace(queue_depth, "host", "$1", "instance", "(.*):.*"))',
    ]


def _modifiers(start_s: int) -> list[str]:
    moment = start_s + 1800
    found = [
        f"queue_depth @ {moment}",
        f"rate(requests_total[5m] @ {moment})",
        "queue_depth @ end()",
        "queue_depth @ start()",
    ]
    found += [f"queue_depth - queue_depth @ {moment}", f"sum(rate(requests_total[5m] @ {moment} offset 5m))"]
    found += [f"max_over_time(queue_depth[10m:1m] @ {moment})", "queue_depth offset 7m", "queue_depth offset -7m"]
    return [
        *found,
        '{__name__=~"queue.*|power.*",model="gpt"}',
        "requests_total == on() group_left max(requests_total)",
    ]


def queries(start_s: int) -> list[str]:
    """Return all of them; `start_s` is the data's first moment in Unix seconds."""
    parts = (_range_functions(), _per_sample(), _aggregations(), _operations(), _histograms(), _labels())
    return list(dict.fromkeys([query for part in parts for query in part] + _modifiers(start_s)))
