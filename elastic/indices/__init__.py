"""Index templates made from the tables of fields, retention, and lifecycle policies."""
