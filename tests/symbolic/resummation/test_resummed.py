"""Re-summation: exact against SGD itself, against brute-force time sums, and against its own limits."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import sympy
from exact_protocols import fixed_landscape, plain, schedules, with_start
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy.polys.domains import QQ
from sympy.polys.rings import PolyRing

from sgdiagrams.diagrams import Diagram, RequestError, SamplingError, enumerate_diagrams
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import exact_sgd_average
from sgdiagrams.numeric.long_times.dressed_counts import dressed_count
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.symbolic import (
    SDE,
    SGD,
    Cosine,
    Epochs,
    Exponential,
    ExponentialAverage,
    FreshData,
    FullBatch,
    GradientFlow,
    Grid,
    Momentum,
    Nesterov,
    OnePass,
    TailAverage,
    WithReplacement,
    expand,
    symbols,
)
from sgdiagrams.symbolic.resummation.dressed import closed_count
from sgdiagrams.symbolic.resummation.forms import expression
from sgdiagrams.symbolic.resummation.relinking import insert_links
from sgdiagrams.symbolic.training.training import Training

F = Fraction
OBSERVABLES = (
    "test-loss",
    "training-loss",
    "generalisation-gap",
    "displacement",
    "second-moment",
    "covariance",
    "variance",
)
SYMBOLIC = {
    "one-pass": OnePass(B=symbols.B),
    "full-batch": FullBatch(),
    "with-replacement": WithReplacement(),
    "fresh-data": FreshData(),
}
NUMBERS = {
    "one-pass": OnePass(T=4),
    "fresh-data": FreshData(T=2, B=2),
    "epochs": Epochs(N=2, B=1, E=2),
    "epochs of batches": Epochs(N=4, B=2, E=2, shuffle="once"),
    "reshuffled": Epochs(N=3, B=1, E=2, shuffle="every-epoch"),
    "with-replacement": WithReplacement(N=2, B=2, T=2),
    "full-batch": FullBatch(N=2, E=3),
    "grid": Grid([[0, 1], [2], [0, 1, 2], [1]]),
}
OPTIMIZERS = {
    "sgd": SGD(),
    "sgd decay": SGD(weight_decay=F(1, 3)),
    "sgd cosine": SGD(schedule=Cosine(floor=F(1, 4))),
    "sgd tail": SGD(average=TailAverage(2)),
    "momentum": Momentum(beta=F(2, 3)),
    "momentum decay ema": Momentum(
        beta=F(1, 2), weight_decay=F(1, 5), average=ExponentialAverage(F(1, 2))
    ),
    "momentum exponential": Momentum(beta=F(1, 2), schedule=Exponential(F(3, 4))),
    "momentum gradient schedule": Momentum(
        beta=F(1, 2), schedule=Exponential(F(3, 4)), schedule_scales="gradient"
    ),
    "nesterov": Nesterov(beta=F(2, 3), average=TailAverage()),
}

# As formulas --------------------------------------------------------------------------------------


@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize("scheme", SYMBOLIC)
def test_expanded_back_it_is_the_plain_expansion(scheme, observable):
    """With T, N, B as symbols, for the formula and not for some numbers."""
    sampling = SYMBOLIC[scheme]
    resummed = expand(observable, order=3, sampling=sampling, resummed=True)
    plain = expand(observable, order=3, sampling=sampling, basis="cumulant")
    assert resummed.expanded().terms == plain.terms


@pytest.mark.parametrize("observable", ["test-loss", "displacement", "covariance", "variance"])
@pytest.mark.parametrize("sampling", [SDE(), SDE(B=symbols.B), GradientFlow()])
def test_in_continuous_time_too(sampling, observable):
    resummed = expand(observable, order=3, sampling=sampling, resummed=True)
    plain = expand(observable, order=3, sampling=sampling, basis="cumulant")
    assert resummed.form == "continuous"
    assert resummed.expanded().terms == plain.terms


@pytest.mark.parametrize("scheme", SYMBOLIC)
def test_order_four(scheme):
    for observable in ("test-loss", "generalisation-gap"):
        sampling = SYMBOLIC[scheme]
        resummed = expand(observable, order=4, sampling=sampling, resummed=True)
        plain = expand(observable, order=4, sampling=sampling, basis="cumulant")
        assert resummed.expanded().terms == plain.terms


# Against SGD itself -------------------------------------------------------------------------------


def simulated(observable, scheme, optimizer, order, landscape, eta=None):
    return exact_sgd_average(
        landscape,
        schedules(scheme),
        order=order,
        observable=observable,
        optimizer=optimizer,
        eta=eta,
        rows=int(scheme.datapoints),
    )


def by_polynomials(resummed, statistics, eta, order):
    """Expand the weights that are evaluated, not those that are printed, as polynomials in h.

    The dressed counts are propagated with polynomials as eigenvalues; a monomial of h puts links on
    the edges of the contraction.
    """
    decays = {part.optimizer.weight_decay for part in resummed.parts}
    [decay] = decays
    link = "penalised-loss" if decay else "loss"
    evaluator = Evaluator(statistics, eta, weight_decay=F(decay))
    orders = [0] * (order + 1)
    for term in resummed.pieces:
        ring = PolyRing([f"h{i}" for i in range(max(term.order, 1))], QQ)
        weight = ring.zero
        for piece in term.pieces:
            part = resummed.parts[piece.part]
            product_ = ring(QQ(piece.coefficient.numerator, piece.coefficient.denominator))
            for s in piece.skeletons:
                value = dressed_count(
                    s.diagram,
                    Training(part.sampling, part.optimizer),
                    [ring.gens[i] for i in s.indices],
                    root=s.role,
                )
                if isinstance(value, Fraction):
                    value = QQ(value.numerator, value.denominator)
                product_ = product_ * value
            weight = weight + product_
        for exponents, c in weight.terms():
            links = tuple(exponents)[: term.order]
            total = term.order + sum(links)
            if total <= order:
                contraction = insert_links(term.contraction, links, label=link)
                number = F(int(c.numerator), int(c.denominator))
                orders[total] = orders[total] + number * evaluator.value(contraction)
    return orders


@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize("scheme", NUMBERS)
def test_equal_to_sgd_to_order_four(scheme, observable):
    landscape = fixed_landscape(1)
    sampling = NUMBERS[scheme]
    resummed = expand(observable, order=4, sampling=sampling, resummed=True)
    judge = simulated(observable, sampling, SGD(), 4, landscape)
    statistics = with_start(landscape, 4)
    assert plain(resummed.expanded().evaluate(statistics, eta=1).orders) == plain(judge)
    if observable in ("test-loss", "training-loss"):
        # Polynomials over many updates and random orders take minutes at order 4.
        order = 3 if scheme == "reshuffled" else 4
        fewer = expand(observable, order=order, sampling=sampling, resummed=True)
        assert by_polynomials(fewer, statistics, 1, order) == list(judge)[: order + 1]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("scheme", NUMBERS)
def test_equal_to_every_optimizer(scheme, optimizer):
    landscape = fixed_landscape(1)
    sampling, method = NUMBERS[scheme], OPTIMIZERS[optimizer]
    if optimizer == "sgd tail" and int(sampling.updates) < 2:
        pytest.skip("fewer updates than iterates to average")
    resummed = expand("test-loss", order=3, sampling=sampling, optimizer=method, resummed=True)
    judge = simulated("test-loss", sampling, method, 3, landscape)
    statistics = with_start(landscape, 3)
    order = 2 if scheme == "reshuffled" else 3
    fewer = expand("test-loss", order=order, sampling=sampling, optimizer=method, resummed=True)
    assert by_polynomials(fewer, statistics, 1, order) == list(judge)[: order + 1]
    assert list(resummed.expanded().evaluate(statistics, eta=1).orders) == list(judge)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["one-pass", "epochs of batches", "full-batch"])
def test_momentum_to_order_four(scheme):
    landscape = fixed_landscape(1)
    sampling, method = NUMBERS[scheme], Momentum(beta=F(1, 2))
    resummed = expand("training-loss", order=4, sampling=sampling, optimizer=method, resummed=True)
    judge = simulated("training-loss", sampling, method, 4, landscape)
    assert by_polynomials(resummed, with_start(landscape, 4), 1, 4) == list(judge)


@pytest.mark.parametrize("scheme", NUMBERS)
def test_two_dimensions_and_a_matrix_for_eta(scheme):
    landscape = fixed_landscape(2)
    eta = [[F(1), F(1, 2)], [F(1, 2), F(2)]]
    sampling = NUMBERS[scheme]
    for observable in ("test-loss", "displacement", "second-moment"):
        resummed = expand(observable, order=3, sampling=sampling, resummed=True)
        judge = simulated(observable, sampling, SGD(), 3, landscape, eta)
        metric = np.array(eta, dtype=object)
        statistics = with_start(landscape, 3)
        ours = by_polynomials(resummed, statistics, metric, 3)
        assert plain(x + 0 * judge[0] for x in ours) == plain(judge)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 6).map(lambda seed: PolynomialLandscape.random(seed, p=1, degree=4, atoms=3)),
    st.sampled_from([(3, 1), (2, 2), (4, 1), (1, 3)]),
    st.sampled_from(["test-loss", "generalisation-gap"]),
)
def test_landscapes_at_random(landscape, numbers, observable):
    T, B = numbers
    resummed = expand(observable, order=4, sampling=OnePass(B=symbols.B), resummed=True)
    statistics = with_start(landscape, 4)
    ours = resummed.expanded().evaluate(statistics, eta=1, T=T, B=B).orders
    assert list(ours) == list(simulated(observable, OnePass(T=T, B=B), SGD(), 4, landscape))


# Against time sums by brute force -----------------------------------------------------------------


def time_sum(diagram, T, q, *, tied):
    """Sum products of q^(D - 1) over all times; the nodes of a block at one time if `tied`."""
    n = diagram.order
    parents = []
    for v, level in enumerate(diagram.levels):
        if v:
            parents.append(max(w for w in range(v) if diagram.levels[w] == level - 1))
    blocks = diagram.labels
    total = F(0)
    for times in product(range(T), repeat=n):
        at = (T, *times)
        if any(at[v + 1] >= at[parent] for v, parent in enumerate(parents)):
            continue
        same = [
            at[v] == at[w] for v in range(1, n + 1) for w in range(1, v) if blocks[v] == blocks[w]
        ]
        if tied and not all(same):
            continue
        term = F(1)
        for v, parent in enumerate(parents):
            term *= q[v] ** (at[parent] - at[v + 1] - 1)
        total += term
    return total


def closed(diagram, scheme, q, optimizer=None):
    count = closed_count(diagram, Training(scheme, optimizer or SGD()))
    h = [1 - sympy.Rational(x) for x in q]
    value = expression(count, "discrete", eigenvalues=h, roots=[(1 - x,) for x in h]).doit()
    assert value.is_Rational, value
    return F(int(value.p), int(value.q))


degenerate = st.sampled_from([F(0), F(1), F(1, 2), F(1, 2), F(1, 4), F(-1, 2), F(-1), F(3, 2)])


@pytest.mark.parametrize("order", [1, 2, 3])
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_one_pass_by_brute_force(order, data):
    """Including q = 0, coinciding nodes, and products of q that meet."""
    for diagram in enumerate_diagrams(order, one_pass=True, linkless=True):
        q = [data.draw(degenerate) for _ in range(order)]
        T = data.draw(st.integers(0, 5))
        assert closed(diagram, OnePass(T=T), q) == time_sum(diagram, T, q, tied=True)


@pytest.mark.parametrize("order", [1, 2, 3])
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_full_batch_by_brute_force(order, data):
    N = 3
    for diagram in enumerate_diagrams(order, linkless=True):
        q = [data.draw(degenerate) for _ in range(order)]
        T = data.draw(st.integers(0, 4))
        expected = time_sum(diagram, T, q, tied=False) * F(N) ** (len(diagram.blocks) - 1 - order)
        assert closed(diagram, FullBatch(N=N, E=T), q) == expected


@pytest.mark.parametrize("scheme", ["one-pass", "full-batch", "with-replacement"])
def test_closed_forms_equal_propagation(scheme):
    """The formula that is printed and the number that is evaluated."""
    sampling = {
        "one-pass": OnePass(T=9, B=2),
        "full-batch": FullBatch(N=3, E=6),
        "with-replacement": WithReplacement(N=3, B=2, T=6),
    }[scheme]
    q = [F(1, 2), F(2, 3), F(2, 3), F(-1, 3)]
    for order in (1, 2, 3, 4):
        for diagram in enumerate_diagrams(order, linkless=True, **sampling.diagram_options):
            numbers = q[:order]
            ours = dressed_count(diagram, Training(sampling, SGD()), [1 - x for x in numbers])
            assert closed(diagram, sampling, numbers) == ours


def test_the_heavy_ball_in_closed_form():
    beta = F(1, 3)
    for sampling in (OnePass(T=7), FullBatch(N=2, E=5), WithReplacement(N=2, B=1, T=5)):
        for order in (1, 2, 3):
            for diagram in enumerate_diagrams(order, linkless=True, **sampling.diagram_options):
                # Rational roots: r + s = 1 + beta - h and r s = beta.
                roots = [(F(2, 3), F(1, 2)), (F(1), F(1, 3)), (F(-1, 2), F(-2, 3))][:order]
                h = [1 + beta - r - s for r, s in roots]
                assert all(r * s == beta for r, s in roots)
                count = closed_count(diagram, Training(sampling, Momentum(beta=beta)))
                value = expression(
                    count,
                    "discrete",
                    eigenvalues=[sympy.Rational(x) for x in h],
                    roots=[tuple(map(sympy.Rational, pair)) for pair in roots],
                ).doit()
                ours = dressed_count(diagram, Training(sampling, Momentum(beta=beta)), h)
                assert F(int(value.p), int(value.q)) == ours


# Forms --------------------------------------------------------------------------------------------

RATES = [sympy.Rational(1, 2), sympy.Rational(2, 3), sympy.Rational(3, 2), sympy.Rational(1, 5)]


def form_value(count, form, h, beta=0):
    roots = [(1 - x,) for x in h]
    if beta:
        # roots of x^2 - (1 + beta - h) x + beta
        roots = []
        for x in h:
            t = 1 + beta - x
            d = sympy.sqrt(t * t - 4 * beta)
            roots.append(((t + d) / 2, (t - d) / 2))
    value = expression(count, form, eigenvalues=h, roots=roots)
    return complex(sympy.N(value.doit(), 60))


@pytest.mark.parametrize("beta", [0, sympy.Rational(1, 2)])
@pytest.mark.parametrize("make", [OnePass, lambda T: FullBatch(N=2, E=T)])
def test_the_continuous_form_is_the_limit_of_small_eta(make, beta):
    """h = eps c and T = tau/eps: the ratio tends to 1, with an error that falls like eps."""
    optimizer = Momentum(beta=beta) if beta else SGD()
    for order in (1, 2) if beta else (1, 2, 3):
        options = make(1).diagram_options
        for diagram in enumerate_diagrams(order, linkless=True, **options):
            errors = []
            for steps in (400, 800):
                count = closed_count(diagram, Training(make(steps), optimizer))
                h = [c / steps for c in RATES[:order]]
                exact = form_value(count, "discrete", h, beta)
                errors.append(abs(form_value(count, "continuous", h, beta) / exact - 1))
            assert errors[1] < 0.05, (diagram, errors)
            assert errors[1] < 0.7 * errors[0] or errors[0] < 1e-12


@pytest.mark.parametrize("beta", [0, sympy.Rational(1, 4)])
@pytest.mark.parametrize(
    "make", [OnePass, lambda T: FullBatch(N=2, E=T), lambda T: WithReplacement(N=2, B=1, T=T)]
)
def test_the_stationary_form_is_the_limit_of_long_times(make, beta):
    optimizer = Momentum(beta=beta) if beta else SGD()
    for order in (1, 2) if beta else (1, 2, 3):
        for diagram in enumerate_diagrams(order, linkless=True, **make(1).diagram_options):
            count = closed_count(diagram, Training(make(800), optimizer))
            h = RATES[:order]
            exact = form_value(count, "discrete", h, beta)
            assert abs(form_value(count, "stationary", h, beta) / exact - 1) < 1e-12


def test_in_continuous_time_without_curvature_the_counts_are_those_of_the_sde():
    zero = [sympy.S.Zero] * 4
    for order in (1, 2, 3, 4):
        for diagram in enumerate_diagrams(order, linkless=True, one_pass=True):
            values = [
                expression(
                    closed_count(diagram, Training(scheme, SGD())),
                    "continuous",
                    eigenvalues=zero,
                    roots=[(sympy.S.One,)] * 4,
                ).doit()
                for scheme in (SDE(), OnePass())
            ]
            count = SDE().count(diagram, basis="cumulant")
            assert values[0] == count
            if max(map(len, diagram.blocks)) <= 2:
                assert values[1] == count
            else:
                assert count == 0


def test_the_small_eta_form_is_the_limit_of_the_stationary_one():
    for order in (1, 2, 3):
        for diagram in enumerate_diagrams(order, linkless=True, one_pass=True):
            count = closed_count(diagram, Training(OnePass(), SGD()))
            for eps, bound in ((F(1, 1000), 2e-2), (F(1, 10**6), 2e-5)):
                h = [c * sympy.Rational(eps) for c in RATES[:order]]
                ratio = form_value(count, "small-eta", h) / form_value(count, "stationary", h)
                assert abs(ratio - 1) < bound


def test_flat_directions_grow():
    """The stationary form along a flat direction is the leading power of T."""
    displacement = expand("displacement", order=3, sampling="one-pass", resummed=True)
    [term] = displacement.at_minimum().stationary(flat=("a",)).terms
    [exact] = displacement.at_minimum().terms
    h = {"h_b": sympy.Rational(1, 2), "h_c": sympy.Rational(1, 3)}
    T = sympy.Integer(4000)
    value = exact.weight.subs({**h, "h_a": 0, "T": T}).doit()
    assert abs(sympy.N(term.weight.subs({**h, "T": T}) / value) - 1) < 1e-3
    assert sympy.degree(term.weight, symbols.T) == 1
    second = expand("second-moment", order=2, sampling="one-pass", resummed=True)
    found = {str(t.contraction): t.weight for t in second.stationary(flat=("a", "b")).terms}
    assert found == {"G_a G_b": symbols.T**2, "C_ab": symbols.T}
    again = expand("second-moment", order=2, sampling="with-replacement", resummed=True)
    found = {str(t.contraction): t.weight for t in again.stationary(flat=("a", "b")).terms}
    assert found["C_ab"] == symbols.T**2 / symbols.N


def test_conditions_name_the_smallest_groups():
    drift = expand("displacement", order=3, sampling="one-pass", resummed=True).at_minimum()
    [term] = drift.terms
    assert drift.conditions(term) == (("a",), ("b", "c"))
    assert drift.stationary(flat=("a",)).conditions(term) == (("b", "c"),)


def test_only_the_gradient_of_the_loss_vanishes_at_a_minimum():
    other = expand("function:energy", order=3, sampling="one-pass", resummed=True).at_minimum()
    found = [str(t.contraction) for t in other.terms]
    assert found == ["energy", "C_ab energy_ab", "C_ab J_abc energy_c", "S_abc energy_abc"]


# The algebra --------------------------------------------------------------------------------------


def test_gap_is_a_difference():
    gap = expand("generalisation-gap", order=3, sampling="full-batch", resummed=True)
    test = expand("test-loss", order=3, sampling="full-batch", resummed=True)
    training = expand("training-loss", order=3, sampling="full-batch", resummed=True)
    assert [(t.contraction, t.weight) for t in (test - training).terms] == [
        (t.contraction, t.weight) for t in gap.terms
    ]
    assert (gap - gap).terms == ()
    assert (gap - gap).parts == ()
    assert (2 * gap - gap).terms == gap.terms
    assert (-gap).expanded().terms == (-gap.expanded()).terms


def test_differences_of_protocols():
    """GD and SGD of the same number of updates differ at eta^2 and on."""
    sgd = expand("test-loss", order=3, sampling=OnePass(), resummed=True)
    gd = expand("test-loss", order=3, sampling=FullBatch(), resummed=True).at(N=5, E=5)
    difference = sgd.at(T=5) - gd
    one, other = sgd.at(T=5).expanded(), gd.expanded()
    assert difference.expanded().terms == (one - other).terms


def test_symmetric_indices_are_named_once():
    """A contraction occurs in one term, and the ways to draw it that are alike are one piece."""
    for observable in OBSERVABLES:
        expansion = expand(observable, order=3, sampling="full-batch", resummed=True)
        contractions = [t.contraction for t in expansion.pieces]
        assert len(set(contractions)) == len(contractions)
        for term in expansion.pieces:
            assert len({p.skeletons for p in term.pieces}) == len(term.pieces)
    # Products of means commute, and so do the skeletons of a piece.
    variance = expand("variance", order=2, sampling="one-pass", resummed=True)
    found = {str(t.contraction): len(t.pieces) for t in variance.pieces}
    assert found == {"G_a G_a G_b G_b": 2, "C_ab G_a G_b": 1}
    assert [str(t.contraction) for t in variance.terms] == ["C_ab G_a G_b"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            lambda: expand(
                "test-loss", order=2, sampling="one-pass", basis="moment", resummed=True
            ),
            "expected basis='cumulant'",
        ),
        (
            lambda: expand("displacement:since=2", through=1, sampling=OnePass(T=3), resummed=True),
            "at the end of training for complete powers",
        ),
        (
            lambda: expand("test-loss", order=2, sampling="one-pass", resummed=True).sympy(3),
            "expected an order 0..2",
        ),
        (
            lambda: (
                expand("test-loss", order=2, sampling="epochs", resummed=True).continuous().terms
            ),
            "closed form",
        ),
        (
            lambda: expand("test-loss", order=2, sampling="sde", resummed=True).with_form(
                "discrete"
            ),
            "expected form='continuous'",
        ),
        (
            lambda: expand(
                "test-loss", order=2, sampling="sde", optimizer="momentum", resummed=True
            ),
            "expected order=1 and plain SGD",
        ),
        (
            lambda: expand("test-loss", order=2, sampling="one-pass", resummed=True).with_form("x"),
            "expected form",
        ),
        (
            lambda: expand("test-loss", order=2, sampling="one-pass", resummed=True).stationary(
                flat=("a",)
            ),
            "flat directions among the free indices",
        ),
        (
            lambda: (
                expand("test-loss", order=2, sampling="one-pass", resummed=True)
                .continuous()
                .expanded()
            ),
            "expected the exact form",
        ),
        (
            lambda: expand("test-loss", order=2, sampling="one-pass", resummed=True).at(X=1),
            "expected numbers for T",
        ),
        (
            lambda: (
                expand("test-loss", order=2, sampling="sde", resummed=True)
                + expand("test-loss", order=2, sampling="one-pass", resummed=True)
            ),
            "expansions of one form",
        ),
        (
            lambda: expand("displacement", order=3, sampling="one-pass", resummed=True).on_tensors(
                curvatures=(1,), tensors={"G": [0]}, free=(0,)
            ),
            "expected the tensor",
        ),
        (
            lambda: expand("displacement", order=1, sampling="one-pass", resummed=True).on_tensors(
                curvatures=(1,), tensors={"G": [0]}
            ),
            "free indices",
        ),
    ],
)
def test_bad_requests(request_, message):
    with pytest.raises((RequestError, SamplingError), match=message) as caught:
        request_()
    assert "\n" not in str(caught.value)


def test_only_linkless_diagrams_are_used():
    for term in expand("training-loss", order=4, sampling="full-batch", resummed=True).pieces:
        for piece in term.pieces:
            for s in piece.skeletons:
                assert s.diagram.is_linkless
                assert sorted(s.indices) == list(range(term.order))
    assert not Diagram.parse("(0-1-2)(01-12)").is_linkless


@pytest.mark.parametrize(
    "observable", ["test-loss", "generalisation-gap", "displacement", "covariance"]
)
def test_expanded_to_lower_orders(observable):
    resummed = expand(observable, order=3, sampling="one-pass", resummed=True)
    for order in range(4):
        plain = expand(observable, order=order, sampling="one-pass", basis="cumulant")
        assert resummed.expanded(order).terms == plain.terms
    for wrong in (4, -1, True, 1.0, "1"):
        for door in (resummed.expanded, resummed.sympy, plain.sympy):
            with pytest.raises(RequestError):
                door(wrong)
