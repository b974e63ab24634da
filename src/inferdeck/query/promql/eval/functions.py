"""Every function that can be evaluated, by name; the themes have a module each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from inferdeck.query.promql.eval.functions_histogram import HISTOGRAMS
from inferdeck.query.promql.eval.functions_info import INFO
from inferdeck.query.promql.eval.functions_labels import LABELS
from inferdeck.query.promql.eval.functions_range import RANGES
from inferdeck.query.promql.eval.functions_time import TIME_SCALARS, TIMES
from inferdeck.query.promql.eval.functions_value import VALUE_SCALARS, VALUES

if TYPE_CHECKING:
    from inferdeck.query.promql.ast import Call
    from inferdeck.query.promql.eval.evaluator import Evaluator
    from inferdeck.query.promql.eval.table import Table
    from inferdeck.query.windows.grid import Floats

TABLES: dict[str, Callable[[Evaluator, Call], Table]] = {**RANGES, **VALUES, **TIMES, **LABELS, **HISTOGRAMS, **INFO}
"""Functions that give an instant vector."""
SCALARS: dict[str, Callable[[Evaluator, Call], Floats]] = {**VALUE_SCALARS, **TIME_SCALARS}
"""Functions that give a scalar."""
