"""Prometheus' test-script language (promql/promqltest/README.md): load, clear, eval, expect."""
