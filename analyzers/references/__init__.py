"""Baselines from the past: history, seasons, and the length of windows."""
