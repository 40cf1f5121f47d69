"""Completeness of a service's log, and the effect of missing lines on a verdict."""
