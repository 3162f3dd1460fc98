"""Self-checks: published counts, sum rules, and exact comparisons with SGD itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from sympy import Add, Rational, cancel

from sgdiagrams.diagrams.enumeration import diagram_rows, enumerate_diagrams, symmetry_sum
from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.graphs import disagreements
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.nested.visits import with_visits
from sgdiagrams.diagrams.trees import rooted_tree_count, rooted_trees
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.noise_series import exact_noise
from sgdiagrams.numeric.exact.simulator import exact_training
from sgdiagrams.numeric.path_tensors.path_tensors import PathTensors
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.average import TailAverage
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.penalty import Penalty
from sgdiagrams.symbolic.training.schedules.closed_schedules import Exponential, Polynomial
from sgdiagrams.symbolic.training.schedules.schedule import ArraySchedule
from sgdiagrams.symbolic.training.schemes.epochs import Epochs, FullBatch
from sgdiagrams.symbolic.training.schemes.grid import Grid
from sgdiagrams.symbolic.training.schemes.limits import GradientDescent
from sgdiagrams.symbolic.training.schemes.one_pass import FreshData, OnePass
from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sgdiagrams.symbolic.vocabulary import NoiseModel

__all__ = ["Check", "verify"]

# Number of diagrams by order, found by independent programs (Polya counting and plain search).
_COUNTS: tuple[tuple[str, dict[str, Any], tuple[int, ...]], ...] = (
    ("diagrams", {}, (1, 1, 4, 17, 101, 700, 5861, 55818, 598201, 7075470)),
    ("one-pass diagrams", {"one_pass": True}, (1, 1, 3, 9, 36, 158, 838, 4965)),
    ("linkless diagrams", {"linkless": True}, (1, 1, 3, 12, 65, 423, 3379, 30971)),
    (
        "diagrams with the root in the partition",
        {"root": "in-partition"},
        (1, 2, 9, 48, 329, 2633, 24533, 257245, 2994000),
    ),
)
# Beyond this order the closed forms of every observable take minutes.
_EXACT_ORDER = 4


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check: its name, whether it passed, and what was compared."""

    name: str
    passed: bool
    detail: str


def verify(
    order: int,
    *,
    seed: int = 0,
) -> Iterator[Check]:
    """Check the engine up to an order; yields one result after the other.

    Counts of diagrams against published sequences; the sum of 1/symmetry factor against its closed
    form; symmetry factors against automorphisms counted by networkx, which must not find two diagrams
    isomorphic either (to order 4); and every coefficient of every observable, of fixed and random
    schedules and of optimisers with memory, decay, schedules and averages, re-summed or not, against
    SGD in exact arithmetic on random polynomial landscapes, with a matrix learning rate where the
    observable is no expression (to order 4; from order 5 on the test loss of one pass alone). Expansions
    along the noiseless run are held against powers of the noise of SGD at one learning rate, to as many
    pushes as the order, at most 3.

    Parameters
    ----------
    order
        The highest order to check, 1 to 9.
    seed
        Chooses the random landscapes.

    Raises
    ------
    RequestError
        When the order is out of range.

    Examples
    --------
    >>> all(check.passed for check in verify(2))
    True
    """
    if not is_whole(order, least=1, most=9):
        raise RequestError(f"expected an order 1..9, got order={shown(order)}")
    for name, check in (*_combinatorics(order), *_comparisons(order, seed)):
        passed, detail = check()
        yield Check(name, passed, detail)


_Named = tuple[str, "Callable[[], tuple[bool, str]]"]


def _combinatorics(order: int) -> Iterator[_Named]:
    modes: tuple[Any, ...] = ("isolated", "in-partition")
    yield (
        "rooted trees, recurrence A000081",
        lambda: _equal(
            [sum(1 for _ in rooted_trees(n)) for n in range(1, order + 2)],
            [rooted_tree_count(n) for n in range(1, order + 2)],
        ),
    )
    for name, options, known in _COUNTS:
        last = min(order, len(known) - 1)
        yield (
            f"number of {name}, orders 0..{last}",
            partial(_check_counts, options, known[: last + 1]),
        )
    for root in modes:
        last = min(order, 8 if root == "isolated" else 7)
        yield (
            f"sum of 1/symmetry factor, root {root}, orders 0..{last}",
            partial(_check_sum_rule, root, last),
        )
    last = min(order, 4)
    for root in modes:
        yield (
            f"sum of 1/symmetry factor with visits, root {root}, orders 0..{last}",
            partial(_check_visits, root, last),
        )
    yield f"visits add up to datapoints, orders 0..{min(order, 3)}", partial(_add_up, min(order, 3))
    yield f"symmetry factors against networkx, orders 0..{last}", partial(_check_graphs, last)


