"""Sources of events: structlog, Python's logging, warnings, HTTP requests, jobs, evaluations."""
