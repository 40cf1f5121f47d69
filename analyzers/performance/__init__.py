"""What the performance checks share: labeled windows, label maturity, reference metrics."""
