"""Dashboards for those without Kibana: the same panels, asked and drawn by ourselves."""
