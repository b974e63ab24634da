"""What a PromQL query answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import Labels


class ResultType(StrEnum):
    """The `resultType` of Prometheus' HTTP API."""

    VECTOR = "vector"
    MATRIX = "matrix"
    SCALAR = "scalar"
    STRING = "string"


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """One answer on a grid of times.

    steps_ms: int64 Unix milliseconds, shape (steps,). values: float64, shape (series, steps); a cell with ABSENT_BITS
    has no value (inferdeck.query.windows.has_value). VECTOR, SCALAR and STRING have one step; a SCALAR has the one
    series (); a STRING has no series and its text. A MATRIX that answers an instant query for a range vector has the
    times of its samples as steps. No series is without any value. Series are sorted by labels unless `ordered`.
    """

    type: ResultType
    series: tuple[Labels, ...]
    steps_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    ordered: bool = False
    """True where the order of the series is part of the answer: sort, sort_by_label, topk and their like."""
    text: str = ""
    warnings: tuple[str, ...] = ()
    """Each as Prometheus 3 writes it: `PromQL warning: … (line:column)`."""
    infos: tuple[str, ...] = ()
    points: tuple[bytes, ...] | None = None
    """Of a matrix whose JSON is made already: the points of each series (query/encode.py)."""
