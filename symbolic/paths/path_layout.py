r"""Terms along a path as they are written: a coefficient, a sum over times, tensors and propagators.

.. math:: \frac{\eta^2}{2B} \sum_t
    H_{\mu\nu}(T)\, U_{\mu\lambda}(T, t)\, U_{\nu\rho}(T, t)\, C_{\lambda\rho}(t)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import Integer, Rational

from sgdiagrams.diagrams.trees import parents_of_levels
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.contractions.notation import tensor_name
from sgdiagrams.symbolic.layout import nodes
from sgdiagrams.symbolic.layout.formulas import Group, Spelled, Sum
from sgdiagrams.symbolic.layout.nodes import (
    BREAK,
    INNER_BREAK,
    SPACE,
    THIN,
    Index,
    Node,
    Numeral,
    Operator,
    Row,
    Scripts,
    joined,
    power,
)
from sgdiagrams.symbolic.layout.quantities import IndexedTensor, SumUnder
from sgdiagrams.symbolic.layout.text import plain_text
from sgdiagrams.symbolic.paths.canonical_means import canonical_mean
from sgdiagrams.symbolic.paths.path_terms import Root
from sgdiagrams.symbolic.paths.reading import Response, Vertex, read_factors
from sgdiagrams.symbolic.paths.times import END, visits
from sgdiagrams.symbolic.printing.coefficients import Coefficient, coefficient
from sgdiagrams.symbolic.vocabulary import LOSS, TRAINING, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sympy import Expr

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.contractions.factors import Tensor
    from sgdiagrams.symbolic.paths.path_terms import PathMean, PathTerm
    from sgdiagrams.symbolic.paths.times import Chain, Time, Visits
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["path_coefficient", "path_factors", "path_row", "path_tensors_of", "path_value"]

_PHI = Spelled(r"\varphi", "phi")


def path_coefficient(term: PathTerm, sampling: Sampling) -> Coefficient:
    """Return what stands in front of a term's sum: a number, and powers of eta, 1/B and 1/N.

    A block of k updates that are one update has k - 1 factors 1/B, since one of B rows is in all of
    them; where every update uses all rows these are factors 1/N. A tied root has a factor 1/N.
    """
    weight: Expr = Rational(term.weight.numerator, term.weight.denominator)
    scale = {"none": sampling.batch_size, "all": sampling.datapoints}.get(sampling.sharing)
    for mean in term.means:
        r = len(mean.roots)
        for block in set(mean.blocks):
            members = [v for v, b in enumerate(mean.blocks) if b == block]
            updates = sum(v >= r for v in members)
            if len(members) > 1:
                weight *= (scale or Integer(1)) ** (1 - updates)
            if len(members) > updates and updates:
                weight /= sampling.datapoints
    return coefficient(weight * symbols.eta**term.updates)


def path_row(term: PathTerm, sampling: Sampling) -> Row:
    """Return a term without its sign, for lines of print."""
    number = path_coefficient(term, sampling)
    items: list[Node] = [] if number.node is None else [number.row, BREAK, THIN]
    before: Node | None = None
    for factor in path_factors(term.means, sampling):
        if before is not None:
            items += [SPACE] if isinstance(before, SumUnder) else [INNER_BREAK, THIN]
        items.append(factor)
        before = factor
    return Row(tuple(items))


def path_value(diagram: Diagram, sampling: Sampling | None) -> str:
    """Return what a diagram is worth along a run, without sums and weights, in plain text.

    Parameters
    ----------
    diagram
        Of the expansion in the noise; a root that is tied is the loss of a row.
    sampling
        Whether updates that share a row are one; where it is left out they may be several.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> path_value(Diagram.parse("(01-2)(02-12)"), None)
    "H_ab(T) U_ac(T,t) U_bd(T,t') C_cd(t,t')"
    """
    return " ".join(map(plain_text, path_tensors_of(diagram, sampling)))


def path_tensors_of(diagram: Diagram, sampling: Sampling | None) -> tuple[Node, ...]:
    """Return the factors of `path_value`, laid out."""
    root = Root(TRAINING if diagram.root_is_tied else LOSS)
    mean = canonical_mean([root], parents_of_levels(diagram.levels), diagram.labels)
    at_once = sampling is not None and sampling.sharing == "none"
    [times] = visits([mean], at_once=at_once).times
    return tuple(_summed(mean, times, 0)[0])


def path_factors(means: Sequence[PathMean], sampling: Sampling) -> tuple[Node, ...]:
    """Return a product of expectations: values at the end, the sum over times, and what is summed."""
    means = sorted(means, key=lambda mean: mean.updates > 0)
    named = visits(means, at_once=sampling.sharing == "none")
    values: dict[Node, int] = {}
    summed: list[Node] = []
    if sampling.sharing in ("equal-batches", "scheduled"):
        summed += _row_weights(named, is_random=sampling.is_random)
    first = sum(root.factor == WEIGHTS for mean in means for root in mean.roots)
    for mean, times in zip(means, named.times, strict=True):
        if mean.updates:
            factors, first = _summed(mean, times, first)
            summed += factors
            continue
        for vertex in read_factors(mean, first)[0]:
            if isinstance(vertex, Vertex):
                value = _value(vertex)
                values[value] = values.get(value, 0) + 1
    start = [power(value, times) for value, times in values.items()]
    sign = [SumUnder(_condition(named.chains))] if named.chains else []
    return (*start, *sign, *summed)


def _summed(mean: PathMean, times: Sequence[Time], first: int) -> tuple[list[Node], int]:
    """Return the factors of a diagram at its times, and the number of the next index."""
    shown: list[Node] = []
    factors, following = read_factors(mean, first)
    for factor in factors:
        if isinstance(factor, Response):
            tensor = IndexedTensor("U", (factor.indices,), (False,))
            shown.append(_at(tensor, [times[v] for v in factor.nodes]))
        else:
            shown.append(_vertex(factor, times))
    return shown, following


def _value(vertex: Vertex) -> Node:
    """Return a factor of the observable at the end of the noiseless run."""
    end = Scripts(_PHI, below=_time(END))
    tensor = vertex.tensor
    if tensor.labels == (WEIGHTS,):
        # How far the run has come.
        start = Scripts(nodes.Symbol("theta"), below=Numeral("0"))
        return Scripts(Group(Sum(((1, end), (-1, start)))), below=Index(tensor.groups[0][0]))
    return Row((_tensor(tensor), Group(end)))


def _tensor(tensor: Tensor) -> IndexedTensor:
    name, has_bars = tensor_name(tensor)
    return IndexedTensor(name, tensor.groups, (False,) * len(tensor.groups), has_bars)


def _vertex(vertex: Vertex, times: Sequence[Time]) -> Node:
    of_groups = [times[v] for v in vertex.nodes]
    return _at(_tensor(vertex.tensor), of_groups[:1] if len(set(of_groups)) == 1 else of_groups)


def _at(tensor: Node, times: Sequence[Time]) -> Node:
    return Row((tensor, Group(joined(map(_time, times), Operator(",")))))


def _time(time: Time) -> Node:
    name = f"{time.letter}_{time.number}" if time.number else time.letter
    symbol = nodes.Symbol(name)
    return Row((symbol, *(Operator("'"),) * time.primes)) if time.primes else symbol


def _condition(chains: Iterable[Chain]) -> Node:
    """Return which times are earlier than which."""
    written = (
        joined((joined(map(_time, group), Operator(",")) for group in chain), Operator("<"))
        for chain in chains
    )
    return joined(written, Operator(";"))


def _row_weights(named: Visits, *, is_random: bool) -> list[Node]:
    """Return the weights of updates that share a row: one a block, or, if chance ties them, one."""
    weights: list[Node] = []
    for blocks in named.shared:
        written = [Row(tuple(map(_time, block))) for block in blocks]
        if is_random and written:
            written = [joined(written, Operator("|"))]
        weights += [Scripts(nodes.Symbol("w"), below=row) for row in written]
    return weights
