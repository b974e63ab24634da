"""The window kernels of PromQL, exact to Prometheus 3: the only ones, for status and evaluator alike.

Every kernel takes a Block and step times (int64 Unix milliseconds, shape (steps,)) and returns float64 of shape
(series, steps) in which ABSENT_BITS means "no value"; the caller shifts steps for `offset` and `@`.
"""

from inferdeck.query.windows.extended import EXTENDED, extended, extended_block, smoothed_instant
from inferdeck.query.windows.gathered import (
    double_exponential_smoothing,
    first_over_time,
    mad_over_time,
    ts_of_first_over_time,
    ts_of_last_over_time,
    ts_of_max_over_time,
    ts_of_min_over_time,
)
from inferdeck.query.windows.grid import LOOKBACK_MS, Semantics, absent, has_value, is_stale, join
from inferdeck.query.windows.grouped import aggregate
from inferdeck.query.windows.histograms import (
    Buckets,
    group_buckets,
    histogram_fraction,
    histogram_quantile,
    parse_le,
)
from inferdeck.query.windows.over_time import (
    avg_over_time,
    count_over_time,
    instant,
    instant_seconds,
    last_over_time,
    max_over_time,
    min_over_time,
    present_over_time,
    quantile,
    quantile_over_time,
    stddev_over_time,
    stdvar_over_time,
    sum_over_time,
)
from inferdeck.query.windows.rates import changes, delta, idelta, increase, irate, rate, resets
from inferdeck.query.windows.regression import deriv, predict_linear

__all__ = [
    "EXTENDED",
    "LOOKBACK_MS",
    "Buckets",
    "Semantics",
    "absent",
    "aggregate",
    "avg_over_time",
    "changes",
    "count_over_time",
    "delta",
    "deriv",
    "double_exponential_smoothing",
    "extended",
    "extended_block",
    "first_over_time",
    "group_buckets",
    "has_value",
    "histogram_fraction",
    "histogram_quantile",
    "idelta",
    "increase",
    "instant",
    "instant_seconds",
    "irate",
    "is_stale",
    "join",
    "last_over_time",
    "mad_over_time",
    "max_over_time",
    "min_over_time",
    "parse_le",
    "predict_linear",
    "present_over_time",
    "quantile",
    "quantile_over_time",
    "rate",
    "resets",
    "smoothed_instant",
    "stddev_over_time",
    "stdvar_over_time",
    "sum_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
]
