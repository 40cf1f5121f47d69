"""The embedded Elasticsearch node: fetched, configured, started, found again, stopped."""
