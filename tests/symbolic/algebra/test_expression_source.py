"""Source of expressions gives the numbers that evaluation gives; expansions give their expressions."""

import numpy as np
import pytest
from expressions import expressions
from hypothesis import given
from hypothesis import strategies as st
from strategies import few
from sympy import Symbol, expand_mul

from sgdiagrams import Expression, RequestError, Statistics, expand
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.symbolic.symbols import N, T, beta, eta

DECAY = 0.25
RNG = np.random.default_rng(5)
P, SAMPLES = 2, 4


def symmetric(*shape):
    """Return random derivatives, symmetric in all axes but the first."""
    array = RNG.normal(size=shape)
    axes = tuple(range(1, len(shape)))
    turned = [np.transpose(array, (0, *np.roll(axes, i))) for i in range(len(axes) or 1)]
    return sum(turned + [np.swapaxes(t, -1, -2) for t in turned] if len(axes) > 2 else turned)


DERIVATIVES = {k: symmetric(SAMPLES, *[P] * k) for k in range(5)}
DERIVATIVES[4] = np.einsum("na,nb,nc,nd->nabcd", *[RNG.normal(size=(SAMPLES, P))] * 4)
FUNCTION = {k: symmetric(1, *[P] * k)[0] for k in range(4)}
FUNCTION[4] = np.einsum("a,b,c,d->abcd", *[RNG.normal(size=P)] * 4)
START = RNG.normal(size=P)
STATISTICS = Statistics(
    DERIVATIVES, role="population", functions={"other-task": FUNCTION}, start=START
)


def by_source(expression, **numbers):
    source = expression.python()
    namespace = {}
    exec(source, namespace)
    given = {}
    if "functions" in source:
        given["functions"] = {"other-task": FUNCTION}
    if "start" in source:
        given["start"] = START
    if "weight_decay" in source:
        given["weight_decay"] = DECAY
    return namespace["value"](namespace["tensors"](DERIVATIVES, **given), **numbers)


SMALL = expressions(
    bases=("moment", "cumulant", "plug-in"),
    names=("loss", "loss", "penalised-loss", "other-task"),
    max_nodes=3,
    scalars=st.integers(-3, 3),
)


@few
@given(SMALL)
def test_source_and_evaluation_agree(expression):
    if any(max(k.legs, default=0) > 4 for _, k in expression):
        return
    evaluator = Evaluator(STATISTICS, weight_decay=DECAY)
    expected = np.zeros((P,) * expression.rank)
    for c, k in expression:
        expected = expected + float(c) * (evaluator.value(k) if k.node_count else 1)
    found = by_source(expression)
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_numbers_of_symbols():
    x = Symbol("for")  # a word of Python
    expression = Expression.parse("tr(C)") * ((N - 1) * eta / (4 * N) + x) + (
        1 - beta ** (2 * T)
    ) / (1 - beta)
    trace = by_source(Expression.parse("tr(C)"))
    result = by_source(expression, N=5, eta=0.1, beta=0.5, T=3, **{"for": 2})
    assert result == pytest.approx(trace * (0.02 + 2) + (1 - 0.5**6) / 0.5)
    assert by_source(Expression.parse("0")) == 0
    assert by_source(Expression.parse("0 G_a G_b")).shape == (P, P)
    with pytest.raises(ValueError, match="finite"):
        by_source(expression, N=0, eta=0.1, beta=0.5, T=3, **{"for": 2})


def test_averages_over_distinct_samples_need_their_number():
    expression = Expression.parse("G^u_a G^u_a")
    gradients = DERIVATIVES[1]
    pairs = [gradients[i] @ gradients[j] for i in range(4) for j in range(4) if i != j]
    assert by_source(expression, N=SAMPLES) == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize("observable", ["test-loss", "displacement", "generalisation-gap"])
def test_expansions_give_expressions(observable):
    expansion = expand(observable, order=2, sampling="epochs")
    for k in (None, 0, 1, 2):
        expression = expansion.expression(k)
        power = eta**k if k is not None else 1
        whole = sum(power * c * contraction for c, contraction in expression)
        assert expand_mul(whole - expansion.sympy(k)) == 0
        assert expression.rank == (observable == "displacement")
    moments = expand(observable, order=2, sampling="epochs").expression()
    cumulants = expand(observable, order=2, sampling="epochs", basis="cumulant").expression()
    assert moments.equals(cumulants)
    assert (moments - cumulants).equals(Expression([], moments.rank))
    assert expansion.expression().power(2) == expansion.expression(2)
    with pytest.raises(RequestError, match=r"order 0\.\.2"):
        expansion.expression(3)