def _check_counts(options: dict[str, Any], known: tuple[int, ...]) -> tuple[bool, str]:
    return _equal(
        [sum(map(len, diagram_rows(d, **options))) for d in range(len(known))], list(known)
    )


def _check_sum_rule(root: Any, last: int) -> tuple[bool, str]:
    return _equal(
        [_inverse_symmetries(d, root) for d in range(last + 1)],
        [symmetry_sum(d, root=root) for d in range(last + 1)],
    )


def _inverse_symmetries(d: int, root: Any) -> Fraction:
    total = Fraction(0)
    for rows in diagram_rows(d, root=root):
        factors, counts = np.unique(rows.symmetry_factors, return_counts=True)
        pairs = zip(factors.tolist(), counts.tolist(), strict=True)
        total += sum((Fraction(count, factor) for factor, count in pairs), Fraction(0))
    return total


def _check_visits(root: Any, last: int) -> tuple[bool, str]:
    sums = [
        sum(
            Fraction(1, d.symmetry_factor) for d in enumerate_diagrams(k, root=root, visits="fresh")
        )
        for k in range(last + 1)
    ]
    return _equal(sums, [symmetry_sum(k, root=root, visits="fresh") for k in range(last + 1)])


def _add_up(last: int) -> tuple[bool, str]:
    """Compare the counts of datapoints with those of all ways to split them into visits."""
    ours, known = [], []
    schemes = (Epochs(), Epochs(shuffle="every-epoch"), FullBatch(), WithReplacement())
    for scheme in schemes:
        for diagram in (d for k in range(last + 1) for d in enumerate_diagrams(k)):
            parts = [
                Rational(diagram.symmetry_factor, fresh.symmetry_factor)
                * scheme.count(fresh, basis="moment")
                for fresh in with_visits(diagram)
            ]
            ours.append(cancel(Add(*parts) - scheme.count(diagram, basis="moment")))
            known.append(0)
    return _equal(ours, known)


def _check_graphs(last: int) -> tuple[bool, str]:
    diagrams = [d for k in range(last + 1) for d in enumerate_diagrams(k)]
    disagreement = next(disagreements((d, d.symmetry_factor) for d in diagrams), None)
    if disagreement is not None:
        return False, disagreement
    return True, f"{len(diagrams)} values agree; the last is {diagrams[-1].symmetry_factor}"


@dataclass(frozen=True, slots=True)
class _Case:
    """One expansion and the settings at which it is held against SGD itself."""

    observable: str
    training: Training
    settings: tuple[dict[str, Any], ...]
    basis: Any = None
    p: int = 2
    is_resummed: bool = False
    visits: NoiseModel = "same"

    @property
    def name(self) -> str:
        sampling, optimizer = self.training.sampling, self.training.optimizer
        pieces = [self.observable, sampling.title if sampling.symbols else "grid"]
        if not optimizer.is_default:
            pieces.append(optimizer.label)
        if self.basis is not None:
            pieces.append(f"{self.basis} basis")
        if self.is_resummed:
            pieces.append("re-summed and expanded back")
        if self.visits != "same":
            pieces.append(f"{self.visits} noise at every visit")
        return ", ".join(pieces)


_ONE_PASS = ({"T": 1}, {"T": 2}, {"T": 4})
_EPOCHS = tuple(
    {"N": N, "B": B, "E": E} for N, B, E in ((3, 1, 1), (2, 1, 2), (2, 2, 3), (4, 2, 1), (4, 2, 2))
)
_LOSSES = ("test-loss", "training-loss", "generalisation-gap")
_BETA = {"beta": Fraction(2, 3)}


