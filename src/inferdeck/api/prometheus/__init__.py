"""Prometheus' HTTP interface under /api/v1, so that its clients work on ours unchanged."""
