"""Derivatives along vectors in JAX and in PyTorch, and their costs; knows no data set and no memory."""
