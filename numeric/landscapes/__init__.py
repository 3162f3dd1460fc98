"""A loss for every datapoint, a distribution, a start."""
