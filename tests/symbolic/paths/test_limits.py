"""Along the path, at small rates and where the path rests: the plain and the re-summed series.

One weight, few datapoints with polynomial losses, exact numbers: powers of eta on one side are truncated
power series, so that the noiseless run itself is one.
"""

from dataclasses import replace
from fractions import Fraction
from functools import cache
from math import factorial, prod

import pytest
import slow
from sympy import Rational, Symbol

from sgdiagrams import Statistics
from sgdiagrams.symbolic import (
    SGD,
    Epochs,
    FullBatch,
    Grid,
    OnePass,
    Part,
    ResummedExpansion,
    Training,
    WithReplacement,
    expand,
)
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.resummation.linkless import resum
from sgdiagrams.symbolic.training.sampling import course_of

# Powers of theta from 0 on, a row a datapoint.
LOSSES = [[2, 1, 3, -1, 2, 1], [1, 3, 1, 2, -1, 1], [-1, -2, 2, 1, 1, -2]]
FUNCTION = [1, 2, -1, 1, 1]


class Series:
    """A power series in eta, without its powers from `size` on."""

    size = 5

    def __init__(self, *coefficients):
        self.c = [*map(Fraction, coefficients), *[Fraction(0)] * (self.size - len(coefficients))]

    def __add__(self, other):
        other = other if isinstance(other, Series) else Series(other)
        return Series(*(a + b for a, b in zip(self.c, other.c, strict=True)))

    __radd__ = __add__

    def __mul__(self, other):
        other = other if isinstance(other, Series) else Series(other)
        return Series(
            *(sum(self.c[i] * other.c[k - i] for i in range(k + 1)) for k in range(self.size))
        )

    __rmul__ = __mul__

    def __sub__(self, other):
        return self + other * -1

    def __rsub__(self, other):
        return self * -1 + other


def derivative(powers, k, theta):
    """Return the k-th derivative of a polynomial."""
    total = 0 * theta
    for j in reversed(range(k, len(powers))):
        total = total * theta + powers[j] * factorial(j) // factorial(j - k)
    return total


def mean(values):
    values = list(values)
    return sum(values[1:], values[0]) * Fraction(1, len(values))


def cumulant(columns):
    """Return the joint cumulant of some numbers of every datapoint."""
    total = 0
    for blocks in slow.set_partitions(range(len(columns))):
        moments = [
            mean(prod(row[1:], start=row[0]) for row in zip(*(columns[i] for i in b), strict=True))
            for b in blocks
        ]
        sign = (-1) ** (len(blocks) - 1) * factorial(len(blocks) - 1)
        total = prod(moments[1:], start=moments[0]) * sign + total
    return total


class SlowPath:
    """Values of terms along a path by their definition: all visits, one after the other."""

    def __init__(self, losses, scheme, eta, start):
        self.losses, self.eta, self.start = losses, eta, start
        self.block, self.response = cache(self.cumulant_at), cache(self.product_between)
        self.expectation = cache(self.expected)
        course = course_of(scheme)
        self.T, self.N = course.updates, course.rows
        self.schedules = course.all_batches()
        self.run = [start]
        for _ in range(self.T):
            self.run.append(self.run[-1] - eta * self.block((1,), (len(self.run) - 1,)))

    def cumulant_at(self, orders, times):
        return cumulant(
            [
                [derivative(powers, k, self.run[t]) for powers in self.losses]
                for k, t in zip(orders, times, strict=True)
            ]
        )

    def product_between(self, later, time):
        factors = [1 - self.eta * self.block((2,), (r,)) for r in range(time + 1, later)]
        return prod(factors, start=Fraction(1))

    def expected(self, diagram):
        """Return the sum over times."""
        r, n = len(diagram.roots), len(diagram.blocks)
        legs = [diagram.parents.count(v) + (v >= r) for v in range(n)]
        waiting = [(self.T,) * r]
        total = 0
        for times in waiting:
            if len(times) < n:
                later = times[diagram.parents[len(times) - r]]
                waiting += [(*times, t) for t in range(later)]
                continue
            weight = sum(chance * self.rows(diagram, times, b) for chance, b in self.schedules)
            if weight:
                total = self.value(diagram, legs, times) * weight + total
        return total

    def rows(self, diagram, times, batches):
        """Return the weight of rows that updates share."""
        r = len(diagram.roots)
        weight = Fraction(1)
        for b in set(diagram.blocks):
            members = [v for v, block in enumerate(diagram.blocks) if block == b]
            if len(members) > 1:
                shares = (
                    prod(
                        (
                            Fraction(list(batches[times[v]]).count(row), len(batches[times[v]]))
                            for v in members
                            if v >= r
                        ),
                        start=Fraction(1),
                    )
                    for row in range(self.N)
                )
                weight *= sum(shares)
                weight /= self.N if any(v < r for v in members) else 1
        return weight

    def value(self, diagram, legs, times):
        r = len(diagram.roots)
        value = Fraction(1)
        for v, parent in enumerate(diagram.parents, start=r):
            value = self.response(times[parent], times[v]) * value
        for b in set(diagram.blocks):
            members = [v for v, block in enumerate(diagram.blocks) if block == b]
            factor = diagram.roots[members[0]].factor if members[0] < r else "loss"
            if factor == "weights":
                value = value * (1 if legs[members[0]] else self.run[-1] - self.start)
            elif factor == "f":
                value = derivative(FUNCTION, legs[members[0]], self.run[-1]) * value
            else:
                key = tuple(legs[v] for v in members), tuple(times[v] for v in members)
                value = self.block(*key) * value
        return value

    def term(self, term):
        total = term.weight
        for _ in range(term.updates):
            total = self.eta * total
        for diagram in term.means:
            total = self.expectation(diagram) * total
        return total


