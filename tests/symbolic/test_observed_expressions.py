"""Expressions as observables, held against exact SGD, SymPy's derivatives and two phases of training."""

from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import product

import numpy as np
import pytest
import sympy

from sgdiagrams import Expansion, Statistics, expand, symbols
from sgdiagrams.diagrams import FormatError, RequestError
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import exact_training
from sgdiagrams.symbolic import Contraction
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.formula import Term
from sgdiagrams.symbolic.observable import Observable, Product, increment, named_observable
from sgdiagrams.symbolic.training.average import ExponentialAverage, TailAverage
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.schedules.schedule import ArraySchedule
from sgdiagrams.symbolic.training.schemes.epochs import Epochs
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement
from sgdiagrams.symbolic.training.training import Training

eta = symbols.eta
of = Expression.of
HALF = Fraction(1, 2)

SQUARE = of("|G|^2")
TRACE = of("C_aa")
REGULARISED = of("l") + eta / 4 * SQUARE
SCALARS = {
    "squared gradient": SQUARE,
    "trace of C": TRACE,
    "C H": of("C_ab H_ab"),
    "sharpness": of("tr(H)"),
    "regularised loss": REGULARISED,
    "all together": of("l") * HALF + (eta**2 - 3) * SQUARE + eta * TRACE + 5,
}
TENSORS = {"gradient": of("G_a"), "gradient of the trace": TRACE.gradient(), "C": of("C_ab")}
TRAININGS = {
    "one pass": Training(OnePass(T=2)),
    "epochs": Training(Epochs(N=2, B=1, E=2)),
    "full batch": Training(Epochs(N=2, B=2, E=2)),
    "with replacement": Training(WithReplacement(N=2, B=1, T=2)),
    "reshuffled": Training(Epochs(N=2, B=1, E=2, shuffle="every-epoch")),
    "momentum": Training(OnePass(T=3), Momentum(beta="1/3")),
    "nesterov, averaged": Training(OnePass(T=3), Nesterov(beta="1/3", average=TailAverage())),
    "averaged": Training(OnePass(T=3), SGD(average=ExponentialAverage(HALF))),
    "schedule": Training(Epochs(N=2, B=1, E=2), SGD(schedule=ArraySchedule([1, HALF, 3, 2]))),
    "weight decay": Training(OnePass(T=2), SGD(weight_decay=Fraction(1, 3))),
}


@cache
def landscape(p):
    start = [HALF, Fraction(1, 3)][:p]
    degree = 4 if p == 1 else 3
    return PolynomialLandscape.random(5, p=p, degree=degree, atoms=2).moved(start)


@cache
def population(p):
    known = landscape(p)
    return replace(known.statistics(6), start=np.array(known.start, dtype=object))


def assert_exact(observable, training, order, p, basis="moment"):
    """Hold an expansion against exact SGD, as fractions."""
    expansion = expand(
        observable,
        order=order,
        sampling=training.sampling,
        optimizer=training.optimizer,
        basis=basis,
    )
    theory = expansion.evaluate(population(p), eta=1).orders
    judge = exact_training(
        landscape(p), training, order=order, observable=named_observable(observable)
    )
    assert len(theory) == len(judge) == order + 1
    for value, wanted in zip(theory, judge, strict=True):
        assert np.array_equal(value, wanted)
    assert any(np.any(value) for value in judge[1:])


@pytest.mark.parametrize("training", TRAININGS)
@pytest.mark.parametrize("name", SCALARS)
def test_scalars_are_those_of_exact_sgd(name, training):
    basis = "cumulant" if name in ("C H", "trace of C") else "moment"
    assert_exact(SCALARS[name], TRAININGS[training], 3, 1, basis)
    assert_exact(SCALARS[name], TRAININGS[training], 2, 2)


@pytest.mark.parametrize("training", ["one pass", "with replacement", "momentum"])
@pytest.mark.parametrize("name", TENSORS)
def test_tensors_are_those_of_exact_sgd(name, training):
    assert_exact(TENSORS[name], TRAININGS[training], 2, 2, "cumulant")


