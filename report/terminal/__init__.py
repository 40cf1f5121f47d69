"""The logs in a terminal: search, follow, and all events of one id in time order."""
