"""Incidents: alerts that one person handles once, their likely cause and their changes."""
