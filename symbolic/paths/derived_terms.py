r"""The terms of an expected observable by their noise: diagrams, and what is at their roots.

Expanding the main theorem about :math:`\varphi_t` in place of the start, where the run of the mean
gradient stays, sums all leaves and links that are alone in their blocks. What is left are the diagrams
of `sgdiagrams.diagrams.noise_diagrams`, in joint cumulants, with sign and symmetry factor as they were.
Weight decay is in the run and in its propagators: an update alone in its block has three legs or more,
and joint cumulants know nothing of what is the same for all datapoints.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.enumeration import noise_diagrams
from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.trees import parents_of_levels
from sgdiagrams.symbolic.embeddings.signs import prefactor
from sgdiagrams.symbolic.observable import root_mode, root_role
from sgdiagrams.symbolic.paths.canonical_means import split_means
from sgdiagrams.symbolic.paths.path_terms import PathTerm, Root
from sgdiagrams.symbolic.vocabulary import TRAINING, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.paths.path_terms import PathMean
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["noise_terms"]

#: Products of independent expectations, with their weights.
_Sum = dict[tuple["PathMean", ...], Fraction]


def noise_terms(observable: Observable, sampling: Sampling, noise: int) -> tuple[PathTerm, ...]:
    """Return the terms of an observable to an order in the noise.

    Parameters
    ----------
    observable
        What is expanded.
    sampling
        Which diagrams there are, and which of their parts are independent of each other; it is not
        asked for a number.
    noise
        The highest order, 0 to 3.

    Returns
    -------
    tuple of PathTerm
        By noise, then by updates; equal products are one term.

    Raises
    ------
    RequestError
        When the observable is an increment, or the sampling a limit in continuous time.

    Examples
    --------
    >>> from sgdiagrams.symbolic.observable import TEST_LOSS
    >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
    >>> for term in noise_terms(TEST_LOSS, OnePass(), 1):
    ...     print(term.noise, term.weight, *((m.parents, m.blocks) for m in term.means))
    0 1 ((), (0,))
    1 1/2 ((0, 0), (0, 1, 1))
    1 -1/2 ((0, 1, 1), (0, 1, 2, 2))
    """
    if not observable.is_at_end:
        remedy = (
            "take the plain expansion"
            if observable.times
            else "subtract two expansions, of T and of since updates"
        )
        raise RequestError(
            f"expected an observable at the end of training along a path, got {shown(observable.name)}; "
            f"{remedy}"
        )
    if sampling.is_continuous:
        raise RequestError(
            f"expected a scheme of discrete updates along a path, got {sampling.name}, a continuous limit"
        )
    sums: _Sum = {}
    for p in observable.products:
        expected: list[list[_Sum]] = []
        leg = 0
        for factors in p.expectations:
            roots = []
            for factor in factors:
                roots.append(Root(factor, leg if factor == WEIGHTS else -1))
                leg += factor == WEIGHTS
            expected.append([_expectation(tuple(roots), sampling, k) for k in range(noise + 1)])
        for orders in product(range(noise + 1), repeat=len(expected)):
            if sum(orders) > noise:
                continue
            of_orders = (e[k].items() for e, k in zip(expected, orders, strict=True))
            for combination in product(*of_orders):
                means = tuple(sorted(mean for group, _ in combination for mean in group))
                weight = p.sign * prod(weight for _, weight in combination)
                sums[means] = sums.get(means, Fraction(0)) + weight
    terms = (PathTerm(weight, means) for means, weight in sums.items() if weight)
    return tuple(sorted(terms, key=_simplicity))


def _simplicity(term: PathTerm) -> tuple[object, ...]:
    return term.noise, term.updates, len(term.means), term.means


def _expectation(roots: tuple[Root, ...], sampling: Sampling, noise: int) -> _Sum:
    """Return one order of an expectation of a product of factors."""
    mode = root_mode(root_role(tuple(root.factor for root in roots)))
    sums: _Sum = {}
    options: dict[str, object] = sampling.diagram_options
    for diagram in noise_diagrams(noise, root=mode, **options):  # type: ignore[arg-type]
        weight = prefactor(diagram.order, symmetry_factor=diagram.symmetry_factor).number
        for parents, blocks in _shared_out(diagram, roots):
            means = split_means(roots, parents, blocks, is_random=sampling.is_random)
            sums[means] = sums.get(means, Fraction(0)) + weight
    return sums


def _shared_out(
    diagram: Diagram, roots: tuple[Root, ...]
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yield the ways to share out a root's children among factors, as parents and blocks.

    A coordinate of the weights is linear in them and takes one child at most.
    """
    r = len(roots)
    above = parents_of_levels(diagram.levels)  # of nodes 1, 2, ... in preorder
    children = [v for v, parent in enumerate(above, start=1) if parent == 0]
    fresh = max(diagram.labels) + 1
    # The root's own block is that of the training loss: alone it has no other node.
    blocks = [diagram.labels[0] if x.factor == TRAINING else fresh + i for i, x in enumerate(roots)]
    blocks += diagram.labels[1:]
    for choice in product(range(r), repeat=len(children)):
        if any(choice.count(i) > 1 for i, x in enumerate(roots) if x.factor == WEIGHTS):
            continue
        root_of = dict(zip(children, choice, strict=True))
        parents = (
            root_of[v] if parent == 0 else parent + r - 1 for v, parent in enumerate(above, start=1)
        )
        yield tuple(parents), tuple(blocks)
