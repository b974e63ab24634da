"""topk, bottomk, limitk and limit_ratio: aggregations that keep some series of each group as they are."""

from __future__ import annotations

import numpy as np
import xxhash

from inferdeck.errors import EvaluationError
from inferdeck.model.labels import Labels
from inferdeck.query.promql.annotations import go_general, invalid_ratio
from inferdeck.query.promql.ast import Aggregate
from inferdeck.query.promql.eval.query import Query
from inferdeck.query.promql.eval.table import Table, empty
from inferdeck.query.windows import has_value
from inferdeck.query.windows.grid import Bools, Floats, Ints

_INT64 = 2.0**63


def choose(query: Query, expr: Aggregate, table: Table, group: Ints, groups: int, param: Floats) -> Table:
    """Return the chosen series of each group; raises EvaluationError for a parameter that is no number or too large.

    For one step, the series of topk and bottomk come in their order of rank.
    """
    if expr.operator == "limit_ratio":
        return _limit_ratio(query, expr, table, param)
    if np.isnan(param).any():
        raise EvaluationError("Parameter value is NaN")
    if (param <= -_INT64).any():
        raise EvaluationError(f"Scalar value {go_general(float(param.min()))} underflows int64")
    if (param >= _INT64).any():
        raise EvaluationError(f"Scalar value {go_general(float(param.max()))} overflows int64")
    limit = np.floor(param)
    if not table.series or (limit < 1).all():
        return empty(table.values.shape[1])
    # Ties go to the series that comes first by its labels, as it does in Prometheus' storage.
    table_order = np.array(sorted(range(len(table.series)), key=table.series.__getitem__), dtype=np.int64)
    table, group = table.rows(table_order), group[table_order]
    present = has_value(table.values)
    keep = np.zeros(present.shape, dtype=np.bool_)
    rank = np.zeros(present.shape, dtype=np.int64)
    for number in range(groups):
        rows = np.flatnonzero(group == number)
        rank[rows] = _ranks(expr.operator, table.values[rows], present[rows])
        keep[rows] = (rank[rows] < limit) & present[rows]
    chosen = table.where(keep)
    alive = np.flatnonzero(keep.any(axis=1))
    if table.values.shape[1] == 1 and expr.operator != "limitk":
        alive = alive[np.lexsort((rank[alive, 0], group[alive]))]
    return chosen.rows(alive)


def _ranks(operator: str, values: Floats, present: Bools) -> Ints:
    """Return the rank of each row at each step, from 0; NaN comes last, absent cells behind it."""
    if operator == "limitk":
        ranks: Ints = np.cumsum(present, axis=0) - 1
        return ranks
    key = -values if operator == "topk" else values
    key = np.where(np.isnan(key), np.inf, key)
    nan = np.isnan(values)
    order = np.lexsort((np.broadcast_to(np.arange(values.shape[0])[:, None], key.shape), key, nan, ~present), axis=0)
    ranks = np.empty(order.shape, dtype=np.int64)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(values.shape[0])[:, None], order.shape), axis=0)
    return ranks


def _limit_ratio(query: Query, expr: Aggregate, table: Table, ratio: Floats) -> Table:
    if np.isnan(ratio).any():
        raise EvaluationError("Ratio value is NaN")
    capped = np.clip(ratio, -1.0, 1.0)
    for value, shown in dict(zip(ratio.tolist(), capped.tolist(), strict=True)).items():
        if value != shown:
            query.note(invalid_ratio(value, shown, (expr.param or expr).span))
    place = np.array([_place(series) for series in table.series]).reshape(-1, 1)
    chosen = np.where(capped >= 0, place < capped, place >= 1 + capped)
    return table.where(has_value(table.values) & chosen & (capped != 0))


def _place(series: Labels) -> float:
    """Return where a series stands between 0 and 1, as in Prometheus: the hash of its labels over the largest uint64.

    The bytes are those of its release builds (model/labels/labels_stringlabels.go): every text after its length.
    """
    texts = [part.encode("utf-8", "surrogatepass") for pair in series for part in pair]
    return xxhash.xxh64_intdigest(b"".join(_length(len(text)) + text for text in texts)) / float(2**64 - 1)


def _length(size: int) -> bytes:
    return bytes([size]) if size < 255 else b"\xff" + size.to_bytes(3, "little")
