"""Score shift: the check and the parts only it uses."""
