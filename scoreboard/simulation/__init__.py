"""A small service with a model: requests in columns, jobs, and lines by the real log."""
