"""A timeline through the real way: shipper, node, analyzers, alerts, incidents."""
