"""Dashboards as declarations, drawn by the report, `mlmon serve` and Kibana."""
