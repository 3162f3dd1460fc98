r"""Re-summed expansions on given tensors: ordinary SymPy expressions, one index value after another.

In an eigenbasis of the Hessian, and with a scalar learning rate, the eigenvalues of :math:`\eta H` are
:math:`\eta H_\mu`, and a re-summed expansion is a finite sum of products of numbers or symbols.
"""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, Any

from sympy import (
    Add,
    Dummy,
    Expr,
    Integer,
    Mul,
    Pow,
    Rational,
    Symbol,
    exp,
    factor,
    sympify,
)

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.contractions.factors import walk
from sgdiagrams.symbolic.contractions.notation import operand_name
from sgdiagrams.symbolic.resummation.eigenvalues import EmbeddingSum, eigenvalue, roots
from sgdiagrams.symbolic.weights.factoring import factor_terms
from sgdiagrams.symbolic.weights.laurent import to_expr
from sgdiagrams.symbolic.weights.quotients import as_quotient, is_weight

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sgdiagrams.symbolic.formula import Term
    from sgdiagrams.symbolic.resummation.formula import ResummedFormula
    from sgdiagrams.symbolic.training.optimizer import Optimizer

__all__ = ["on_tensors", "one_dimensional", "tidy"]


def one_dimensional(term: Term, expansion: ResummedFormula) -> Expr:
    """Return a term for p = 1: see `ResummedExpansion.in_one_dimension`.

    Raises
    ------
    RequestError
        When the weight is known by number only, or parts differ in their optimisers.
    """
    optimizer = _one_optimizer(expansion)
    curvature = Symbol("H")
    weight = _at(term, [curvature] * term.order, optimizer)
    tensors = Mul(*(Symbol(operand_name(t)) for t in walk(term.contraction)))
    return _tidied(symbols.eta ** Integer(term.order) * weight * tensors, expansion)


def on_tensors(
    expansion: ResummedFormula,
    *,
    curvatures: Sequence[Any],
    tensors: Mapping[str, Any],
    free: tuple[int, ...] = (),
) -> Expr:
    """Return a re-summed expansion on tensors in an eigenbasis: see `ResummedExpansion.on_tensors`.

    Raises
    ------
    RequestError
        When a tensor is missing, or the free indices have not as many values as there are.
    """
    optimizer = _one_optimizer(expansion)
    p = len(curvatures)
    given = dict(tensors)
    given.setdefault(
        "H", [[c if i == j else 0 for j in range(p)] for i, c in enumerate(curvatures)]
    )
    total = []
    for term in expansion.terms:
        rank = len(term.contraction.free)
        if rank != len(free) or not all(0 <= i < p for i in free):
            raise RequestError(
                f"expected {rank} values below {p} for the free indices, got free={shown(free)}"
            )
        factors = [
            (operand_name(t), [i for g in t.groups for i in g]) for t in walk(term.contraction)
        ]
        for name, _ in factors:
            if name not in given:
                raise RequestError(
                    f"expected the tensor {name} of {term.contraction}, got tensors for "
                    f"{', '.join(given)}; give zeros if it vanishes"
                )
        for summed in product(range(p), repeat=term.order - rank):
            values = (*free, *summed)
            entries = [_entry(given[name], [values[i] for i in at]) for name, at in factors]
            if any(entry == 0 for entry in entries):
                continue
            weight = _at(term, [curvatures[i] for i in values], optimizer)
            total.append(Mul(symbols.eta ** Integer(term.order), weight, *entries))
    return _tidied(Add(*total), expansion)


def _tidied(expr: Expr, expansion: ResummedFormula) -> Expr:
    """Return a formula as a person writes it, but for powers of the roots in rounds of batches.

    Those are square roots with a symbol in the exponent, which nobody factors.
    """
    in_rounds = [part.optimizer.dressing for part in expansion.parts if part.training.rounds]
    has_roots = any(dressing and dressing.root_count > 1 for dressing in in_rounds)
    return expr if has_roots else tidy(expr)


