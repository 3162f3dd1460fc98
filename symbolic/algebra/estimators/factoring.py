r"""The distributive law along trees: what trees have in common is worked out once.

.. math:: \sum_i c_i\, \nabla^k l_x[u, v_i] = \nabla^k l_x\Bigl[u, \sum_i c_i v_i\Bigr], \qquad
          \sum_i c_i\, u \cdot v_i = u \cdot \sum_i c_i v_i .

Vectors that begin with the same derivative are put together, argument by argument: where one argument
differs this is always right, where several do, by the argument that most have. Numbers are scalar
products across an edge; that branch goes before the bracket that leaves the least to be worked out.
This is a greedy search: what it finds is not always the cheapest form there is.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from sympy import Add, Dummy, Expr, Integer, Mul, Poly, factor_list

from sgdiagrams.symbolic.algebra.estimators.costs import cost_of_all
from sgdiagrams.symbolic.algebra.estimators.drawn_trees import Branch, cuts, rerooted
from sgdiagrams.symbolic.algebra.estimators.kernel import (
    OPEN,
    Circle,
    Derivative,
    Dot,
    KernelFactor,
    KernelSum,
    KernelTerm,
    derivatives_in,
)
from sgdiagrams.symbolic.algebra.estimators.sums import (
    coefficient_product,
    coefficient_ratio,
    content_apart,
    contents_apart,
    factor_key,
    multiplied_sums,
    scaled_sum,
    sum_in_order,
    sum_key,
    times_factors,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sgdiagrams.symbolic.algebra.estimators.drawn_trees import Monomial

__all__ = ["factored", "unfactored"]

#: A sum of products.
_Sum: TypeAlias = "Mapping[Monomial, Expr]"
#: A sum of vectors: with what each is multiplied, and the branch.
_Vectors: TypeAlias = "Mapping[tuple[Monomial, Branch], Expr]"

#: Of so many terms all branches, up to so many, are tried to go before a bracket; of more terms fewer.
_FEW, _TRIED = 6, 12

_ONE = Integer(1)

#: Of fewer products no more than one is the product of sums.
_FEWEST = 3


def factored(terms: _Sum) -> KernelSum:
    """Return a sum of products of trees with what they share taken out.

    Parameters
    ----------
    terms
        KernelTerm -> coefficient; all with the same free legs.
    """
    if any(_leg_zero(monomial) for monomial in terms):
        return _with_legs(terms)
    return _numbers(terms)


def unfactored(terms: _Sum) -> KernelSum:
    """Return the same sum term by term."""
    return KernelSum(
        tuple(
            KernelTerm(coefficient, tuple(_alone(part, frozenset()) for part in monomial))
            for monomial, coefficient in terms.items()
        )
    )


# Vectors and tensors ----------------------------------------------------------------------------------


def _leg_zero(monomial: Monomial) -> Branch | Circle | None:
    """Return the part that the first free leg hangs on."""
    for part in monomial:
        if 0 in _legs_of(part):
            return part
    return None


def _legs_of(part: Branch | Circle) -> tuple[int, ...]:
    return part.numbers if isinstance(part, Circle) else _free_of(part)


def _free_of(tree: Branch) -> tuple[int, ...]:
    return (*tree.free, *(leg for child in tree.children for leg in _free_of(child)))


def _with_legs(terms: _Sum) -> KernelSum:
    # Other tensors stay in front: inside of arguments they would make these matrices.
    by_tensors: dict[Monomial, dict[tuple[Monomial, Branch], Expr]] = {}
    apart: dict[Monomial, Expr] = {}
    for monomial, coefficient in terms.items():
        part = _leg_zero(monomial)
        if isinstance(part, Branch):
            others = _less(monomial, (part,))
            tensors = tuple(other for other in others if _legs_of(other))
            vectors = by_tensors.setdefault(tensors, {})
            vectors[_less(others, tensors), part] = coefficient
        else:
            apart[monomial] = coefficient
    products = list(unfactored(apart).terms)
    for tensors, vectors in by_tensors.items():
        factors = tuple(_alone(tensor, frozenset()) for tensor in tensors)
        products += [KernelTerm(c, (*f, *factors)) for c, f in _vectors(vectors, ()).terms]
    return sum_in_order(products)


def _vectors(terms: _Vectors, legs: tuple[int, ...] = (OPEN,)) -> KernelSum:
    """Return a sum of branches: those with the same derivative in front are put together."""
    groups: dict[tuple[object, ...], dict[tuple[Monomial, Branch], Expr]] = {}
    for (others, tree), coefficient in terms.items():
        head = (tree.label, tree.datapoint, tree.free, tree.loops, len(tree.children))
        groups.setdefault(head, {})[others, tree] = coefficient
    products: list[KernelTerm] = []
    for group in groups.values():
        head_tree = next(tree for _, tree in group)
        free = (*head_tree.free, *legs)
        if not head_tree.children:
            outside = _numbers({others: c for (others, _), c in group.items()})
            derivative = Derivative(*head_tree[:2], (), free, head_tree.loops)
            products.append(times_factors(outside, derivative))
            continue
        for outside, arguments in _shared_out(
            {(others, tree.children): c for (others, tree), c in group.items()}
        ):
            scale, primitive = contents_apart(arguments)
            derivative = Derivative(*head_tree[:2], primitive, free, head_tree.loops)
            products.append(times_factors(scaled_sum(outside, scale), derivative))
    return sum_in_order(products)


def _shared_out(
    terms: Mapping[tuple[Monomial, tuple[Branch, ...]], Expr],
) -> list[tuple[KernelSum, tuple[KernelSum, ...]]]:
    """Return products of arguments, each with what is in front, that a sum of such products is."""
    common = _common([others for others, _ in terms])
    if common:
        terms = {(_less(others, common), children): c for (others, children), c in terms.items()}
    in_front = _one(common)
    counts = Counter(child for _, children in terms for child in set(children))
    arity = len(next(iter(terms))[1])
    if arity == 1:
        inside = _vectors({(others, children[0]): c for (others, children), c in terms.items()})
        return [(in_front, (inside,))]
    split = _linear_factors({children: c for (_, children), c in terms.items()})
    if split is not None and not any(others for others, _ in terms):
        scale, arguments = split
        return [(scaled_sum(in_front, scale), arguments)]
    child, count = max(counts.items(), key=lambda item: (item[1], item[0]))
    if count == 1:
        return [
            (
                scaled_sum(multiplied_sums(in_front, _one(others)), c),
                tuple(sorted((_branch(child) for child in children), key=sum_key)),
            )
            for (others, children), c in terms.items()
        ]
    with_it = {
        (others, _less(children, (child,))): c
        for (others, children), c in terms.items()
        if child in children
    }
    first = _branch(child)
    result = [
        (multiplied_sums(in_front, outside), tuple(sorted((first, *arguments), key=sum_key)))
        for outside, arguments in _shared_out(with_it)
    ]
    without = {key: c for key, c in terms.items() if child not in key[1]}
    if without:
        result += [
            (multiplied_sums(in_front, outside), rest) for outside, rest in _shared_out(without)
        ]
    return result


def _linear_factors(
    terms: Mapping[tuple[Branch, ...], Expr],
) -> tuple[Expr, tuple[KernelSum, ...]] | None:
    """Return the arguments whose product a sum of products of arguments is, or None if there are none.

    Examples
    --------
    >>> x, y = (Branch("loss", i, (), ()) for i in (1, 2))
    >>> squared = {(x, x): Integer(2), (x, y): Integer(-4), (y, y): Integer(2)}
    >>> scale, (one, other) = _linear_factors(squared)
    >>> scale, one == other, len(one.terms)
    (2, True, 2)
    """
    if len(terms) < _FEWEST:
        return None
    base: Expr = next(iter(terms.values()))
    ratios = {children: coefficient_ratio(c, base) for children, c in terms.items()}
    if not all(ratio.is_Rational for ratio in ratios.values()):
        return None
    split = _split(tuple(sorted(ratios.items())))
    if split is None:
        return None
    scale, factors = split
    arguments = tuple(_vectors({((), child): c for child, c in factor}) for factor in factors)
    return coefficient_product(scale, base), tuple(sorted(arguments, key=sum_key))


@lru_cache(maxsize=4096)
def _split(
    terms: tuple[tuple[tuple[Branch, ...], Expr], ...],
) -> tuple[Expr, tuple[tuple[tuple[Branch, Expr], ...], ...]] | None:
    """Return the linear factors of a polynomial whose symbols are branches."""
    branches = sorted({child for children, _ in terms for child in children})
    symbol = {child: Dummy() for child in branches}
    polynomial = Add(*(c * Mul(*(symbol[child] for child in children)) for children, c in terms))
    gens = [symbol[child] for child in branches]
    scale, factors = factor_list(polynomial, *gens)
    result = []
    for factor, power in factors:
        poly = Poly(factor, *gens)
        if poly.total_degree() != 1:
            return None
        linear = tuple(
            (child, poly.coeff_monomial(symbol[child]))
            for child in branches
            if poly.coeff_monomial(symbol[child])
        )
        result += [linear] * power
    return scale, tuple(result)


# Numbers ----------------------------------------------------------------------------------------------


def _numbers(terms: _Sum) -> KernelSum:
    """Return a sum of products of trees without free legs."""
    left = dict(terms)
    products: list[KernelTerm] = []
    known: frozenset[Derivative | Circle] = frozenset()
    while len(left) >= _FEWEST and (made_of := _around_a_node(left)):
        taken, made = made_of
        products.append(made)
        known = known.union(derivatives_in(KernelSum((made,))))
        left = {m: c for m, c in left.items() if m not in taken}
    while left:
        pivots = _pivots(left)
        if not pivots:
            break
        if len(pivots) == 1:
            taken, made = _before_bracket(pivots[0], left)
            products.append(made)
            known = known.union(derivatives_in(KernelSum((made,))))
            left = {m: c for m, c in left.items() if m not in taken}
            continue
        options = []
        for pivot in pivots:
            taken, made = _before_bracket(pivot, left)
            rest = {m: c for m, c in left.items() if m not in taken}
            nodes = known.union(derivatives_in(KernelSum((made,))))
            total = cost_of_all(nodes.union(derivatives_in(_each(rest, nodes))))
            options.append((total, -len(taken), taken, made))
        _, _, taken, made = min(options, key=lambda option: option[:2])
        products.append(made)
        known = known.union(derivatives_in(KernelSum((made,))))
        left = {m: c for m, c in left.items() if m not in taken}
    products += _each(left, known).terms
    return sum_in_order(products)


def _around_a_node(terms: _Sum) -> tuple[list[Monomial], KernelTerm] | None:
    """Return terms that are one derivative with sums for all of its arguments, where there are such."""
    groups: dict[tuple[int, str, int, int], dict[Monomial, tuple[Branch, ...]]] = {}
    for monomial in terms:
        if len(monomial) > 1 or not monomial or isinstance(monomial[0], Circle):
            continue
        for tree in rerooted(monomial[0]):
            if len(tree.children) > 1:
                place = (len(tree.children), tree.label, tree.datapoint, tree.loops)
                groups.setdefault(place, {}).setdefault(monomial, tree.children)
    for (_, label, datapoint, loops), group in sorted(groups.items(), reverse=True):
        split = _linear_factors({children: terms[m] for m, children in group.items()})
        if split is not None:
            scale, arguments = split
            scale_of, (first, *others) = contents_apart(arguments)
            derivative = Derivative(label, datapoint, tuple(others), (OPEN,), loops)
            one = KernelSum((KernelTerm(Integer(1), (derivative,)),))
            return list(group), KernelTerm(
                coefficient_product(scale, scale_of), (_dot(first, one),)
            )
    return None


def _pivots(terms: _Sum) -> list[Branch | Circle | tuple[Branch]]:
    """Return what may go before a bracket: whole factors, and branches (in a tuple) of several terms."""
    counts: Counter[Branch | Circle | tuple[Branch]] = Counter()
    for monomial in terms:
        counts.update(set(monomial))
        counts.update(
            {(one,) for part in set(monomial) if isinstance(part, Branch) for one, _ in cuts(part)}
        )
    several = [(count, pivot) for pivot, count in counts.items() if count > 1]
    several.sort(key=lambda item: (-item[0], -_size(item[1])))
    tried = max(1, _TRIED * _FEW // max(_FEW, len(terms)) ** 2 * _FEW)
    return [pivot for _, pivot in several[:tried]]


def _size(pivot: Branch | Circle | tuple[Branch]) -> int:
    if isinstance(pivot, Circle):
        return len(pivot.nodes)
    tree = pivot if isinstance(pivot, Branch) else pivot[0]
    return 1 + sum(_size(child) for child in tree.children)


def _before_bracket(
    pivot: Branch | Circle | tuple[Branch], terms: _Sum
) -> tuple[list[Monomial], KernelTerm]:
    """Return the terms that have something in common, and their sum with that before a bracket."""
    taken: list[Monomial] = []
    if isinstance(pivot, (Branch, Circle)):
        inside: dict[Monomial, Expr] = {}
        for monomial, c in terms.items():
            if pivot in monomial:
                taken.append(monomial)
                inside[_less(monomial, (pivot,))] = c
        scale, bracket = content_apart(_numbers(inside))
        return taken, times_factors(bracket, _alone(pivot, frozenset()), scale=scale)
    vectors: dict[tuple[Monomial, Branch], Expr] = {}
    for monomial, c in terms.items():
        pair = next(
            (
                (part, other)
                for part in monomial
                if isinstance(part, Branch)
                for one, other in cuts(part)
                if one == pivot[0]
            ),
            None,
        )
        if pair is not None:
            taken.append(monomial)
            key = (_less(monomial, (pair[0],)), pair[1])
            vectors[key] = vectors.get(key, Integer(0)) + c
    scale, bracket = content_apart(_vectors(vectors))
    one = _branch(pivot[0])
    if len(bracket.terms) == 1 and len(bracket.terms[0].factors) > 1:
        # Numbers stand outside of scalar products.
        (_, factors) = bracket.terms[0]
        numbers = tuple(f for f in factors if not isinstance(f, Derivative))
        vector = tuple(f for f in factors if isinstance(f, Derivative))
        inner = KernelSum((KernelTerm(Integer(1), vector),))
        return taken, KernelTerm(scale, (*numbers, _dot(one, inner)))
    return taken, KernelTerm(scale, (_dot(one, bracket),))


def _each(terms: _Sum, known: Iterable[Derivative | Circle]) -> KernelSum:
    """Return a sum term by term; every number is worked out from what is known where that is."""
    seen = set(known)
    products = []
    for monomial, coefficient in terms.items():
        factors = []
        for part in monomial:
            factor = _alone(part, frozenset(seen))
            seen.update(derivatives_in(_sum_of(factor)))
            factors.append(factor)
        products.append(KernelTerm(coefficient, tuple(factors)))
    return KernelSum(tuple(products))


def _alone(part: Branch | Circle, known: frozenset[Derivative | Circle]) -> KernelFactor:
    """Return a tree by itself."""
    if isinstance(part, Circle):
        return part
    options = _ways(part)
    if len(options) == 1:
        return options[0][0]
    return min(options, key=lambda option: cost_of_all(option[1] - known))[0]


@lru_cache(maxsize=16384)
def _ways(tree: Branch) -> tuple[tuple[KernelFactor, frozenset[Derivative | Circle]], ...]:
    """Return the ways to work out a tree by itself, with the derivatives in them."""
    options: dict[KernelFactor, None] = {}
    if _free_of(tree):
        options[_vectors({((), tree): Integer(1)}, ()).terms[0].factors[0]] = None
    elif not tree.children:
        options[Derivative(tree.label, tree.datapoint, (), (), tree.loops)] = None
    else:
        for one, other in cuts(tree):
            options[_dot(_branch(one), _branch(other))] = None
    in_order = sorted(options, key=factor_key)
    return tuple((f, frozenset(derivatives_in(_sum_of(f)))) for f in in_order)


@lru_cache(maxsize=16384)
def _branch(tree: Branch) -> KernelSum:
    """Return one branch, a vector."""
    return _vectors({((), tree): Integer(1)})


def _sum_of(factor: KernelFactor) -> KernelSum:
    return KernelSum((KernelTerm(Integer(1), (factor,)),))


# Small things -----------------------------------------------------------------------------------------


def _dot(one: KernelSum, other: KernelSum) -> Dot:
    return Dot(*sorted((one, other), key=sum_key))


def _one(monomial: Monomial) -> KernelSum:
    """Return a product of trees without legs as a sum of one term."""
    return KernelSum((KernelTerm(Integer(1), tuple(_alone(p, frozenset()) for p in monomial)),))


def _common(monomials: list[Monomial]) -> Monomial:
    """Return what all products have in common."""
    common = Counter(monomials[0])
    for monomial in monomials[1:]:
        common &= Counter(monomial)
    return tuple(common.elements())


def _less(whole: tuple, parts: tuple) -> tuple:  # type: ignore[type-arg]
    left = list(whole)
    for part in parts:
        left.remove(part)
    return tuple(left)
