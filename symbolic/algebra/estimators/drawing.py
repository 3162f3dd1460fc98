r"""At which datapoints terms are taken: the kernel that is cheapest, as far as sought.

A moment is estimated without bias by its blocks at different datapoints, whichever; these decide what
terms have in common. A product of joint cumulants is estimated by products of differences as well,

.. math:: \kappa(X, Y) = \mathbb{E}\, X_1 (Y_1 - Y_2), \qquad
          \kappa(X, Y, Z) = \mathbb{E}\, (X_1 - X_2) (Y_1 - Y_2) (Z_1 - Z_3)

(multiply out), with datapoints of their own for each block, where these are not too many.

With few possibilities all are tried. With more, terms are taken one after the other, each with what costs
least beside those before it, and then each is tried anew beside all others until nothing changes.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import perm, prod
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sympy import Add, Expr, Integer, Rational, prime

from sgdiagrams.diagrams.errors import SgdiagramsError
from sgdiagrams.symbolic.algebra.estimators.costs import Cost, cost_of_all
from sgdiagrams.symbolic.algebra.estimators.drawn_trees import Monomial, drawn, sampled_blocks
from sgdiagrams.symbolic.algebra.estimators.factoring import factored
from sgdiagrams.symbolic.algebra.estimators.kernel import KernelSum, derivatives_in
from sgdiagrams.symbolic.weights.quotients import canonical
from sgdiagrams.symbolic.weights.substitution import value_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sgdiagrams.symbolic.algebra.linear_combinations import Pair
    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["Drawing", "cheapest", "most_datapoints"]

#: What a term becomes: products of trees, with factors.
_Drawn: TypeAlias = "tuple[tuple[Monomial, int], ...]"
#: For the nodes of a block which of its datapoints they are taken at, with factors.
_Template: TypeAlias = "list[tuple[tuple[int, ...], int]]"

#: So many combinations of possibilities are all tried.
_ALL = 200
#: So many trees are factored, in all trials together; what is left then stays as it is.
_MOST = 4_000
#: So many ways to name the datapoints of a term are looked at, evenly spread over all.
_NAMES = 120
_SWEEPS = 3
#: Of larger blocks no product of differences is known.
_DIFFERENCES = 3


class Drawing(NamedTuple):
    """A kernel, and how it was sought.

    Attributes
    ----------
    terms
        KernelTerm of trees -> coefficient.
    kernel
        The same with what terms have in common taken out.
    is_exhaustive
        Whether all possibilities were tried.
    """

    terms: dict[Monomial, Expr]
    kernel: KernelSum
    is_exhaustive: bool

    @property
    def cost(self) -> Cost:
        """What the kernel costs."""
        return cost_of_all(derivatives_in(self.kernel))


def most_datapoints(contractions: Iterable[Contraction]) -> int:
    """Return the greatest number of blocks, those of functions aside."""
    return max((len(sampled_blocks(c)) for c in contractions), default=0)


def cheapest(moments: Sequence[Pair], cumulants: Sequence[Pair]) -> Drawing:
    """Return the cheapest kernel of a sum, given in both bases, with the fewest datapoints."""
    count = most_datapoints(c for _, c in moments)
    best = _sought(moments, [_assignments(c, count) for _, c in moments])
    differences = [_differences(c, count) for _, c in cumulants]
    if not all(options.drawn for options in differences):
        return best
    other = _sought(cumulants, differences)
    is_exhaustive = best.is_exhaustive and other.is_exhaustive
    return min(best, other, key=lambda drawing: drawing.cost)._replace(is_exhaustive=is_exhaustive)


class _Options(NamedTuple):
    """What a term may become, as far as it makes a difference.

    The first `alike` have the same datapoints; all others are these with other names of the datapoints.
    Without `is_complete` some are missing.
    """

    drawn: tuple[_Drawn, ...] = ()
    alike: int = 1
    is_complete: bool = True


def _assignments(contraction: Contraction, count: int) -> _Options:
    """Return what a moment becomes at different datapoints."""
    blocks = sampled_blocks(contraction)
    number = {block: i for i, block in enumerate(blocks)}
    different: dict[_Drawn, None] = {}
    for names in _named(count, len(blocks)):
        row = tuple(names[number[b]] if b in number else 0 for b in contraction.partition)
        different[((drawn(contraction, row), 1),)] = None
    return _Options(tuple(different), is_complete=perm(count, len(blocks)) <= _NAMES)


def _differences(contraction: Contraction, count: int) -> _Options:
    """Return products of differences for a product of cumulants; nothing where there are none."""
    sampled = sampled_blocks(contraction)
    blocks = [nodes for b, nodes in enumerate(contraction.blocks) if b in sampled]
    size = sum(map(len, blocks))
    if size > count or any(len(nodes) > _DIFFERENCES for nodes in blocks):
        return _Options()
    different: dict[_Drawn, None] = {}
    alike = 0
    for names in _named(count, size):
        for templates in product(*(_templates(len(nodes)) for nodes in blocks)):
            sums: dict[Monomial, int] = {}
            for parts in product(*templates):
                row = [0] * contraction.node_count
                first, factor = 0, 1
                for nodes, (places, sign) in zip(blocks, parts, strict=True):
                    for v, place in zip(nodes, places, strict=True):
                        row[v] = names[first + place]
                    first += len(nodes)
                    factor *= sign
                monomial = drawn(contraction, tuple(row))
                sums[monomial] = sums.get(monomial, 0) + factor
            different[tuple(sorted((m, f) for m, f in sums.items() if f))] = None
        alike = alike or len(different)
    return _Options(tuple(different), alike, perm(count, size) <= _NAMES)


def _named(count: int, size: int) -> Iterator[tuple[int, ...]]:
    """Yield ways to choose `size` of the datapoints in order, beginning with the first ones.

    Examples
    --------
    >>> list(_named(3, 2))
    [(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)]
    """
    total = perm(count, size)
    for rank in range(0, total, -(-total // _NAMES)):
        names, left = [], list(range(1, count + 1))
        rest = rank
        for place in range(size):
            which, rest = divmod(rest, perm(count - place - 1, size - place - 1))
            names.append(left.pop(which))
        yield tuple(names)


def _templates(size: int) -> Iterator[_Template]:
    """Yield the products of differences for a block, multiplied out.

    Examples
    --------
    >>> next(_templates(2))
    [((0, 0), 1), ((1, 0), -1)]
    """
    if size == 1:
        yield [((0,), 1)]
        return
    for last in range(size):
        # The last one is a difference with a datapoint of its own; of two, the other is none.
        pairs: list[tuple[tuple[int, int], ...]]
        pairs = [((0, 1), (size - 1, -1)) if v == last else ((0, 1), (1, -1)) for v in range(size)]
        if size == 2:
            pairs[1 - last] = ((0, 1),)
        yield [
            (tuple(place for place, _ in choice), prod(s for _, s in choice))
            for choice in product(*pairs)
        ]


def _sought(terms: Sequence[Pair], of_terms: Sequence[_Options]) -> Drawing:
    """Return the cheapest of all possibilities, or of those that are looked at."""
    options = [entry.drawn for entry in of_terms]
    # Datapoints have no names yet: the term with most possibilities may name them.
    naming = max(range(len(terms)), key=lambda i: len(options[i]), default=None)
    if naming is not None:
        options[naming] = options[naming][: of_terms[naming].alike]
    trials = _Trials(terms)
    if prod(map(len, options)) <= _ALL:
        best = min(product(*options), key=trials.cost)
        return trials.drawing(best, is_exhaustive=all(entry.is_complete for entry in of_terms))
    # The terms with the fewest possibilities first: they fix most.
    order = sorted(range(len(terms)), key=lambda i: (len(options[i]), i))
    choice: dict[int, _Drawn] = {}
    for i in order:
        choice[i] = trials.best(choice, i, options[i])
    for _ in range(_SWEEPS):
        before = dict(choice)
        for i in order:
            choice[i] = trials.best(choice, i, options[i])
        if choice == before:
            break
    return trials.drawing([choice[i] for i in range(len(terms))], is_exhaustive=False)


class _Trials:
    """Costs of possibilities, and how much was tried."""

    def __init__(self, terms: Sequence[Pair]) -> None:
        self.coefficients = [coefficient for coefficient, _ in terms]
        # What terms cost hangs on which coefficients are multiples of each other: at numbers for symbols
        # this is the same, and quick.
        self.numbers = _at_some_numbers(self.coefficients)
        self.tried = 0
        self.costs: dict[tuple[_Drawn | None, ...], Cost] = {}

    def drawing(self, choice: Sequence[_Drawn], *, is_exhaustive: bool) -> Drawing:
        """Return the kernel of a choice."""
        terms = self._summed(dict(enumerate(choice)), self.coefficients)
        return Drawing(terms, factored(terms), is_exhaustive)

    def cost(self, choice: Sequence[_Drawn]) -> Cost:
        """Return what a choice costs."""
        return self._cost(dict(enumerate(choice)))

    def best(self, choice: Mapping[int, _Drawn], i: int, options: Sequence[_Drawn]) -> _Drawn:
        """Return the best possibility for a term beside the others."""
        best = choice.get(i, options[0])
        if self.tried > _MOST:
            return best
        cost = self._cost({**choice, i: best})
        for entry in options:
            other = self._cost({**choice, i: entry})
            if other < cost:
                best, cost = entry, other
            if self.tried > _MOST:
                break
        return best

    def _cost(self, choice: Mapping[int, _Drawn]) -> Cost:
        key = tuple(choice.get(i) for i in range(len(self.coefficients)))
        if key not in self.costs:
            terms = self._summed(choice, self.numbers)
            self.tried += sum(map(len, terms))
            self.costs[key] = cost_of_all(derivatives_in(factored(terms)))
        return self.costs[key]

    @staticmethod
    def _summed(choice: Mapping[int, _Drawn], coefficients: Sequence[Expr]) -> dict[Monomial, Expr]:
        sums: dict[Monomial, list[Expr]] = {}
        for i, entry in choice.items():
            for monomial, factor in entry:
                sums.setdefault(monomial, []).append(coefficients[i] * Integer(factor))
        result: dict[Monomial, Expr] = {}
        for monomial, parts in sums.items():
            total = Add(*parts)
            total = total if total.is_Rational else canonical(total)
            if total != 0:
                result[monomial] = total
        return result


def _at_some_numbers(coefficients: Sequence[Expr]) -> list[Expr]:
    """Return coefficients at unrelated numbers; as they are where one of them has no value there."""
    names = sorted({s.name for c in coefficients for s in c.free_symbols})
    numbers = {name: Fraction(prime(1000 + i), prime(2000 + i)) for i, name in enumerate(names)}
    try:
        values = [value_at(c, numbers) for c in coefficients]
    except SgdiagramsError:
        return list(coefficients)
    return [Rational(value.numerator, value.denominator) for value in values]
