"""Random expressions, and what they are worth on small populations by their definition."""

from __future__ import annotations

from hypothesis import strategies as st
from strategies import graphs
from sympy import Integer, Rational, Symbol

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