def tidy(expr: Expr) -> Expr:
    r"""Return a formula factored as a person writes it: in :math:`e^{-x}`, with 1 - x for x - 1.

    Examples
    --------
    >>> from sympy.abc import x
    >>> tidy((exp(-2 * x) - 1) / (x - 2))
    (1 - exp(-2*x))/(2 - x)
    """
    if any(x.exp == Rational(1, 2) for x in expr.atoms(Pow)):
        return expr  # the two roots of an edge, whose expressions are long
    expr, back = _decays(expr)
    sign = Integer(1)
    factors = []
    for part in _factored(expr):
        base, power = part.as_base_exp()
        if base.is_Add and power.is_Integer and _first_sign(base) < 0:
            base, sign = -base, sign * (-1) ** power
        factors.append(Pow(base, power))
    return (sign * Mul(*factors)).subs(back)


def _factored(expr: Expr) -> tuple[Expr, ...]:
    if not is_weight(expr):
        return tuple(Mul.make_args(factor(expr)))
    q = as_quotient(expr)
    if not q.generators:
        return (expr,)
    result = []
    for terms, sign in ((q.numerator, 1), (q.denominator, -1)):
        number, factors = factor_terms(terms)
        result.append(Rational(number.numerator, number.denominator) ** sign)
        result += [to_expr(dict(f), q.generators) ** (sign * k) for f, k in factors]
    return tuple(result)


def _decays(expr: Expr) -> tuple[Expr, dict[Symbol, Expr]]:
    """Replace exponentials and powers with T by symbols, so that polynomials are left."""
    back: dict[Symbol, Expr] = {}
    # ((1 - h)^2)^T and ((1 - h)(1 - k))^T are powers of what decays alone; T is whole.
    expr = expr.replace(
        lambda e: e.is_Pow and not e.exp.is_Integer and (e.base.is_Pow or e.base.is_Mul),
        lambda e: Mul(*(Pow(b, k * e.exp) for b, k in e.base.as_powers_dict().items())),
    )
    forward: dict[Expr, Expr] = {}
    groups: dict[Expr, list[tuple[Expr, Expr]]] = {}
    for atom in sorted(expr.atoms(exp, Pow), key=str):
        if isinstance(atom, exp):
            number, monomial = atom.args[0].as_coeff_Mul()
            groups.setdefault(exp(-monomial), []).append((atom, -number))
        elif atom.exp.free_symbols:
            number, monomial = atom.exp.as_coeff_Mul()
            groups.setdefault(Pow(atom.base, monomial), []).append((atom, number))
    for unit, members in groups.items():
        below = math.lcm(*(int(k.q) for _, k in members))
        step = Rational(math.gcd(*(int(k * below) for _, k in members)), below)
        decay = Dummy("decay")
        back[decay] = unit**step if isinstance(unit, Pow) else exp(unit.args[0] * step)
        forward |= {atom: decay ** (k / step) for atom, k in members}
    return expr.subs(forward), back


def _first_sign(expr: Expr) -> int:
    """Return the sign of the coefficient of the simplest term, for instance of 1 in 1 - x."""
    terms = [term.as_coeff_Mul() for term in Add.make_args(expr)]
    number, _ = min(
        terms, key=lambda t: (len(t[1].free_symbols), sympify(t[1]).count_ops(), str(t))
    )
    return -1 if number.is_negative else 1


def _one_optimizer(expansion: ResummedFormula) -> Optimizer:
    optimizers = {part.optimizer for part in expansion.parts}
    if len(optimizers) != 1:
        raise RequestError(f"expected one optimiser for such a formula, got {len(optimizers)}")
    optimizer = optimizers.pop()
    if optimizer.penalty is not None:
        raise RequestError(
            "expected no penalty but weight decay for a formula of given tensors, got "
            f"penalty={shown(optimizer.penalty.label)}; evaluate with Statistics"
        )
    return optimizer


def _at(term: Term, curvatures: Sequence[Any], optimizer: Optimizer) -> Expr:
    """Return the weight at curvatures of the indices, for a scalar learning rate."""
    if term.weight.has(EmbeddingSum):
        raise RequestError(
            "expected weights in closed form for a formula, got some that are known by number only"
        )
    table: dict[Symbol, Any] = {}
    for i, curvature in enumerate(curvatures):
        h = symbols.eta * (sympify(curvature) + sympify(optimizer.weight_decay))
        table[eigenvalue(i)] = h
        dressing = optimizer.dressing
        if dressing is not None and dressing.root_count > 1:
            table |= zip(roots(i), dressing.roots(h), strict=True)
    return term.weight.xreplace(table).doit()


def _entry(tensor: Any, indices: Sequence[int]) -> Expr:
    for i in indices:
        tensor = tensor[i]
    return sympify(tensor)
