"""Delivery: one file per channel."""
