"""Contractions from derivatives of a model over the datapoints of a round; knows no expansion."""
