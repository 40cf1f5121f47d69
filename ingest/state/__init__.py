"""State of the shipper: its folder, checkpoints, counts and health."""