def _cases() -> Iterator[_Case]:
    for name in _LOSSES:
        for basis in ("moment", "cumulant"):
            yield _Case(name, Training(OnePass()), _ONE_PASS, basis=basis)
            yield _Case(name, Training(Epochs()), _EPOCHS, basis=basis)
    for name in ("displacement", "second-moment", "covariance", "variance"):
        yield _Case(name, Training(OnePass()), _ONE_PASS)
    reshuffled = Epochs(shuffle="every-epoch")
    yield _Case(
        "test-loss", Training(reshuffled), ({"N": 3, "B": 1, "E": 2}, {"N": 2, "B": 1, "E": 3})
    )
    drawn = ({"N": 2, "B": 1, "T": 3}, {"N": 2, "B": 2, "T": 2}, {"N": 3, "B": 1, "T": 3})
    yield _Case("generalisation-gap", Training(WithReplacement()), drawn)
    yield _Case("training-loss", Training(Grid([[0, 1], [2], [0, 1, 2], [1]])), ({},))
    one_pass = tuple({**numbers, **_BETA} for numbers in _ONE_PASS)
    yield _Case("test-loss", Training(OnePass(), Momentum()), one_pass)
    yield _Case("test-loss", Training(OnePass(), Nesterov(weight_decay=Fraction(1, 3))), one_pass)
    pulled = Momentum(decoupled_decay=Fraction(1, 3), weight_decay=(Fraction(1, 2), Fraction(1, 5)))
    yield _Case("displacement", Training(OnePass(), pulled), one_pass)
    derived = SGD(penalty=Penalty("expression:eta C_aa", Fraction(1, 3)))
    yield _Case("test-loss", Training(OnePass(), derived), _ONE_PASS, basis="cumulant")
    yield _Case("second-moment", Training(GradientDescent(), Momentum()), one_pass)
    decayed = Momentum(beta=Fraction(1, 2), schedule=Exponential(Fraction(3, 4)))
    yield _Case("covariance", Training(FreshData(B=2), decayed), ({"T": 2},))
    yield _Case("training-loss", Training(OnePass(), SGD(schedule=Polynomial())), _ONE_PASS)
    yield _Case("displacement", Training(OnePass(), SGD(average=TailAverage())), _ONE_PASS)
    factors = Nesterov(beta=Fraction(1, 2), schedule=ArraySchedule([1, "1/2", 2, 1]))
    yield _Case("test-loss", Training(Epochs(N=2, B=1, E=2), factors), ({},))
    yield _Case("expression:l + eta/4 |G|^2 + tr(C)", Training(OnePass()), _ONE_PASS)
    yield _Case("expression:C_ab H_ab", Training(Epochs()), _EPOCHS[1:3], p=1)
    for name in ("test-loss", "generalisation-gap", "covariance"):
        yield _Case(name, Training(OnePass()), _ONE_PASS, is_resummed=True)
    yield _Case("training-loss", Training(WithReplacement()), drawn, is_resummed=True)
    visited = ({"N": 2, "B": 1, "E": 2}, {"N": 1, "B": 1, "E": 2})
    for basis in ("moment", "cumulant"):
        yield _Case("training-loss", Training(Epochs()), visited, basis=basis, p=1, visits="fresh")
    yield _Case("test-loss", Training(Epochs(N=2, B=1, E=2), factors), ({},), is_resummed=True)


def _comparisons(order: int, seed: int) -> Iterator[_Named]:
    k = min(order, _EXACT_ORDER)
    for case in _cases():
        yield (
            f"{case.name}, orders 0..{k} against exact SGD",
            partial(_exact, case, k, seed),
        )
    pushes = min(order, 3)
    for observable, training in _along_paths():
        yield (
            f"{observable}, {training.label}, along the path, pushes 0..{pushes} against exact SGD",
            partial(_noise, observable, training, pushes, seed),
        )
    if order > _EXACT_ORDER:
        last = min(order, 7)
        case = _Case("test-loss", Training(OnePass()), ({"T": 4},), p=1)
        yield (
            f"{case.name}, orders 0..{last} against exact SGD",
            partial(_exact, case, last, seed),
        )


