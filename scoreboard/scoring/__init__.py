"""Observed incidents against the truth: found, missed, late, false."""