@pytest.mark.parametrize("training", ["one pass", "with replacement", "momentum", "averaged"])
def test_variances_increments_and_products(training):
    for name in ("variance:expression:G_a G_a", "variance:expression:G_a"):
        assert_exact(named_observable(name), TRAININGS[training], 2, 2)
    for since in (0, 1):
        assert_exact(
            increment(named_observable(REGULARISED), since=since), TRAININGS[training], 2, 2
        )
    # Free legs: of the displacement first, then of the expressions in their order.
    products = (
        Product(1, (("q", "weights", "r"),)),
        Product(-2, (("q",), ("r", "weights"))),
    )
    gradient = TRACE.gradient()
    both = Observable("b", "b", "b", products, expressions=(("q", of("G_a")), ("r", gradient)))
    with pytest.raises(RequestError, match="free indices"):
        replace(both, products=(*products, Product(1, (("q",),))))
    assert_exact(both, TRAININGS[training], 2, 2)


def theta_polynomial(expression_of_sympy, p):
    """Return a quantity as a polynomial of the weights in SymPy, from the losses alone."""
    x = sympy.symbols(f"x:{p}")
    losses = [
        sum(
            sympy.Rational(c.numerator, c.denominator)
            * sympy.Mul(*(v**k for v, k in zip(x, e, strict=True)))
            for e, c in loss
        )
        for loss in landscape(p).losses
    ]
    return sympy.expand(expression_of_sympy(losses, x)), x


def mean_square_of_gradient(losses, x):
    mean = sum(losses) / len(losses)
    return sum(sympy.diff(mean, v) ** 2 for v in x)


def trace_of_covariance(losses, x):
    second = sum(sympy.diff(loss, v) ** 2 for loss in losses for v in x) / len(losses)
    return second - mean_square_of_gradient(losses, x)


def covariance_with_curvature(losses, x):
    mean = sum(losses) / len(losses)
    return sum(
        (
            sum(sympy.diff(loss, v) * sympy.diff(loss, w) for loss in losses) / len(losses)
            - sympy.diff(mean, v) * sympy.diff(mean, w)
        )
        * sympy.diff(mean, v, w)
        for v, w in product(x, repeat=2)
    )


@pytest.mark.parametrize(
    ("text", "by_hand"),
    [
        ("G_a G_a", mean_square_of_gradient),
        ("C_aa", trace_of_covariance),
        ("C_ab H_ab", covariance_with_curvature),
    ],
)
def test_leibniz_is_differentiation(text, by_hand):
    p, order = 2, 3
    f, x = theta_polynomial(by_hand, p)
    at = dict(
        zip(
            x,
            [sympy.Rational(s.numerator, s.denominator) for s in landscape(p).start],
            strict=True,
        )
    )
    derivatives = {}
    for k in range(order + 1):
        tensor = np.empty((p,) * k, dtype=object)
        for index in np.ndindex(tensor.shape):
            number = sympy.diff(f, *(x[i] for i in index)).subs(at) if k else f.subs(at)
            tensor[index] = Fraction(int(number.p), int(number.q))
        derivatives[k] = tensor
    known = replace(population(p), functions={"f": derivatives})
    options = {"order": order, "sampling": "epochs"}
    numbers = {"eta": Fraction(1, 7), "N": 3, "B": 1, "E": 2}
    by_function = expand("function:f", **options).evaluate(known, **numbers)
    assert expand(of(text), **options).evaluate(population(p), **numbers).orders == (
        by_function.orders
    )


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
@pytest.mark.parametrize("order", [2, 4])
def test_an_expansion_of_an_expansion_is_training_that_goes_on(order, basis):
    options = {"order": order, "sampling": "one-pass", "basis": basis}
    loss = expand("test-loss", **options)
    after = sympy.Symbol("T_2")
    both = expand(loss.subs({"T": after}).expression(), **options)
    assert both.terms == loss.subs({"T": symbols.T + after}).terms
    assert set(both.symbols) == {"T", "T_2"}
    # Long expressions are not spelled out where people read them.
    if order == 4:
        assert "expression of" in both.text().splitlines()[0]
        assert r"s(\theta_T)" in both.latex()
        numbers = {"eta": 0.1, "T": 2, "T_2": 3}
        title = str(both.evaluate(population(1), **numbers)).splitlines()[0]
        assert title.startswith("expression of ")
        assert named_observable(both.parts[0].observable.name) == both.parts[0].observable


