"""autobid."""
