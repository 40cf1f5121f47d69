"""Shared by the drift checks: the recent day, distances, refinement, attribution."""
