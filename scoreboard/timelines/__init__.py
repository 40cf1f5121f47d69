"""Timelines: which fault when, and the lines that a service writes meanwhile."""
