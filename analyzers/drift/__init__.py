"""What the drift checks share: the recent day, distances, refinement, attribution."""
