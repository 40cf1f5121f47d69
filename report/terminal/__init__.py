"""The logs in a terminal: found, followed, and told as the story of one prediction."""
