"""The symbols of all formulas, made once and without assumptions.

Assumption-free symbols are equal to any symbol of the same name that a user makes, so that ``.subs``
works by name and by object.

Examples
--------
>>> import sympy
>>> T == sympy.Symbol("T")
True
"""

from sympy import Symbol

__all__ = ["B", "E", "N", "T", "beta", "eta"]

#: Number of updates.
T = Symbol("T")
#: Number of datapoints in the training set.
N = Symbol("N")
#: Batch size.
B = Symbol("B")
#: Number of epochs (never the expectation).
E = Symbol("E")
#: Momentum.
beta = Symbol("beta")
#: Learning rate.
eta = Symbol("eta")
