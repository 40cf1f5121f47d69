"""Alerts: what opens and closes on one series, computed from findings and stored."""
