"""From JSON lines to data streams: every line stored once, or kept with the reason why not."""
