"""From a call of the log to one encoded line."""
