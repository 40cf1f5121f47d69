"""From a line of the log to an item of a bulk request."""
