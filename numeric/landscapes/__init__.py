"""A loss for every datapoint, a distribution, a start; knows no schedule and no optimiser."""
