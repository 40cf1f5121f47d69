"""Data out: samples of predictions, and reports on them by other libraries."""