SCHEMES = [
    OnePass(T=3, B=1),
    OnePass(T=2, B=2),
    Epochs(N=2, B=1, E=2),
    Epochs(N=2, B=1, E=2, shuffle="every-epoch"),
    WithReplacement(N=2, B=2, T=2),
    FullBatch(N=2, E=3),
    Grid([[0, 1], [1], [0]]),
]
NAMES = [
    *("test-loss", "training-loss", "generalisation-gap", "displacement", "covariance", "variance"),
    "function:f",
]


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_at_small_rates_it_is_the_plain_series(scheme):
    order = Series.size - 1
    start = Fraction(1, 2)
    path = SlowPath(LOSSES, scheme, Series(0, 1), Series(start))
    samples = {k: [nested(derivative(p, k, start), k) for p in LOSSES] for k in range(order + 1)}
    values = {k: nested(derivative(FUNCTION, k, start), k) for k in range(order + 1)}
    statistics = Statistics.from_samples(samples, role="population", functions={"f": values})
    for name in NAMES[1:2] + NAMES[4:6] if scheme.is_random else NAMES:
        plain = expand(name, order=order, sampling=scheme, basis="cumulant")
        along = expand(name, noise=2, along_path=True, sampling=scheme)
        for noise, terms in enumerate(along.orders):
            known = (path.term(term) for term in terms if term.updates <= order)
            found = sum(known, start=Series())
            own = tuple(t for t in plain.terms if t.contraction.noise == noise)
            part = replace(plain, terms=own)
            estimate = part.evaluate(statistics, eta=1)
            wanted = [flat(x) for x in estimate.orders]
            if noise == 0 and name == "displacement":
                assert found.c[0] == 0
            assert found.c == wanted, (name, noise)


def nested(value, k):
    for _ in range(k):
        value = [value]
    return value


def flat(value):
    while hasattr(value, "__len__"):
        [value] = value
    return Fraction(value)


# Where the path rests ---------------------------------------------------------------------------------

# Mean gradient 0 at 0.
RESTING = [[1, 1, 2, 1, -1, 3, 1], [0, 2, -1, 2, 1, 1, -1], [2, -3, 3, 1, 2, -2, 2]]


@pytest.mark.parametrize(
    ("name", "noise", "edges"),
    [("test-loss", 1, 2), ("displacement", 1, 3), ("second-moment", 1, 2), ("test-loss", 2, 6)],
)
def test_where_the_path_rests_it_is_the_re_summed_series(name, noise, edges):
    T, eta = 3, Fraction(1, 5)
    scheme = OnePass()
    part = Part(Fraction(1), named_observable(name), scheme, SGD())
    pieces = resum(part.observable, order=edges, training=Training(scheme), noise=noise)
    resummed = ResummedExpansion(edges, (part,), pieces, "discrete").at_minimum()
    formula = resummed.in_one_dimension()
    path = SlowPath(RESTING, OnePass(T=T), eta, Fraction(0))
    numbers = {"T": T, "eta": Rational(1, 5)}
    for symbol in formula.free_symbols - {Symbol("T"), Symbol("eta")}:
        letter, *orders = symbol.name.split("_")
        known = {"l": (0,), "H": (2,), "J": (3,), "K": (4,), "C": (1, 1), "S": (1, 1, 1)}
        legs = tuple(map(int, orders)) if orders else known.get(letter) or (int(letter[1:]),)
        value = path.block(legs, (0,) * len(legs))
        numbers[symbol.name] = Rational(value.numerator, value.denominator)
    wanted = formula.subs(numbers)
    along = expand(name, noise=noise, along_path=True, sampling="one-pass")
    assert set(path.run) == {0}
    found = sum(path.term(term) for term in along.terms)
    assert Rational(found.numerator, found.denominator) == wanted
    # All of this noise is there: no order is 0 by accident.
    assert all(sum(path.term(t) for t in order) for order in along.orders[1:])
