"""What is usual: history, seasons, and how long a window must be."""
