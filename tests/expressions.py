"""Random expressions, and what they are worth on small populations by their definition."""

from __future__ import annotations

from itertools import permutations
from math import prod

from hypothesis import strategies as st
from strategies import graphs
from sympy import Integer, Poly, Rational, Symbol

from sgdiagrams.diagrams.partitions import set_partitions
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.symbols import N, T, beta, eta

SYMBOLS = (N, T, beta, eta, Symbol("x_1"))
LOSSES = ("loss", "penalised-loss")
NAMES = ("loss", "loss", "penalised-loss", "s", "other-task", "N", "f_a", "N-task", "tr")


@st.composite
def coefficients(draw, *, names=SYMBOLS):
    """Draw a rational function, or more often a number."""
    number = Rational(draw(st.integers(-12, 12)), draw(st.integers(1, 6)))
    if draw(st.booleans()):
        return number
    x, y = draw(st.sampled_from(names)), draw(st.sampled_from(names))
    forms = (
        number * x**2,
        number * x / y,
        (x - number) / (x + 2) ** draw(st.integers(1, 3)),
        number * beta**T + y,
        (1 - beta ** (2 * T)) * number / (1 - beta),
        x * (x - 1) * (y + 3) / 2,
        number / (2 * x),
        2**-T + number,
    )
    return draw(st.sampled_from(forms))


@st.composite
def contractions(draw, *, rank=None, names=("loss",), basis="moment", max_nodes=4):
    """Draw a contraction in which functions are alone."""
    edges, blocks, labels, free = draw(graphs(names=names, max_nodes=max_nodes, max_more=1))
    alone = [[v] for block in blocks for v in block if labels[v] not in LOSSES]
    tied = [[v for v in block if labels[v] in LOSSES] for block in blocks]
    if rank is None:
        free = draw(st.lists(st.integers(0, len(labels) - 1), max_size=2))
    else:
        free = draw(st.lists(st.integers(0, len(labels) - 1), min_size=rank, max_size=rank))
    return Contraction.build(
        edges, [*filter(None, tied), *alone], labels=labels, free=free, basis=basis
    )


@st.composite
def expressions(
    draw,
    *,
    rank=None,
    bases=("moment", "cumulant"),
    names=("loss",),
    max_terms=3,
    max_nodes=4,
    **kinds,
):
    """Draw an expression; coefficients are small numbers unless `scalars` draws others."""
    rank = draw(st.integers(0, 2)) if rank is None else rank
    scalars = kinds.get("scalars", st.integers(-3, 3).map(Integer))
    basis = draw(st.sampled_from(bases))
    terms = draw(
        st.lists(
            st.tuples(
                scalars,
                contractions(rank=rank, names=names, basis=basis, max_nodes=max_nodes),
            ),
            max_size=max_terms,
        )
    )
    if rank == 0 and draw(st.booleans()):
        terms.append((draw(scalars), Contraction.unit()))
    return Expression(terms, rank)


# Values by definition ---------------------------------------------------------------------------------

THETA = Symbol("theta")
ZERO, ONE = (Poly(i, THETA, domain="QQ") for i in (0, 1))
#: Of the penalised loss: a half of this times theta squared.
DECAY = Rational(2, 3)


@st.composite
def landscapes(draw, *, size=3, degree=4):
    """Draw a loss for every datapoint: polynomials of one weight."""
    small = st.integers(-3, 3)
    return [
        Poly(draw(st.lists(small, min_size=degree + 1, max_size=degree + 1)), THETA, domain="QQ")
        for _ in range(size)
    ]


def value(expression, losses, functions=None):
    """Return an expression at all weights, a polynomial: every average and cumulant by its definition.

    There is one weight, so that every index is the same.

    Parameters
    ----------
    expression
        With numbers as coefficients.
    losses
        One for every datapoint, which are the population, or the samples.
    functions
        Of the weight, by name.
    """
    return sum((_value(k, losses, functions or {}).mul_ground(c) for c, k in expression), ZERO)


def _value(contraction, losses, functions):
    def node(v, x):
        label, legs = contraction.labels[v], contraction.legs[v]
        if label in functions:
            loss = functions[label]
        else:
            loss = losses[x] + (
                Poly(DECAY * THETA**2 / 2, THETA, domain="QQ") if label != "loss" else 0
            )
        return loss.diff((0, legs)) if legs else loss

    places = range(len(losses))
    if contraction.basis == "distinct":
        blocks = [b for b in contraction.blocks if contraction.labels[b[0]] not in functions]
        alone = [b for b in contraction.blocks if b not in blocks]
        factor = prod((node(b[0], 0) for b in alone), start=ONE)
        tuples = list(permutations(places, len(blocks)))
        total = sum(
            (
                prod((node(v, x) for x, b in zip(xs, blocks, strict=True) for v in b), start=ONE)
                for xs in tuples
            ),
            ZERO,
        )
        return factor * total.mul_ground(Rational(1, len(tuples)))

    def moment(block):
        terms = (prod((node(v, x) for v in block), start=ONE) for x in places)
        return sum(terms, ZERO).mul_ground(Rational(1, len(losses)))

    def cumulant(block):
        rest = ZERO
        for partition in set_partitions(len(block)):
            parts = [
                tuple(v for v, b in zip(block, partition, strict=True) if b == i)
                for i in range(max(partition) + 1)
            ]
            if len(parts) > 1:
                rest += prod(map(cumulant, parts), start=ONE)
        return moment(block) - rest

    average = cumulant if contraction.basis == "cumulant" else moment
    return prod(map(average, contraction.blocks), start=ONE)
