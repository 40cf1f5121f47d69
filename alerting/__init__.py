"""Alerting: from findings to alerts that reach a person, and the same rules elsewhere."""
