"""Analyzers: questions about the logs, answered from profiles made inside Elasticsearch."""
