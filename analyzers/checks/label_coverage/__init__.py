"""Label coverage: the check and the parts only it uses."""
