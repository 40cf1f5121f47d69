"""Baselines: what a model version was trained on, as live traffic is compared with it."""
