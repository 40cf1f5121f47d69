"""People's actions on incidents, from a terminal or a page."""
