r"""Differentiation and substitution: Leibniz' rule over the nodes of contractions.

A derivative by the weights adds a leg to every node in turn, whatever the basis: joint moments and joint
cumulants are linear in each of their nodes. So a *function of the weights* that stands for an expression
gives way to it: a node of the function with k legs is its k-th derivative, whose legs are shared out
among the nodes of the expression in all ways. With trees alone this is the grafting of a pre-Lie algebra.

A penalty is such a function at updates, beside their losses, and the same for all datapoints. In a joint
moment it is a factor of its own,

.. math:: \langle (a + r)(b + s) \rangle
    = \langle a b \rangle + r \langle b \rangle + s \langle a \rangle + r s,

and joint cumulants of several nodes do not see it.

References
----------
F. Chapoton, M. Livernet, "Pre-Lie algebras and the rooted trees operad", Int. Math. Res. Not. 2001 (8)
395; E. Hairer, C. Lubich, G. Wanner, Geometric Numerical Integration, III.1 and IX.9.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.partitions import restricted_growth_string
from sgdiagrams.symbolic.algebra.conversions import OF_A_PENALTY
from sgdiagrams.symbolic.algebra.linear_combinations import Pair, collected_pairs, in_one_basis
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.contractions.placements import joint_basis
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED, UPDATE
from sgdiagrams.symbolic.weights.quotients import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sgdiagrams.symbolic.contractions.graph import ValueBasis

__all__ = [
    "PENALTY",
    "gradient_pairs",
    "joined_legs",
    "penalised_pairs",
    "penalties_marked",
    "replaced_function",
]

#: Of a node that a penalty stands at; a name that no function of a user has.
PENALTY = "V"

#: Of a node that is to be replaced; a name that no function of a user has.
_REPLACED = "eta"


def gradient_pairs(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
    """Return the derivative by the weights: one free leg more, the last.

    Examples
    --------
    >>> from sympy import Integer
    >>> gradient_pairs([(Integer(1), Contraction.parse("G_a H_ab G_b"))])
    ((2, H_ab H_bc G_c), (1, J_abc G_b G_c))
    """
    return collected_pairs(
        (coefficient, _made(k.edges, k.partition, k.labels, (*k.free, v), k.basis))
        for coefficient, k in pairs
        for v in range(k.node_count)
    )


def joined_legs(pairs: Iterable[Pair], first: int, second: int) -> tuple[Pair, ...]:
    """Return the contraction of two free legs, by their numbers.

    Examples
    --------
    >>> from sympy import Integer
    >>> joined_legs([(Integer(1), Contraction.parse("G_a H_bc"))], 0, 1)
    ((1, H_ab G_b),)
    """
    return collected_pairs(
        (
            coefficient,
            _made(
                (*k.edges, (k.free[first], k.free[second])),
                k.partition,
                k.labels,
                [v for i, v in enumerate(k.free) if i not in (first, second)],
                k.basis,
            ),
        )
        for coefficient, k in pairs
    )


def replaced_function(
    pairs: Iterable[Pair], name: str, replacement: Iterable[Pair]
) -> tuple[Pair, ...]:
    """Return pairs with a function of the weights, at all its nodes, replaced by what it is.

    Parameters
    ----------
    pairs
        Where the function stands, at nodes labelled with its name, each alone in its block.
    name
        Of the function, or the label of a loss that is not shared with another node.
    replacement
        What the function is; its free legs come after those that are there.

    Raises
    ------
    RequestError
        When it shares a datapoint with another node, or the bases do not go together.

    Examples
    --------
    >>> from sympy import Integer
    >>> operator = [(Integer(-1), Contraction.parse("G_a s_a"))]
    >>> replaced_function(operator, "s", [(Integer(1), Contraction.parse("G_a G_a"))])
    ((-2, G_a H_ab G_b),)
    """
    given, new = in_one_basis(pairs, replacement)
    # The replacement may name the function itself, as where operators follow each other.
    waiting = [(c, k.with_label(name, _REPLACED)) for c, k in given]
    result: list[Pair] = []
    while waiting:
        coefficient, k = waiting.pop()
        if _REPLACED not in k.labels:
            result.append((coefficient, k))
            continue
        node = k.labels.index(_REPLACED)
        if k.partition.count(k.partition[node]) > 1:
            raise RequestError(
                f"expected {shown(name)} without a datapoint to share, got "
                f"{shown(str(k.with_label(_REPLACED, name)))}; change the basis to cumulants"
            )
        for factor, inner in new:
            scale = coefficient * factor
            scale = scale if scale.is_Rational else canonical(scale)
            waiting += ((scale, combined) for combined in _shared_out(k, node, inner))
    return collected_pairs(result)


def penalties_marked(contraction: Contraction, *, decays: bool = False) -> Iterator[Contraction]:
    """Yield what a contraction with marked updates is the sum of: the loss at each, or the penalty.

    Parameters
    ----------
    contraction
        Of moments or cumulants. Updates whose losses have the penalty are labelled ``UPDATE``; in
        cumulants each is alone in its block.
    decays
        Whether the losses have an L2 penalty besides, and are penalised losses then.

    Examples
    --------
    >>> squared = Contraction.build([(0, 1)], [[0, 1]], labels=[UPDATE, UPDATE])
    >>> list(penalties_marked(squared))
    [M_a|a, G_a V_a, G_a V_a, V_a V_a]
    """
    k = contraction
    legs = k.legs
    hosts = [v for v, label in enumerate(k.labels) if label == UPDATE]
    above = max(k.partition, default=0) + 1
    for chosen in product((False, True), repeat=len(hosts)):
        labels, blocks = list(k.labels), list(k.partition)
        for v, is_penalty in zip(hosts, chosen, strict=True):
            labels[v] = PENALISED if decays and legs[v] <= OF_A_PENALTY else LOSS
            if is_penalty:
                labels[v], blocks[v] = PENALTY, above + v
        yield Contraction.from_parts(
            k.edges, restricted_growth_string(blocks), labels, k.free, basis=k.basis
        )


def penalised_pairs(
    pairs: Iterable[Pair], penalty: Iterable[Pair], *, decays: bool = False
) -> tuple[Pair, ...]:
    """Return pairs in which the losses of marked updates have a penalty, written out.

    Parameters
    ----------
    pairs
        With updates labelled ``UPDATE``.
    penalty
        What is added.
    decays
        As for `penalties_marked`.

    Examples
    --------
    >>> from sympy import Integer
    >>> one = Integer(1)
    >>> slope = Contraction.build([], [[0]], labels=[UPDATE], free=[0])
    >>> penalised_pairs([(one, slope)], [(one / 4, Contraction.parse("C_aa"))])
    ((1, G_a), (1/2, kappa_b|ab))
    """
    marked = ((c, part) for c, k in pairs for part in penalties_marked(k, decays=decays))
    return replaced_function(marked, PENALTY, penalty)


def _shared_out(k: Contraction, node: int, inner: Contraction) -> Iterator[Contraction]:
    """Yield a contraction with another in place of a node, for all ways to share out its legs."""
    n = k.node_count
    # Ends of edges and free legs at the node, in this order.
    ends = [(e, i) for e, edge in enumerate(k.edges) for i in (0, 1) if edge[i] == node]
    places = [i for i, v in enumerate(k.free) if v == node]
    kept = [v for v in range(n) if v != node]
    number = {v: i for i, v in enumerate(kept)}
    shift = len(kept)
    above = max(k.partition) + 1
    blocks = [*(k.partition[v] for v in kept), *(b + above for b in inner.partition)]
    labels = [*(k.labels[v] for v in kept), *inner.labels]
    inner_edges = [(i + shift, j + shift) for i, j in inner.edges]
    basis = joint_basis(k, inner)
    for nodes in product(range(inner.node_count), repeat=len(ends) + len(places)):
        edges = [[number.get(i, -1), number.get(j, -1)] for i, j in k.edges]
        free = [number.get(v, -1) for v in k.free]
        for (e, i), v in zip(ends, nodes, strict=False):
            edges[e][i] = v + shift
        for i, v in zip(places, nodes[len(ends) :], strict=True):
            free[i] = v + shift
        yield _made(
            [*((i, j) for i, j in edges), *inner_edges],
            blocks,
            labels,
            [*free, *(v + shift for v in inner.free)],
            basis,
        )


def _made(
    edges: Sequence[tuple[int, int]],
    blocks: Sequence[int],
    labels: Sequence[str],
    free: Sequence[int],
    basis: ValueBasis,
) -> Contraction:
    """Return a contraction, in which a penalty has no more than two derivatives."""
    if PENALISED in labels:
        legs = [0] * len(labels)
        for v in (*free, *(v for edge in edges for v in edge)):
            legs[v] += 1
        labels = [
            LOSS if label == PENALISED and legs[v] > OF_A_PENALTY else label
            for v, label in enumerate(labels)
        ]
    return Contraction.from_parts(edges, blocks, labels, free, basis=basis)
