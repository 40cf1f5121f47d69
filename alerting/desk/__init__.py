"""What people do with incidents, from a terminal or a page."""
