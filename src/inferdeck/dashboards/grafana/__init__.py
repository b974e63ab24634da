"""Grafana: dashboards for it made from our definitions, and what is wrong with dashboards and rules of anybody."""
