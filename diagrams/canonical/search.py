"""Equal siblings in many orders: what an automorphism carries into each other is looked at once.

This is the idea of McKay's *nauty*, Congr. Numer. 30 (1981) 45. The best order so far is kept. An order
that falls behind it is left at once; one that repeats its string is, together with it, an automorphism,
and the search goes back to where the two part. Of the choices that known automorphisms carry into each
other one is looked at. The orbits that are left give the order of the group by the orbit-stabiliser
theorem. The labels of leaves are decided late (`Labelling`), so that leaves leave no choice.

The least string is hard to find where many orders agree for long and no automorphism connects them, as
with leaves that are tied along a large graph without short cycles. So the work is bounded.
"""

from __future__ import annotations

from itertools import chain
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from sgdiagrams.diagrams.canonical.labelling import Labelling
from sgdiagrams.diagrams.errors import DiagramError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Search", "Steps"]

_MOST_STEPS = 400_000  # nodes that are placed or looked at: a few seconds
_REMEMBERED = 100  # automorphisms that later choices are asked about

_BETTER, _TIED, _WORSE = -1, 0, 1
_NOWHERE = 10**9


class Steps:
    """How much the searches for one form may still do."""

    __slots__ = ("_left", "_nodes")

    def __init__(self, nodes: int) -> None:
        self._nodes = nodes
        self._left = _MOST_STEPS

    def spend(self, steps: int) -> None:
        """Count steps, or raise a DiagramError when they are too many."""
        self._left -= steps
        if self._left < 0:
            raise DiagramError(
                f"expected equal branches that can be put in order, got {self._nodes} nodes tied in a "
                f"way that leaves too many orders after {_MOST_STEPS} steps"
            )


class _Branch:
    """A place where the search has a choice, and the orbits of the choices that are known."""

    __slots__ = ("size", "taken", "to")

    def __init__(self, choices: Sequence[int]) -> None:
        self.to = {v: v for v in choices}
        #: The choice that is looked at.
        self.taken = choices[0]
        #: The size of the orbit of the best choice, once all are looked at.
        self.size = 1

    def orbit(self, v: int) -> int:
        to = self.to
        while to[v] != v:
            to[v] = to[to[v]]
            v = to[v]
        return v

    def join(self, automorphism: dict[int, int]) -> None:
        for v, image in automorphism.items():
            if v in self.to and image in self.to:
                self.to[self.orbit(v)] = self.orbit(image)


class _Best(NamedTuple):
    """A complete order: its string, the choices that lead to it, the orders that it stands for."""

    labels: list[int]
    order: list[int]
    path: list[tuple[_Branch, int]]
    orders: int


