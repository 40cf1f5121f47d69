"""What the shipper remembers: its folder, checkpoints, counts and health."""
