"""Derivative tensors of all datapoints along a noiseless run, and formulas on them; knows no model."""
