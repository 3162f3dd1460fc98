"""Expressions read off from real runs: by hand, and as the theory predicts them."""

import numpy as np
import pytest

from sgdiagrams import Expression, compare, expand, judge_series, simulate
from sgdiagrams.diagrams import RequestError
from sgdiagrams.numeric.landscapes.digits import Digits
from sgdiagrams.numeric.landscapes.toys import Gauss, Helix, Mean
from sgdiagrams.numeric.simulation.read_expressions import ReadExpression
from sgdiagrams.symbolic.observable import Observable, Product


def test_values_are_those_of_contractions():
    statistics = Helix().statistics(3)
    at_start = Helix().start[None]
    for text in ("l + 2", "|G|^2", "C_ab H_ab", "tr(H)", "H_ab H_ab", "S_abc J_abc", "G.H.G"):
        expansion = expand(f"expression:{text}", order=0, sampling="one-pass")
        [wanted] = expansion.evaluate(statistics, eta=1, T=1).orders
        [value] = ReadExpression(Expression.parse(text))(Helix(), at_start, eta=1.0)
        assert value == pytest.approx(wanted, abs=1e-12)
    matrix = Expression.parse("C_ab + eta H_ab")
    [both] = (
        expand(matrix, order=1, sampling="one-pass").evaluate(statistics, eta=0.5, T=0).orders[:1]
    )
    [hessian] = (
        expand("expression:H_ab", order=0, sampling="one-pass")
        .evaluate(statistics, eta=1, T=0)
        .orders
    )
    for i, j in np.ndindex(3, 3):
        [value] = ReadExpression(matrix)(Helix(), at_start, eta=0.5, component=(i, j))
        assert value == pytest.approx(both[i, j] + 0.5 * hessian[i, j], abs=1e-12)


def test_a_run_without_noise_by_hand():
    landscape, eta, T = Mean(curvature=2, noise=0.5, origin=1), 0.1, 3
    options = {"sampling": "gradient-descent", "eta": eta, "T": T, "runs": 2}
    end = (1 - 2 * eta) ** T
    squared = simulate(landscape, observable="expression:|G|^2", **options)
    assert squared.value == pytest.approx(4 * end**2 - 4)
    # The learning rate in a coefficient is no part of order 0, at the start.
    penalised = simulate(landscape, observable="expression:l + eta/4 |G|^2", **options)
    assert penalised.value == pytest.approx(end**2 - 1 + eta / 4 * 4 * end**2)
    middle = (1 - 2 * eta) ** 2
    since = simulate(landscape, observable="expression:l + eta/4 |G|^2:since=2", **options)
    assert since.value == pytest.approx((1 + eta) * (end**2 - middle**2))
    one = Expression.parse("G_a")
    both = Observable("b", "b", "b", (Product(1, (("weights", "g"),)),), expressions=(("g", one),))
    product = simulate(landscape, observable=both, component=(0, 0), **options)
    assert product.value == pytest.approx((end - 1) * 2 * end)


@pytest.mark.parametrize(
    ("observable", "component", "order"),
    [
        ("expression:tr(C)", None, 4),
        ("expression:C_ab H_ab", None, 4),
        ("expression:l + eta/4 |G|^2", None, 3),
        ("expression:G_a", 0, 3),
        ("variance:expression:tr(C)", None, 4),
    ],
)
def test_runs_are_as_predicted(observable, component, order):
    result = compare(
        "gauss",
        observable=observable,
        component=component,
        order=order,
        eta=0.1 if component == 0 else 0.05,
        T=3,
        runs=20_000,
        seed=3,
    )
    [point] = result.points
    assert abs(point.deviations[-1]) < 4
    assert abs(point.simulated) > 4 * point.standard_error


def test_digits():
    pytest.importorskip("sklearn")
    result = compare(Digits(3), observable="expression:tr(C)", order=2, eta=0.02, T=3, runs=3000)
    [point] = result.points
    assert abs(point.deviations[-1]) < 4
    assert abs(point.simulated) > 4 * point.standard_error


def test_models():
    pytest.importorskip("jax")
    from sgdiagrams import measure, model_landscape

    rng = np.random.default_rng(0)
    data = rng.normal(size=(12, 2)), rng.normal(size=12)
    start = np.array([0.5, -0.3])

    def loss(w, datum):
        x, y = datum
        return (w @ x - y) ** 2 / 2 + (w @ x) ** 3 / 6

    landscape = model_landscape(loss, start, data)
    expansion = expand("expression:tr(C) + |G|^2 + l - 2", order=1, sampling="one-pass")
    numbers = {"eta": 0.1, "T": 3}
    dense = expansion.evaluate(landscape.statistics(2), **numbers)
    measured = measure(loss, start, data, expansion, role="population")
    np.testing.assert_allclose(measured.evaluate(expansion, **numbers).orders, dense.orders)
    with pytest.raises(RequestError, match="one learning rate"):
        measure(loss, start, data, expansion, eta=np.ones(2))
    for text in ("|G|^2", "tr(C)"):
        options = {"observable": f"expression:{text}", "eta": 0.02, "T": 2}
        [point] = compare(landscape, order=2, runs=200, **options).points
        assert abs(point.deviations[-1]) < 4
    other = model_landscape(loss, start, data, test_data=data)
    with pytest.raises(RequestError, match="test_data"):
        simulate(other, observable="expression:|G|^2", eta=0.1, T=1, runs=2)


def test_what_is_not_simulated_or_judged():
    options = {"eta": 0.1, "T": 3, "runs": 10}
    for text, words in (("T |G|^2", "symbols"), ("s_a G_a", "functions of the weights")):
        with pytest.raises(RequestError, match=words):
            simulate("gauss", observable=f"expression:{text}", **options)
    with pytest.raises(RequestError, match="control variate"):
        simulate("gauss", observable="expression:l", control=True, **options)
    with pytest.raises(RequestError, match="component"):
        simulate("gauss", observable="expression:G_a", **options)
    with pytest.raises(RequestError, match="resummed"):
        compare("gauss", observable="expression:l", resummed=True, **options)
    judged = judge_series(
        Gauss().statistics(4), observable="expression:|G|^2", sampling="one-pass", eta=0.1, T=3
    )
    assert judged.recommended in ("plain", "neither")
    assert judged.resummed == ()
