r"""Derivatives along curves in PyTorch, by reverse mode again and again; knows no data set.

With the curve's derivatives :math:`c_a` as arguments of their own, :math:`J_\emptyset = f(\theta)` and

.. math:: J_{k + j} = \sum_{a \subseteq k} \frac{\partial J_k}{\partial c_a} \cdot c_{a + j},

where :math:`c_\emptyset = \theta`: each is the derivative of the one before along one more direction,
and the derivative of the gradient is :math:`\partial J_k / \partial \theta`, which comes with the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sgdiagrams.numeric.models.backends.torch_kernels import (
    leaf_gradient,
    leaf_product,
    row_of_leaves,
)
from sgdiagrams.numeric.models.curves.key_sets import chains, parts_in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sgdiagrams.numeric.models.model import Directions

    #: Arrays like the weights, by the directions of the derivatives that they are.
    Curve = Mapping[Directions, Sequence[Any]]

__all__ = ["looped_jets", "mapped_jets"]


def looped_jets(
    total: Callable[[list[Any]], Any],
    weights: Sequence[Any],
    curves: Sequence[Curve],
    keys: Sequence[Directions],
    *,
    vectors_out: bool,
) -> dict[Directions, Any]:
    """Return derivatives of one function along curves, one after the other; the first gradient is shared.

    Parameters
    ----------
    total
        The function of a list of weights.
    weights
        The tensors from which curves start.
    curves
        For every curve its derivatives.
    keys
        Of the derivatives wanted, ``()`` among them.
    vectors_out
        Derivatives of the gradient and not of the value.

    Returns
    -------
    dict
        Numbers in float64, shape (S,); or vectors, shape (S, p). For ``()`` of length 1.
    """
    import torch

    start = [leaf.detach().requires_grad_() for leaf in weights]
    value = total(start)
    first = leaf_gradient(value, start, graph=True) if vectors_out or len(keys) > 1 else None
    results: dict[Directions, Any] = {key: [] for key in keys if key}
    results[()] = [_out(value, first, vectors_out=vectors_out)]
    for curve in curves:
        given = {
            key: [leaf.detach().requires_grad_() for leaf in leaves]
            for key, leaves in curve.items()
        }
        given[()] = start
        here: dict[Directions, Any] = {}
        for chain in chains(keys):
            changes: Any = first
            J: Any = value
            key: Directions = ()
            for j in chain:
                parts = _distinct_parts(key)
                if key:
                    changes = leaf_gradient(J, [x for a in parts for x in given[a]], graph=True)
                    here.setdefault(key, _out(J, changes[: len(start)], vectors_out=vectors_out))
                along = [x for a in parts for x in given[_more(a, j)]]
                J, key = leaf_product(changes, along, kind=torch.float64), _more(key, j)
            changes = leaf_gradient(J, start, graph=False) if vectors_out else None
            here[key] = _out(J, changes, vectors_out=vectors_out)
        for key, result in here.items():
            results[key].append(result)
    return {key: torch.stack(results[key]) for key in keys}


def mapped_jets(
    total: Callable[..., Any],
    weights: Sequence[Any],
    points: Any,
    curves: Curve,
    keys: Sequence[Directions],
    *,
    vectors_out: bool,
    own: bool,
) -> dict[Directions, Any]:
    """Return derivatives along many curves at once, by `torch.func`.

    Parameters
    ----------
    total
        ``total(weights, points=...)``: the function of a list of weights and of one row of datapoints.
    weights
        The tensors from which curves start.
    points
        Rows in front, (S, m, ...), or without that axis where all rows are the same.
    curves
        Derivatives of all curves, with an axis S in front.
    keys
        Of the derivatives wanted, ``()`` among them.
    vectors_out
        Derivatives of the gradient and not of the value.
    own
        Every curve has datapoints of its own.

    Returns
    -------
    dict
        Numbers in float64, shape (S,); or vectors, shape (S, p). Without datapoints of their own
        ``()`` has length 1.
    """
    from torch.func import vmap

    start = [leaf.detach() for leaf in weights]

    def alone(here: Any) -> Any:
        return _chain(total, start, here, {}, (), vectors_out=vectors_out)[()]

    def along(here: Any, curve: Curve) -> dict[Directions, Any]:
        results: dict[Directions, Any] = {}
        for chain in chains(keys):
            results.update(_chain(total, start, here, curve, chain, vectors_out=vectors_out))
        results.pop((), None)
        return results

    value = vmap(alone)(points) if own else alone(points)[None]
    if len(keys) == 1:
        return {(): value.detach()}
    results = vmap(along, (0 if own else None, 0))(points, curves)
    return {key: (results[key] if key else value).detach() for key in keys}


def _chain(
    total: Callable[..., Any],
    start: list[Any],
    points: Any,
    curve: Curve,
    chain: Directions,
    *,
    vectors_out: bool,
) -> dict[Directions, Any]:
    """Return derivatives along the first directions of a chain, for every number of them."""
    import torch
    from torch.func import grad_and_value

    def level(i: int, given: Curve) -> tuple[Any, dict[Directions, Any]]:
        # J, and the results of the levels below.
        if i == 0:
            return total(list(given[()]), points=points), {}
        key = tuple(sorted(chain[: i - 1]))
        parts = _distinct_parts(key)
        changes, J, results = below(i - 1, given, parts)
        results = {**results, key: _out(J, changes[()], vectors_out=vectors_out)}
        pairs = [(changes[a], given[_more(a, chain[i - 1])]) for a in parts]
        J = sum(leaf_product(one, other, kind=torch.float64) for one, other in pairs)
        return J, results

    def below(i: int, given: Curve, parts: Sequence[Directions]) -> tuple[Any, Any, Any]:
        changes, (J, results) = grad_and_value(
            lambda some: level(i, {**given, **some}), has_aux=True
        )({a: list(given[a]) for a in parts})
        return changes, J, results

    given: Curve = {(): start, **curve}
    whole = tuple(sorted(chain))
    if vectors_out:
        changes, J, results = below(len(chain), given, [()])
        return {**results, whole: row_of_leaves(changes[()])}
    J, results = level(len(chain), given)
    return {**results, whole: J.double()}


def _out(J: Any, changes: Any, *, vectors_out: bool) -> Any:
    return (row_of_leaves(changes) if vectors_out else J.double()).detach()


def _more(key: Directions, direction: int) -> Directions:
    return tuple(sorted((*key, direction)))


def _distinct_parts(key: Directions) -> list[Directions]:
    return list(dict.fromkeys(parts_in_order(key)))
