"""Where events come from: structlog, stdlib logging, warnings, HTTP requests, jobs, evaluations."""
