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

__all__ = ["B", "E", "N", "T", "alpha", "beta", "eta", "gamma", "in_usual_order", "lamda", "q"]

# Symbols that have a usual place come first, in this order.
_USUAL = ("T", "N", "B", "q", "E", "beta", "gamma", "alpha", "lamda")

#: Number of updates.
T = Symbol("T")
#: Number of datapoints in the training set.
N = Symbol("N")
#: Batch size.
B = Symbol("B")
#: Probability that a row is in a batch.
q = Symbol("q")
#: Number of epochs (never the expectation).
E = Symbol("E")
#: Momentum.
beta = Symbol("beta")
#: Learning rate.
eta = Symbol("eta")
#: Memory of an exponential average of iterates.
alpha = Symbol("alpha")
#: Factor by which a learning rate decays at every update.
gamma = Symbol("gamma")
#: Weight decay (spelled so, because ``lambda`` is a word of Python).
lamda = Symbol("lamda")


def in_usual_order(names: set[str]) -> tuple[str, ...]:
    """Return names of symbols, those with a usual place first."""
    usual = [name for name in _USUAL if name in names]
    return (*usual, *sorted(names.difference(usual)))
