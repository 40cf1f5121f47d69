"""Two times of a model's traffic, or one and its training set, compared from profiles."""