def test_orders_are_powers_of_the_learning_rate():
    expansion = expand(REGULARISED, order=2, sampling="one-pass")
    table = {(t.order, t.contraction, t.shift): t.weight for t in expansion.terms}
    gradients = Contraction.parse("G_a G_a")
    T = symbols.T
    assert sympy.expand(table[1, gradients, 0] - (sympy.Rational(1, 4) - T)) == 0
    twice = expand(of("l") + SQUARE, order=2, sampling="one-pass")
    of_order = {k: {t.contraction: t.weight for t in twice.order_terms(k)} for k in range(3)}
    assert of_order[0][gradients] == 1
    assert of_order[1][gradients] == -T
    assert of_order[1][Contraction.parse("G_a H_ab G_b")] == -2 * T
    assert [t.shift for t in twice.order_terms(0)] == [0, -1]
    assert Term(T, gradients) != Term(T, gradients, shift=-1)
    # A new learning rate reaches the expression too.
    half = expansion.subs({"eta": eta / 2})
    assert half.order_terms(1)[0].weight == sympy.Rational(1, 8) - T / 2
    assert half.parts[0].observable == named_observable(REGULARISED.subs({"eta": eta / 2}))


def test_sums_and_differences():
    one = expand(SQUARE, order=2, sampling="one-pass")
    other = expand(SQUARE, order=2, sampling="one-pass", optimizer="momentum")
    difference = (one - other).order_terms(1)
    assert [t.contraction for t in difference] == [Contraction.parse("G_a H_ab G_b")]
    assert (one - one).terms == ()
    assert (one + expand("test-loss", order=2, sampling="one-pass")).terms == (
        expand(of("l") + SQUARE, order=2, sampling="one-pass").terms
    )


def test_without_updates_there_is_the_expression_itself():
    expansion = expand(REGULARISED, order=2, sampling="epochs")
    start = expansion.evaluate(population(1), eta=HALF, E=0, N=2, B=1).orders
    square = expand(SQUARE, order=0, sampling="epochs")
    [wanted] = square.evaluate(population(1), eta=1, E=0, N=2, B=1).orders
    assert start[1] == wanted / 8
    assert start[2] == 0


@pytest.mark.parametrize("since", [None, 3])  # in closed form in T, and by number
def test_long_runs_have_rounded_weights(since):
    training = {"sampling": OnePass(T=1200), "optimizer": Momentum(beta="9/10")}
    observable = named_observable(REGULARISED + SQUARE * Fraction(2, 3))
    if since is not None:
        observable = increment(observable, since=since)
    order = 3 if since is None else 2
    long, exact = (expand(observable, order=order, **training) for _ in range(2))
    # The sum has the lower order of the two.
    other = {"sampling": OnePass(T=1200), "optimizer": Momentum(beta="8/10")}
    both = long + expand(observable, order=order - 1, **other)
    of_both = {(c, k) for _, c, k in both.rounded_by_order()}
    rounded = {(c, k): w for w, c, k in long.rounded_by_order()}
    assert of_both == {(c, k) for c, k in rounded if k < order}
    assert {(t.contraction, t.order) for t in exact.terms} == set(rounded)
    for t in exact.terms:
        weight = Fraction(int(t.weight.p), int(t.weight.q))
        assert abs(rounded[t.contraction, t.order] / weight - 1) < Fraction(1, 10**25)
    before = expand(observable, order=order, **training).evaluate(population(1), eta=1e-3).orders
    after = exact.evaluate(population(1), eta=Fraction(1, 1000)).orders
    np.testing.assert_allclose(before, np.array(after, dtype=float), rtol=1e-12)


def test_errors_are_those_of_leaving_one_out():
    rng = np.random.default_rng(0)
    n, numbers = 9, {"eta": 0.1, "T": 3}
    samples = {0: rng.normal(size=n), 1: rng.normal(size=(n, 2))}
    for k in (2, 3):
        raw = rng.normal(size=(n, *[2] * k))
        axes = sympy.utilities.iterables.multiset_permutations(range(1, k + 1))
        samples[k] = sum(raw.transpose(0, *a) for a in axes)
    expansion = expand(REGULARISED + SQUARE, order=2, sampling="one-pass")
    estimate = expansion.evaluate(Statistics.from_samples(samples), **numbers)
    left_out = np.array(
        [
            expansion.evaluate(
                Statistics.from_samples({k: np.delete(v, i, axis=0) for k, v in samples.items()}),
                **numbers,
            ).orders
            for i in range(n)
        ]
    )
    squares = ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)
    wanted = np.sqrt((n - 1) / n * squares)
    np.testing.assert_allclose(estimate.order_standard_errors, wanted, rtol=1e-9)
    total = left_out.sum(axis=1)
    whole = np.sqrt((n - 1) / n * ((total - total.mean()) ** 2).sum())
    assert estimate.standard_error == pytest.approx(whole, rel=1e-9)


