"""Dashboards as data: read, checked against the catalogs, filled in, and answered for every face."""
