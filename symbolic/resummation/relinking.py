r"""Back from re-summed to plain: every factor of an eigenvalue is a link on its edge.

A dressed count is a power series in the eigenvalues of its edges. A factor :math:`h_e^m` stands for m
links on edge e, that is m factors :math:`\eta H` between its ends, so the series gives back the plain
expansion in the cumulant basis, exactly and without eigenvalues.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import factorial
from typing import TYPE_CHECKING, Any

from sympy import Add, Expr, Integer, Pow, Rational

from sgdiagrams.diagrams.diagram import Diagram
from sgdiagrams.diagrams.trees import parents_of_levels
from sgdiagrams.symbolic.algebra.leibniz import penalised_pairs
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.contractions.factors import edge_indices
from sgdiagrams.symbolic.counting.choice import counter_of
from sgdiagrams.symbolic.embeddings.signs import prefactor
from sgdiagrams.symbolic.formula import Term, collect
from sgdiagrams.symbolic.resummation.dressed import closed_count
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED, UPDATE
from sgdiagrams.symbolic.weights.laurent import falling_factorial

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sgdiagrams.symbolic.algebra.linear_combinations import Pair
    from sgdiagrams.symbolic.formula import Part
    from sgdiagrams.symbolic.resummation.dressed import DressedComponent, DressedCount
    from sgdiagrams.symbolic.resummation.formula import ResummedFormula
    from sgdiagrams.symbolic.resummation.skeletons import Skeleton
    from sgdiagrams.symbolic.training.optimizer import Optimizer

__all__ = ["eigenvalue_series", "insert_links", "linked_diagram", "relink"]

#: The sign of a link, in :math:`1 - h`.
_LINK = int(prefactor(1).number)
#: Exponents of the eigenvalues -> coefficient.
_Series = dict[tuple[int, ...], Any]


def relink(expansion: ResummedFormula, order: int) -> tuple[Term, ...]:
    """Return the terms of the plain expansion, in cumulants, that a re-summed one stands for.

    Groups of linkless diagrams beyond the expansion's own order are missing in the result, so the
    order must not be higher.
    """
    terms = []
    for term in expansion.pieces:
        contraction = term.contraction
        left = order - term.order
        for piece in term.pieces if left >= 0 else ():
            part = expansion.parts[piece.part]
            series: _Series = {(0,) * term.order: Rational(piece.coefficient)}
            for skeleton in piece.skeletons:
                series = _times(series, _on_indices(skeleton, part, left, term.order), left)
            optimizer = part.optimizer
            is_penalised = optimizer.weight_decay != 0 or optimizer.penalty is not None
            link = PENALISED if is_penalised else LOSS
            for links, weight in series.items():
                linked = insert_links(contraction, links, label=link)
                terms += [Term(weight * c, k) for c, k in _written_out(linked, optimizer)]
    return collect(terms)


def _written_out(contraction: Contraction, optimizer: Optimizer) -> Sequence[Pair]:
    """Return what a contraction is the sum of, once a penalty that is a function is written out."""
    if optimizer.penalty is None:
        return [(Integer(1), contraction)]
    marked = contraction.with_label(PENALISED, UPDATE)
    decays = optimizer.weight_decay != 0
    return penalised_pairs(
        [(Integer(1), marked)], optimizer.penalty.expression.terms, decays=decays
    )


def _on_indices(skeleton: Skeleton, part: Part, most: int, width: int) -> _Series:
    """Return the series of a skeleton in the eigenvalues of the contraction's indices."""
    result: _Series = {}
    for exps, c in eigenvalue_series(skeleton, part, most).items():
        spread = [0] * width
        for i, k in zip(skeleton.indices, exps, strict=True):
            spread[i] = k
        result[tuple(spread)] = c
    return result


def eigenvalue_series(skeleton: Skeleton, part: Part, most: int) -> _Series:
    """Return a dressed count as a power series in the eigenvalues on its edges, to a total degree.

    In closed form by expanding divided differences at 1; otherwise by counting the diagrams with
    their links.
    """
    training = part.training
    if training.dressing is None or not training.dressing.is_plain:
        count = counter_of(training, "cumulant")
        result: _Series = {}
        for links in _exponents(skeleton.diagram.order, most):
            linked = linked_diagram(skeleton.diagram, links)
            weight = count.weight(count.count(linked, skeleton.role), linked.order)
            result[links] = weight * Rational(prefactor(sum(links)).number)
        return result
    closed = closed_count(skeleton.diagram, training, root=skeleton.role)
    n = skeleton.diagram.order
    total: _Series = {(0,) * n: closed.factor}
    for component in closed.components:
        series = _component(component, closed, most, continuous=training.is_continuous)
        spread: _Series = {}
        for exps, c in series.items():
            place = [0] * n
            for v, k in zip(component.nodes, exps, strict=True):
                place[v] = k
            spread[tuple(place)] = c
        total = _times(total, spread, most)
    return total


