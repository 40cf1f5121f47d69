"""Elasticsearch: settings, the one client, index templates, and the embedded node."""
