"""Dressed counts on a given training set in closed form: sums over rounds and their batches."""
