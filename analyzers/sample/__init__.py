"""Data out: samples of predictions, and what other libraries say of them."""
