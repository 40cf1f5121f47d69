"""analyzers/statistics."""
