"""Alerting: from findings to episodes that a person is told of, and the same rules elsewhere."""
