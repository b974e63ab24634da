"""Any endpoint that speaks the Prometheus text format or OpenMetrics."""
