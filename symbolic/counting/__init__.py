"""Counters: the weight of a diagram for a sampling scheme and an optimiser."""
