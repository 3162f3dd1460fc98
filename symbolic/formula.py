"""What a formula is made of: parts and terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sympy import Add, Expr, Mul

from sgdiagrams.symbolic.training.optimizer import SGD, Optimizer
from sgdiagrams.symbolic.weights.quotients import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["Part", "Term", "collect", "in_usual_order"]


# Symbols that have a usual place come first, in this order.
_USUAL = ("T", "N", "B", "E", "beta", "gamma", "alpha", "lamda")


@dataclass(frozen=True, slots=True)
class Term:
    """One term of an expansion: ``eta**order * weight * contraction``.

    Attributes
    ----------
    weight
        The coefficient with its sign, 1/symmetry factor and powers of 1/B: an expanded polynomial or
        rational function over the rationals. The power of eta is not included.
    contraction
        The value that it multiplies.
    indices
        The summed indices that the weight depends on; empty for plain expansions.
    """

    weight: Expr
    contraction: Contraction
    indices: tuple[str, ...] = ()

    @property
    def order(self) -> int:
        """The power of the learning rate."""
        return self.contraction.order


@dataclass(frozen=True, slots=True)
class Part:
    """What an expansion is the expansion of: ``coefficient`` times an expected observable.

    Attributes
    ----------
    coefficient
        A rational number; differences of expansions have several parts.
    observable, sampling, optimizer
        As given to `expand`; the sampling is None once symbols have been substituted.
    """

    coefficient: Fraction
    observable: Observable
    sampling: Sampling | None
    optimizer: Optimizer = field(default_factory=SGD)


def collect(terms: Iterable[Term], *, is_canonical: bool = False) -> tuple[Term, ...]:
    """Add the weights of equal contractions, expand them, drop zeros, and sort as a person would.

    With `is_canonical` the weights are canonical already, which saves the work where none are added.
    """
    sums: dict[tuple[Contraction, tuple[str, ...]], list[Expr]] = {}
    for term in terms:
        sums.setdefault((term.contraction, term.indices), []).append(term.weight)
    result = []
    for (contraction, indices), parts in sums.items():
        weight = parts[0] if is_canonical and len(parts) == 1 else canonical(Add(*parts))
        if weight != 0:
            result.append(Term(weight, contraction, indices))
    return tuple(sorted(result, key=_term_key))


def _term_key(term: Term) -> tuple[object, ...]:
    return (term.order, *(-d for d in _degrees(term.weight)), term.contraction.simplicity)


def _degrees(weight: Expr) -> tuple[int, int]:
    """Return the growth of a weight with time (T, or E) and with the size of the training set."""
    best = (-(10**9), -(10**9))
    for monomial in Add.make_args(weight):
        time = size = 0
        for factor in Mul.make_args(monomial):
            base, power = (factor.base, factor.exp) if factor.is_Pow else (factor, 1)
            if base.is_Symbol and base.name in {"T", "E"}:
                time += int(power)
            elif base.is_Symbol and base.name == "N":
                size += int(power)
        best = max(best, (time, size))
    return best


def in_usual_order(names: set[str]) -> tuple[str, ...]:
    """Return names of symbols, those with a usual place first."""
    usual = [name for name in _USUAL if name in names]
    return (*usual, *sorted(names.difference(usual)))