class Search:
    """The orders with the least restricted growth string.

    Parameters
    ----------
    root
        Where the tree begins.
    runs
        For every node its children in runs of equal subtrees, the last ones first.
    block_of
        The block of every node.
    twins
        For nodes with children, what says whether equal siblings can be exchanged.
    steps
        How much may be done.
    known
        Blocks that have a label before the root has one.

    Attributes
    ----------
    order, labels
        One of the best orders, and its string.
    size
        The number of the best orders.

    Raises
    ------
    DiagramError
        When the search takes too many steps.
    """

    __slots__ = ("_automorphisms", "_best", "_block_of", "_labels", "_order", "_path", "_runs",
                 "_steps", "_twins")  # fmt: skip

    def __init__(
        self,
        root: int,
        runs: Sequence[Sequence[Sequence[int]]],
        block_of: Sequence[int],
        twins: Mapping[int, object],
        steps: Steps,
        *,
        known: Sequence[int] = (),
    ) -> None:
        self._runs = runs
        self._twins = twins
        self._block_of = block_of
        #: Nodes, and runs of leaves whose order the labels of their blocks decide in the end.
        self._order: list[int | Sequence[int]] = []
        self._labels: list[int] = []
        self._path: list[_Branch] = []
        self._automorphisms: list[dict[int, int]] = []
        self._steps = steps
        self._best = _Best([], [], [], 0)
        self._descend([[root]], Labelling(block_of, known), has_rival=False)

    @property
    def order(self) -> tuple[int, ...]:
        """The nodes in one of the best orders."""
        return tuple(self._best.order)

    @property
    def labels(self) -> tuple[int, ...]:
        """The least string."""
        return tuple(self._best.labels)

    @property
    def size(self) -> int:
        """The number of the best orders."""
        return self._best.orders * prod(branch.size for branch, _ in self._best.path)

    def _descend(self, stack: list[Sequence[int]], labelling: Labelling, *, has_rival: bool) -> int:
        """Place what is left; return the number of the branch to go back to, if there is one.

        Parameters
        ----------
        stack
            The runs still to be placed, the next one last.
        labelling
            The labels so far.
        has_rival
            Whether the labels so far are those of the best order; otherwise they are less.
        """
        while stack:
            run = stack.pop()
            if not self._runs[run[0]]:
                self._order.append(run)
                labels = labelling.place_leaves(run)
            else:
                choices = self._choices(run, labelling) if len(run) > 1 else run
                if len(choices) > 1:
                    return self._branch(choices, run, stack, labelling, has_rival=has_rival)
                labels = [self._place(choices[0], run, stack, labelling)]
            standing = self._add(labels, has_rival=has_rival)
            if standing == _WORSE:
                return _NOWHERE
            has_rival = standing == _TIED
        order = labelling.decided(self._order)
        if has_rival:
            return self._automorphism(order)
        path = [(branch, branch.taken) for branch in self._path]
        self._best = _Best(self._labels.copy(), order, path, labelling.orders)
        return _NOWHERE

    def _place(
        self, v: int, run: Sequence[int], stack: list[Sequence[int]], labelling: Labelling
    ) -> int:
        """Place a node with children; return its label."""
        if len(run) > 1:
            stack.append([u for u in run if u != v])
            twin = self._twins.get(v)
            if twin is not None:
                labelling.ways *= sum(self._twins.get(u) == twin for u in run)
        stack.extend(self._runs[v])
        self._order.append(v)
        return labelling.place(v)

    def _add(self, labels: list[int], *, has_rival: bool) -> int:
        """Take the next labels; tell how they compare with those of the best order."""
        self._steps.spend(len(labels))
        at = len(self._labels)
        self._labels += labels
        if not has_rival:
            return _BETTER
        rival = self._best.labels[at : at + len(labels)]
        return _TIED if labels == rival else _BETTER if labels < rival else _WORSE

    def _choices(self, run: Sequence[int], labelling: Labelling) -> Sequence[int]:
        """Return the branches that may come next; of twins the first one."""
        if self._twins:
            first: dict[object, int] = {}
            choices = [v for v in run if first.setdefault(self._twins.get(v, v), v) == v]
        else:
            choices = list(run)
        return self._promising(choices, labelling) if len(choices) > 1 else choices

    def _promising(self, run: Sequence[int], labelling: Labelling) -> Sequence[int]:
        """Return the branches that may give the least labels, the likely ones first."""
        labels = [labelling.least(v) for v in run]
        least = min(labels)
        choices = [v for v, label in zip(run, labels, strict=True) if label == least]
        if len(choices) == 1:
            return choices
        self._steps.spend(len(choices) // 4)
        choices = self._with_least_leaf(choices, labelling)
        if len(choices) == 1:
            return choices
        bounds = {v: self._bound(v, labelling) for v in choices}
        self._steps.spend(sum(len(labels) for labels, _ in bounds.values()) // 4)
        choices.sort(key=lambda v: bounds[v][0])
        reached = [labels for labels, is_reached in bounds.values() if is_reached]
        most = min(reached) if reached else bounds[choices[-1]][0]
        return [v for v in choices if bounds[v][0] <= most]

    def _with_least_leaf(self, choices: list[int], labelling: Labelling) -> list[int]:
        """Return the branches whose first leaf has the least label, if they are nodes with leaves."""
        if len(self._runs[choices[0]]) > 1 or self._runs[self._runs[choices[0]][0][0]]:
            return choices
        first = {v: min(map(labelling.least, self._runs[v][0])) for v in choices}
        reached = [first[v] for v in choices if labelling.is_decided(v)]
        most = min(reached) if reached else max(first.values())
        return [v for v in choices if first[v] <= most]

    def _bound(self, v: int, labelling: Labelling) -> tuple[list[int], bool]:
        """Return labels of a branch that no order is below, and whether an order reaches them."""
        runs = self._runs[v]
        labels = [labelling.least(v)]
        if len(runs) == 1 and not self._runs[runs[0][0]]:
            # A node with leaves: nothing is left to decide, unless its own block is among them.
            block = self._block_of[v]
            is_alone = labelling.is_decided(v) and all(self._block_of[u] != block for u in runs[0])
            later = int(is_alone and labelling.is_new(v))
            return labels + labelling.labels_of_leaves(runs[0], later=later), is_alone
        for run in reversed(runs):
            if not self._runs[run[0]]:
                labels += labelling.labels_of_leaves(run)
            else:
                parts = sorted([self._bound(u, labelling)[0] for u in run])
                labels += chain.from_iterable(parts)
        return labels, False

    def _branch(
        self,
        choices: Sequence[int],
        run: Sequence[int],
        stack: list[Sequence[int]],
        labelling: Labelling,
        *,
        has_rival: bool,
    ) -> int:
        """Look at the choices that no automorphism carries into an earlier one; as `_descend`."""
        branch = _Branch(choices)
        number, at, labels_at = len(self._path), len(self._order), len(self._labels)
        self._path.append(branch)
        placed = {v for v in self._order if isinstance(v, int)}
        for automorphism in self._automorphisms:
            if placed.isdisjoint(automorphism):
                branch.join(automorphism)
        seen: list[int] = []
        back = _NOWHERE
        for v in choices:
            if any(branch.orbit(v) == branch.orbit(u) for u in seen):
                continue
            seen.append(v)
            branch.taken = v
            below, labels = stack.copy(), labelling.copy()
            standing = self._add([self._place(v, run, below, labels)], has_rival=has_rival)
            if standing != _WORSE:
                back = self._descend(below, labels, has_rival=standing == _TIED)
            del self._order[at:], self._labels[labels_at:]
            if back < number or standing == _WORSE:  # all choices have one label
                break
            has_rival = True
        self._path.pop()
        if number < len(self._best.path) and self._best.path[number][0] is branch:
            orbit = branch.orbit(self._best.path[number][1])
            branch.size = sum(branch.orbit(v) == orbit for v in choices)
        return back if back < number else _NOWHERE

    def _automorphism(self, order: list[int]) -> int:
        """Learn from an order that repeats the best string; return where the two part."""
        pairs = zip(self._best.order, order, strict=True)
        automorphism = {v: image for v, image in pairs if v != image}
        taken = [(branch, branch.taken) for branch in self._path]
        part = next(
            i
            for i, pair in enumerate(zip(taken, self._best.path, strict=False))
            if pair[0] != pair[1]
        )
        for branch in self._path[: part + 1]:
            branch.join(automorphism)
        if len(self._automorphisms) < _REMEMBERED:
            self._automorphisms.append(automorphism)
        return part
