"""Dictionaries, lists and tuples of tensors, taken apart and put together again."""

from __future__ import annotations

from typing import Any

__all__ = ["Tree", "leaves_of", "like", "matched"]

#: Tensors, or a dictionary, a list or a tuple of trees.
Tree = Any


def leaves_of(tree: Tree) -> list[Any]:
    """Return the tensors of a tree, in the order in which they stand.

    Examples
    --------
    >>> leaves_of({"w": 1, "b": (2, [3])})
    [1, 2, 3]
    """
    if isinstance(tree, dict):
        return [leaf for branch in tree.values() for leaf in leaves_of(branch)]
    if isinstance(tree, (list, tuple)):
        return [leaf for branch in tree for leaf in leaves_of(branch)]
    return [tree]


def matched(tree: Tree, structure: Tree) -> list[Any] | None:
    """Return the tensors of a tree in the order of another one; None where they hang together otherwise.

    Examples
    --------
    >>> matched({"b": 1, "w": 2}, {"w": 0, "b": 0})
    [2, 1]
    >>> matched({"b": 1}, {"w": 0, "b": 0})
    """
    if isinstance(structure, dict):
        if not isinstance(tree, dict) or tree.keys() != structure.keys():
            return None
        branches = [matched(tree[name], branch) for name, branch in structure.items()]
    elif isinstance(structure, (list, tuple)):
        if not isinstance(tree, (list, tuple)) or len(tree) != len(structure):
            return None
        branches = [matched(*pair) for pair in zip(tree, structure, strict=True)]
    else:
        return None if isinstance(tree, (dict, list, tuple)) else [tree]
    leaves: list[Any] = []
    for branch in branches:
        if branch is None:
            return None
        leaves += branch
    return leaves


def like(tree: Tree, leaves: list[Any]) -> Tree:
    """Return a tree of other tensors that hangs together like a given one.

    Examples
    --------
    >>> like({"w": 1, "b": (2, [3])}, ["x", "y", "z"])
    {'w': 'x', 'b': ('y', ['z'])}
    """
    return _filled(tree, iter(leaves))


def _filled(tree: Tree, leaves: Any) -> Tree:
    if isinstance(tree, dict):
        return {name: _filled(branch, leaves) for name, branch in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(_filled(branch, leaves) for branch in tree))
    if isinstance(tree, (list, tuple)):
        return type(tree)(_filled(branch, leaves) for branch in tree)
    return next(leaves)
