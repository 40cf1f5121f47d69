"""Dashboards and data sources for a Grafana, compiled from the panel model. Needs no Grafana."""
