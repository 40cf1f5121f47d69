"""Bulk requests until each line is stored or kept as a dead letter."""
