"""Rules for Prometheus, and the reference of the metrics that services and mlmon expose."""
