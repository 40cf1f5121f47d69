"""The labeled join: predictions with their outcomes, one document per prediction."""
