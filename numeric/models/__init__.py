"""Losses of JAX and PyTorch as functions of flat weights, and their derivatives; knows no contraction."""
