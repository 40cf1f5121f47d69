"""`make torture`: kill, rotate and break the shipper for a stated time, then count."""
