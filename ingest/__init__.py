"""From JSON lines to data streams: every line stored once, or kept in the dead letters with the
reason."""
