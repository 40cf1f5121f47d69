"""Findings for people: dashboards and rules for Kibana, and a local report that needs neither."""