def _along_paths() -> Iterator[tuple[str, Training]]:
    """Yield observables and trainings whose noise is held against SGD itself."""
    yield "training-loss", Training(Epochs(N=2, B=1, E=2), Momentum(beta=Fraction(1, 2)))
    reshuffled = Epochs(N=2, B=1, E=2, shuffle="every-epoch")
    yield "generalisation-gap", Training(reshuffled, SGD(weight_decay=Fraction(1, 3)))
    yield "covariance", Training(WithReplacement(N=2, B=1, T=2), Nesterov(beta=Fraction(1, 2)))


def _noise(observable: str, training: Training, pushes: int, seed: int) -> tuple[bool, str]:
    """Compare the powers of the noise with sums of terms with as many pushes."""
    landscape = PolynomialLandscape.random(seed, p=2, degree=4, atoms=3)
    eta = np.array([[Fraction(1, 4), Fraction(1, 16)], [Fraction(1, 16), Fraction(1, 3)]])
    noise = max(1, pushes - 1)
    expansion = expand(
        observable,
        noise=noise,
        along_path=True,
        sampling=training.sampling,
        optimizer=training.optimizer,
    )
    groups = [[x for x in expansion.terms if x.pushes == k] for k in range(pushes + 1)]
    tensors = PathTensors.of(landscape, training, eta=eta, noise=noise)
    ours = tensors.sums(groups, rank=expansion.part.observable.rank)
    known = exact_noise(landscape, training, pushes=pushes, eta=eta, observable=observable)
    return _equal([_plain(x) for x in ours], [_plain(x) for x in known])


def _exact(case: _Case, order: int, seed: int) -> tuple[bool, str]:
    """Compare the coefficients of one expansion with the simulator's at several numbers."""
    # Two atoms would have no third cumulants.
    atoms = 3 if case.visits == "same" else 4  # two datapoints with two losses each
    landscape = PolynomialLandscape.random(seed, p=case.p, degree=min(order, 4) + 1, atoms=atoms)
    if case.visits != "same":
        landscape = PolynomialLandscape(landscape.losses, landscape.start, noises=2)
    half = Fraction(1, 2)
    watched = named_observable(case.observable)
    penalty = case.training.optimizer.penalty
    has_bare_edges = penalty is not None and penalty.has_bare_edges
    has_matrix = case.p == 2 and not watched.expressions and not has_bare_edges
    eta = [[Fraction(1), half], [half, Fraction(2)]] if has_matrix else None
    start = [Fraction(x) for x in landscape.start]
    legs = max(watched.most_legs, 0 if penalty is None else penalty.most_legs)
    known = landscape.statistics(order + legs)
    statistics = replace(known, start=np.array(start, dtype=object))
    if case.is_resummed:
        expansion = expand(
            case.observable,
            order=order,
            sampling=case.training.sampling,
            optimizer=case.training.optimizer,
            resummed=True,
        ).expanded()
    else:
        expansion = expand(
            case.observable,
            order=order,
            sampling=case.training.sampling,
            optimizer=case.training.optimizer,
            basis=case.basis,
            visits=case.visits,
        )
    ours: list[Any] = []
    simulated: list[Any] = []
    for numbers in case.settings:
        simulated += exact_training(
            landscape,
            case.training.at(**numbers),
            order=order,
            observable=case.observable,
            eta=eta,
        )
        metric = 1 if eta is None else np.array(eta)
        ours += expansion.evaluate(statistics, eta=metric, **numbers).orders
    return _equal([_plain(x) for x in ours], [_plain(x) for x in simulated])


def _plain(value: Any) -> Any:
    """Return an array as nested lists, which compare by content."""
    return value.tolist() if hasattr(value, "tolist") else value


def _equal(ours: list[Any], known: list[Any]) -> tuple[bool, str]:
    if ours == known:
        return True, f"{len(ours)} values agree; the last is {shown(ours[-1])}"
    place = next(
        (i for i, (a, b) in enumerate(zip(ours, known, strict=False)) if a != b),
        min(len(ours), len(known)),
    )
    got, expected = ours[place : place + 1], known[place : place + 1]
    return False, f"differs at position {place}: got {shown(got)}, expected {shown(expected)}"