def _component(
    part: DressedComponent, count: DressedCount, most: int, *, continuous: bool
) -> _Series:
    r"""Expand :math:`[1, Q_1, \dots, Q_L] x^T = \sum_k \binom{T}{k} h_{k - L}(Q_1 - 1, \dots)`."""
    n = len(part.nodes)
    result: dict[tuple[int, ...], list[Expr]] = {}
    for s in part.structures:
        L = len(s.alive)
        if continuous and max(len(x.alive) for x in part.structures) > L:
            continue
        powers = [sum(level[i] for level in s.alive) - 1 for i in range(n)]
        front = {(0,) * n: 1} if continuous else _one_minus(tuple(powers), most)
        values = [_shifted(level, most, continuous=continuous) for level in s.alive]
        homogeneous = _complete(values, n, most)
        coefficient = count.coefficient(s)
        for degree, series in enumerate(homogeneous):
            k = L + degree
            time = _power(count.T, k) if continuous else _binomial(count.T, k)
            for exps, c in _times(series, front, most).items():
                result.setdefault(exps, []).append(coefficient * time * c)
    return {exps: Add(*terms) for exps, terms in result.items()}


def _binomial(T: Expr, k: int) -> Expr:
    return Add(*(c * Pow(T, Integer(i)) for i, c in enumerate(falling_factorial(k)))) / factorial(k)


def _power(T: Expr, k: int) -> Expr:
    return Pow(T, Integer(k)) / factorial(k)


@lru_cache(maxsize=4096)
def _one_minus(powers: tuple[int, ...], most: int) -> _Series:
    r"""Return :math:`\prod_e (1 - h_e)^{k_e}` to a total degree."""
    n = len(powers)
    result: _Series = {(0,) * n: 1}
    for i, k in enumerate(powers):
        factor: _Series = {(0,) * n: 1}
        factor[tuple(int(j == i) for j in range(n))] = _LINK
        for _ in range(k):
            result = _times(result, factor, most)
    return result


def _shifted(level: tuple[int, ...], most: int, *, continuous: bool) -> _Series:
    """Return Q - 1, or in continuous time -(the sum of the alive h)."""
    n = len(level)
    if continuous:
        return {tuple(int(j == i) for j in range(n)): _LINK for i in range(n) if level[i]}
    result = dict(_one_minus(level, most))
    result.pop((0,) * n)
    return result


def _complete(values: list[_Series], n: int, most: int) -> list[_Series]:
    """Return the complete homogeneous polynomials of degrees 0, ..., `most`."""
    result: list[_Series] = [{(0,) * n: 1}, *({} for _ in range(most))]
    for value in values:
        for k in range(1, most + 1):
            more = _times(value, result[k - 1], most)
            for exps, c in more.items():
                result[k][exps] = result[k].get(exps, 0) + c
    return result


def _times(p: _Series, q: _Series, most: int) -> _Series:
    """Multiply two series to a total degree; coefficients are whole numbers or expressions."""
    result: _Series = {}
    for a, c in p.items():
        for b, d in q.items():
            exps = tuple(map(sum, zip(a, b, strict=True)))
            if sum(exps) <= most:
                result[exps] = result.get(exps, 0) + c * d
    return result


def _exponents(width: int, most: int) -> Iterator[tuple[int, ...]]:
    for links in product(range(most + 1), repeat=width):
        if sum(links) <= most:
            yield links


def linked_diagram(diagram: Diagram, links: tuple[int, ...]) -> Diagram:
    """Return a diagram with links on the edges above its updates, in preorder.

    Examples
    --------
    >>> linked_diagram(Diagram.parse("(01-2)(02-12)"), (1, 0)).order
    3
    """
    parents = [-1, *parents_of_levels(diagram.levels)]
    blocks = list(diagram.labels)
    for v, count in enumerate(links, start=1):
        for _ in range(count):
            parents.append(parents[v])
            blocks.append(max(blocks) + 1)
            parents[v] = len(parents) - 1
    # Nodes are numbered with children before parents, the root last.
    order = sorted(range(len(parents)), key=lambda v: -_depth(parents, v))
    number = {v: i for i, v in enumerate(order)}
    above = [number[parents[v]] for v in order if parents[v] >= 0]
    return Diagram(above, [[number[v] for v in b] for b in _grouped(blocks)])


def _grouped(blocks: list[int]) -> list[list[int]]:
    members: dict[int, list[int]] = {}
    for v, b in enumerate(blocks):
        members.setdefault(b, []).append(v)
    return list(members.values())


def _depth(parents: list[int], v: int) -> int:
    depth = 0
    while parents[v] >= 0:
        v = parents[v]
        depth += 1
    return depth


def insert_links(
    contraction: Contraction, links: tuple[int, ...], *, label: str = LOSS
) -> Contraction:
    """Return a contraction with second derivatives inserted on its indices.

    Parameters
    ----------
    contraction
        In the cumulant basis.
    links
        Their number for every index: free ones first, then those of the edges as they are named.
    label
        The label of the new nodes.

    Examples
    --------
    >>> gradient = Contraction.build([], [[0]], free=[0])
    >>> insert_links(gradient, (2,))
    H_ab H_bc G_c
    """
    edges = []
    partition = list(contraction.partition)
    labels = list(contraction.labels)
    free = list(contraction.free)

    def chain(start: int, count: int) -> int:
        """Append a chain of links to a node and return its last node."""
        for _ in range(count):
            partition.append(max(partition) + 1)
            labels.append(label)
            edges.append((start, len(partition) - 1))
            start = len(partition) - 1
        return start

    for (i, j), index in zip(contraction.edges, edge_indices(contraction), strict=True):
        edges.append((chain(i, links[index]), j))
    for place, v in enumerate(contraction.free):
        free[place] = chain(v, links[place])
    return Contraction.from_parts(edges, partition, labels, free, basis="cumulant")