def test_source_gives_the_same_numbers():
    for q in (REGULARISED + TRACE, of("G_a"), of("C_ab")):
        expansion = expand(q, order=2, sampling="epochs")
        namespace = {}
        exec(expansion.python(), namespace)
        numbers = {"eta": 0.25, "N": 4, "B": 2, "E": 3}
        tensors = namespace["tensors"](population(2).samples)
        found = namespace["orders"](tensors, **numbers)
        exact = expansion.evaluate(population(2), **numbers).orders
        np.testing.assert_allclose(found, np.array(exact, dtype=float), rtol=1e-12)
        none = namespace["orders"](tensors, **{**numbers, "E": 0})
        at_start = expansion.evaluate(population(2), **{**numbers, "E": 0}).orders
        np.testing.assert_allclose(none, np.array(at_start, dtype=float), rtol=1e-12)
        with pytest.raises(ValueError, match="eta"):
            namespace["orders"](tensors, **{**numbers, "eta": [0.1, 0.2]})


def test_files_keep_the_expression_and_the_orders():
    for q in (REGULARISED, SQUARE, TRACE.gradient() / 3):
        expansion = expand(q, order=2, sampling="epochs")
        text = expansion.to_json()
        again = Expansion.from_json(text)
        assert again == expansion
        assert [t.order for t in again.terms] == [t.order for t in expansion.terms]
    assert '"shift": -1' in expand(SQUARE, order=1, sampling="one-pass").to_json()
    assert "shift" not in expand("test-loss", order=2, sampling="one-pass").to_json()
    text = expand(SQUARE, order=1, sampling="one-pass").to_json()
    for broken in (
        text.replace('"shift": -1', '"shift": -2'),
        text.replace('"shift": -1', '"shift": 1'),
        text.replace('"shift": -1', '"shift": "x"'),
        text.replace("expression:", "expression:)"),
    ):
        with pytest.raises(FormatError):
            Expansion.from_json(broken)


def test_names_are_read_back():
    for q in (*SCALARS.values(), *TENSORS.values()):
        watched = named_observable(q)
        assert named_observable(watched.name) == watched
        assert named_observable(f"variance:{watched.name}").spread_of == (
            None if q.rank else "expression"
        )
        assert named_observable(f"{watched.name}:since=3") == increment(watched, since=3)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: expand(SQUARE, order=2, sampling="one-pass", resummed=True), "resummed"),
        (lambda: expand(SQUARE, noise=1, sampling="one-pass", along_path=True), "along_path"),
        (lambda: expand(SQUARE / eta, order=2, sampling="one-pass"), "polynomials of eta"),
        (lambda: expand(SQUARE - SQUARE, order=2, sampling="one-pass"), "with terms"),
        (lambda: expand(of("V_a|a"), order=2, sampling="one-pass"), "population"),
        (lambda: expand(of("G~_a"), order=2, sampling="one-pass"), "write a penalty out"),
        (lambda: increment("variance:expression:l", since=2), "increment"),
        (lambda: expand(SQUARE, order=1, sampling="one-pass").latex(eta="tensor"), "one learning"),
        (lambda: expand(SQUARE, order=1, sampling="one-pass").sympy(eta="tensor"), "one learning"),
        (lambda: expand(SQUARE, order=1, sampling="one-pass").with_metric("eta"), "one learning"),
        (
            lambda: expand(SQUARE, order=1, sampling="one-pass").evaluate(
                population(1), eta=[1], T=2
            ),
            "a number for eta",
        ),
        (
            lambda: expand(SQUARE, order=1, sampling="full-batch").evaluate(
                replace(population(1), role="training-set"), eta=1, N=2, E=1
            ),
            "a training set knows its own loss only",
        ),
        (
            lambda: exact_training(
                landscape(1),
                TRAININGS["one pass"],
                order=1,
                observable=named_observable(SQUARE * symbols.T),
            ),
            "symbols of an expression",
        ),
    ],
)
def test_what_has_no_answer_is_refused_in_a_line(make, words):
    with pytest.raises(RequestError, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)
