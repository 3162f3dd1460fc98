"""Expansions with noise that is fresh at every visit, against SGD itself in exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from sympy import latex

from sgdiagrams import (
    SGD,
    Epochs,
    Expansion,
    FullBatch,
    GradientFlow,
    Grid,
    Momentum,
    Nesterov,
    OnePass,
    Statistics,
    WithReplacement,
    expand,
)
from sgdiagrams.diagrams import Diagram, DiagramError, RequestError, enumerate_diagrams
from sgdiagrams.numeric import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import exact_training
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.training.training import Training


def noisy(seed, *, p=1, degree=4, points=2, noises=2):
    pairs = PolynomialLandscape.random(seed, p=p, degree=degree, atoms=points * noises)
    return PolynomialLandscape(pairs.losses, pairs.start, noises=noises)


def coin(e):
    """Return (1 + e/2)(x - e)^2/2."""
    scale = (1 + Fraction(e, 2)) / 2
    return {(2,): scale, (1,): -2 * scale * e, (0,): scale}


def test_two_visits_of_one_datapoint():
    twice = Epochs(N=1, B=1, E=2)
    fresh = PolynomialLandscape([coin(1), coin(-1)], noises=2)
    same = PolynomialLandscape(fresh.losses)
    values = {}
    for visits, landscape in [("fresh", fresh), ("same", same)]:
        expansion = expand("test-loss", order=2, sampling=twice, visits=visits)
        values[visits] = expansion.evaluate(landscape.statistics(3), eta=1).orders
        assert values[visits] == exact_training(landscape, Training(twice), order=2)
    assert (values["fresh"][2], values["same"][2]) == (Fraction(7, 4), 3)


SCHEMES = [
    (Epochs(N=2, B=1, E=2), 4),
    (Epochs(N=2, B=1, E=2, shuffle="every-epoch"), 4),
    (FullBatch(N=1, E=3), 4),
    (FullBatch(N=2, E=2), 3),
    (WithReplacement(N=2, B=1, T=2), 3),
    (WithReplacement(N=2, B=2, T=2), 2),
    (OnePass(T=2, B=1), 4),
    (Grid([[0], [0, 1], [1]]), 3),
]


@pytest.mark.parametrize(("scheme", "order"), SCHEMES, ids=lambda x: getattr(x, "label", ""))
@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_losses_are_those_of_sgd(scheme, order, basis):
    landscape = noisy(5)
    statistics = landscape.statistics(order + 1)
    for observable in ("test-loss", "training-loss"):
        most = order if observable == "test-loss" else min(order, 3)
        expansion = expand(observable, order=most, sampling=scheme, visits="fresh", basis=basis)
        expected = exact_training(landscape, Training(scheme), order=most, observable=observable)
        assert expansion.evaluate(statistics, eta=1).orders == expected


@pytest.mark.parametrize("optimizer", [Momentum(beta="1/2"), Nesterov(beta="1/3")])
@pytest.mark.parametrize(
    "scheme",
    [
        Epochs(N=2, B=1, E=2),
        Epochs(N=2, B=1, E=2, shuffle="every-epoch"),
        FullBatch(N=2, E=2),
        WithReplacement(N=2, B=1, T=3),
        Grid([[0], [0, 1], [1]]),
    ],
    ids=lambda scheme: scheme.label,
)
def test_momentum_and_schedules(scheme, optimizer):
    landscape = noisy(3, degree=3)
    expansion = expand("test-loss", order=3, sampling=scheme, optimizer=optimizer, visits="fresh")
    expected = exact_training(landscape, Training(scheme, optimizer), order=3)
    assert expansion.evaluate(landscape.statistics(4), eta=1).orders == expected


def test_momentum_in_closed_form():
    landscape, numbers = noisy(3, degree=3), {"N": 2, "B": 1, "T": 3}
    expansion = expand(
        "test-loss", order=3, sampling=WithReplacement(), optimizer=Momentum(), visits="fresh"
    )
    run = Training(WithReplacement(**numbers), Momentum(beta="1/2"))
    value = expansion.evaluate(landscape.statistics(4), eta=1, **numbers, beta=Fraction(1, 2))
    assert value.orders == exact_training(landscape, run, order=3)


@pytest.mark.parametrize("observable", ["second-moment", "variance", "covariance", "displacement"])
def test_other_observables(observable):
    landscape, scheme = noisy(2, p=2, degree=3), Epochs(N=2, B=1, E=2)
    expansion = expand(observable, order=2, sampling=scheme, visits="fresh")
    eta = np.array([[Fraction(1), Fraction(1, 2)], [Fraction(1, 2), Fraction(2)]], dtype=object)
    expected = exact_training(landscape, Training(scheme), order=2, observable=observable, eta=eta)
    got = expansion.evaluate(landscape.statistics(3), eta=eta).orders
    assert all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))


def test_a_datapoint_without_noise_is_the_old_theory():
    one = PolynomialLandscape.random(4, p=1, degree=4, atoms=2)
    twice = PolynomialLandscape([loss for loss in one.losses for _ in range(2)], noises=2)
    for scheme in (Epochs(N=2, B=1, E=3), WithReplacement(N=3, B=2, T=4)):
        same = expand("generalisation-gap", order=3, sampling=scheme)
        fresh = expand("generalisation-gap", order=3, sampling=scheme, visits="fresh")
        expected = same.evaluate(one.statistics(4), eta=1).orders
        assert fresh.evaluate(twice.statistics(4), eta=1).orders == expected


def test_one_pass_has_the_old_formula():
    for basis in ("moment", "cumulant"):
        old = expand("test-loss", order=4, sampling="one-pass", basis=basis)
        new = expand("test-loss", order=4, sampling="one-pass", basis=basis, visits="fresh")
        assert new.terms == old.terms
    # The training loss is looked at with noise of its own.
    gap = expand("generalisation-gap", order=1, sampling="one-pass", visits="fresh")
    assert [str(term.contraction) for term in gap.terms] == ["G_a G_a", "M_a;a"]


def test_texts_and_files():
    expansion = expand("training-loss", order=3, sampling="epochs", visits="fresh")
    assert expansion.text().splitlines()[0] == (
        "E[training loss] | epochs | fresh noise | moment basis | order 3 | B divides N"
    )
    again = Expansion.from_json(expansion.to_json())
    assert again == expansion
    assert again.parts[0].visits == "fresh"
    assert "visits" not in expand("test-loss", order=2, sampling="epochs").to_json()
    assert expansion.subs({"E": 2}).parts[0].visits == "fresh"
    contractions = {term.contraction for term in expansion.terms}
    assert sum(c.has_visits for c in contractions) > 20
    assert latex(Contraction.parse("M_a|b;c J_abc")) == (r"M_{\mu|\nu;\lambda}\, J_{\mu\nu\lambda}")


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
@pytest.mark.parametrize("decay", [0, Fraction(1, 3)])
def test_source(basis, decay):
    landscape = noisy(3, p=2, noises=3)
    known = landscape.statistics(4)
    statistics = Statistics(
        known.samples, known.role, start=[1, 2], visits=known.visits, noise=known.noise
    )
    expansion = expand(
        "training-loss",
        order=3,
        sampling="epochs",
        optimizer=SGD(weight_decay=decay),
        visits="fresh",
        basis=basis,
    )
    namespace = {}
    exec(expansion.python(), namespace)
    arrays = {k: x.astype(float).reshape(2, 3, *x.shape[1:]) for k, x in statistics.samples.items()}
    tensors = namespace["tensors"](arrays, **({"start": np.array([1.0, 2.0])} if decay else {}))
    numbers = {"eta": 0.5, "N": 5, "B": 1, "E": 2}
    expected = [float(x) for x in expansion.evaluate(statistics, **numbers).orders]
    assert namespace["orders"](tensors, **numbers) == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match=r"derivative 1 of shape \(n, v, p\)"):
        namespace["tensors"](
            {**arrays, 1: arrays[1][:, 0]}, **({"start": [1.0, 2.0]} if decay else {})
        )


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_contractions_are_read_back(basis):
    for root in ("isolated", "in-partition"):
        for diagram in enumerate_diagrams(3, root=root, visits="fresh"):
            contraction = Contraction.from_diagram(diagram, basis=basis)
            assert Contraction.parse(str(contraction)) == contraction
            assert contraction.func(*contraction.args) == contraction
            eta = contraction.with_metric("eta")
            assert Contraction.parse(str(eta)) == eta


def test_a_block_of_one_visit_is_a_plain_moment():
    plain, one = Diagram.parse("(01-2)(02-12)"), Diagram.parse("(01-|2)(02-12)")
    assert Contraction.from_diagram(one) == Contraction.from_diagram(plain)
    covariance = Contraction.from_diagram(one, basis="cumulant")
    assert str(covariance) == "varkappa_a|b H_ab"
    assert covariance != Contraction.from_diagram(plain, basis="cumulant")


def test_bad_input():
    options = {"order": 2, "sampling": "epochs"}
    with pytest.raises(RequestError, match="one of same, fresh, additive, gaussian"):
        expand("test-loss", **options, visits="often")
    with pytest.raises(RequestError, match="plain expansion with visits='fresh'"):
        expand("test-loss", order=2, sampling="one-pass", visits="fresh", resummed=True)
    with pytest.raises(RequestError, match="plain expansion with visits='fresh'"):
        expand("test-loss", noise=1, sampling="one-pass", visits="fresh", along_path=True)
    decoupled = Momentum(beta="1/2", decoupled_decay="1/2")
    with pytest.raises(RequestError, match="weight decay in the gradient"):
        expand("test-loss", **options, optimizer=decoupled, visits="fresh")
    with pytest.raises(RequestError, match="an expression"):
        expand("expression:|G|^2", **options, visits="fresh")
    with pytest.raises(RequestError, match="discrete updates"):
        expand("test-loss", order=2, sampling=GradientFlow(), visits="fresh")
    with pytest.raises(RequestError, match="moment or conditional"):
        Contraction.build([(0, 1)], [[0, 1]], visits=[[0], [1]], basis="plug-in")
    with pytest.raises(DiagramError, match="inside the blocks"):
        Contraction.build([(0, 1)], [[0], [1]], visits=[[0, 1]])
