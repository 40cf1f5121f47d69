"""Dashboards, searches and rules for a Kibana: written as files, linted, installed."""
