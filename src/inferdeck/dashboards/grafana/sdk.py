"""Grafana's typed models, imported in one place: the module of the classic dashboard warns as it is imported.

The classic form is meant: every Grafana still imports and provisions it, which is not so of the newer ones.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.models import (
        bargauge,
        common,
        dashboard,
        gauge,
        heatmap,
        histogram,
        piechart,
        prometheus,
        stat,
        statetimeline,
        table,
        text,
        timeseries,
    )

__all__ = [
    "bargauge",
    "common",
    "dashboard",
    "gauge",
    "heatmap",
    "histogram",
    "piechart",
    "prometheus",
    "stat",
    "statetimeline",
    "table",
    "text",
    "timeseries",
]
