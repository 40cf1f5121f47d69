"""Job health: the check and the parts only it uses."""
