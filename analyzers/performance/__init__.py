"""Shared by the performance checks: labeled windows, label maturity, reference metrics."""
