"""From a call of a log method to one encoded line."""
