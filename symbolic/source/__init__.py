"""Pieces of standalone NumPy source: tensors, weights, checks of numbers; runs nothing."""
