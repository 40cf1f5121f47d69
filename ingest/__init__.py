"""From JSON lines to data streams: each line stored once, or kept with the reason."""
