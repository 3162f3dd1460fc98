"""What is asked of an exact simulator, checked: observable, polynomials of functions, learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.exact.landscape import exact_number, polynomial
from sgdiagrams.symbolic.observable import Function, named_observable
from sgdiagrams.symbolic.training.optimizer import Optimizer
from sgdiagrams.symbolic.training.optimizers.sgd import SGD

if TYPE_CHECKING:
    from numbers import Rational

    from sgdiagrams.numeric.exact.series import Exponents, PolynomialTerms
    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.observable import Observable

__all__ = ["asked_observable", "asked_optimizer", "asked_polynomials", "learning_rate_table"]


def asked_observable(observable: str | Observable | Expression) -> Observable:
    """Return an observable by name; ``"function"`` is the one of the polynomial that is given."""
    return Function("function") if observable == "function" else named_observable(observable)


def asked_optimizer(optimizer: Optimizer | None) -> Optimizer:
    """Return an optimiser: plain SGD where none is named."""
    optimizer = SGD() if optimizer is None else optimizer
    if not isinstance(optimizer, Optimizer):
        raise RequestError(
            f"expected an optimiser such as SGD() or Momentum(), got optimizer={shown(optimizer)}"
        )
    return optimizer


def asked_polynomials(
    observable: Observable,
    optimizer: Optimizer,
    function: Mapping[Exponents, Rational | int] | None,
    functions: Mapping[str, Mapping[Exponents, Rational | int]] | None,
    p: int,
) -> dict[str, PolynomialTerms]:
    """Return the polynomials of the user's functions, one for each: of the penalty's too."""
    given: dict[str, Any] = dict(functions or {})
    is_known = optimizer.penalty is None or optimizer.penalty.rates
    penalty = () if is_known or optimizer.penalty is None else optimizer.penalty.functions
    names = tuple(dict.fromkeys((*observable.functions, *penalty)))
    of_one = observable.functions or names
    if function is not None and len(of_one) == 1:
        given[of_one[0]] = function
    if set(given) != set(names) or (function is not None and not names):
        owners = "the observable and the penalty" if penalty else "the observable"
        raise RequestError(
            f"expected polynomials of the functions in {owners} "
            f"({', '.join(names) or 'none'}), got observable={shown(observable.name)}, "
            f"function={shown(function)}, functions={shown(functions)}"
        )
    polynomials = {name: polynomial(poly) for name, poly in given.items()}
    for name, poly in polynomials.items():
        if any(len(exponents) != p for exponents, _ in poly):
            raise RequestError(
                f"expected exponents of p={p} weights, got {name}={shown(dict(poly))}"
            )
    return polynomials


def learning_rate_table(eta: Any, p: int) -> tuple[tuple[Fraction, ...], ...]:
    """Return a learning-rate tensor as a table: a diagonal or a symmetric matrix, 1 for None.

    Examples
    --------
    >>> learning_rate_table([Fraction(1, 2), 3], 2)
    ((Fraction(1, 2), Fraction(0, 1)), (Fraction(0, 1), Fraction(3, 1)))
    """
    if eta is None:
        eta = [1] * p
    elif isinstance(eta, np.ndarray):
        eta = eta.tolist()
    rows = [row if isinstance(row, Sequence) else None for row in eta]
    if len(eta) == p and all(row is None for row in rows):
        matrix = [
            [exact_number("eta", value) if i == j else Fraction(0) for j in range(p)]
            for i, value in enumerate(eta)
        ]
    elif len(eta) == p and all(row is not None and len(row) == p for row in rows):
        matrix = [[exact_number("eta", value) for value in row] for row in eta]
    else:
        raise RequestError(f"expected p={p} numbers or a {p} x {p} table, got eta={shown(eta)}")
    if any(matrix[i][j] != matrix[j][i] for i in range(p) for j in range(i)):
        raise RequestError(f"expected a symmetric learning-rate tensor, got eta={shown(eta)}")
    return tuple(map(tuple, matrix))
