"""Alerting: from findings to alerts that a person is told of, and the same rules elsewhere."""
