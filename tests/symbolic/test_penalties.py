"""Losses with a penalty: against SGD itself, and against losses that have the penalty in them."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.noise_series import exact_noise
from sgdiagrams.numeric.exact.simulator import exact_training
from sgdiagrams.symbolic import (
    GAP,
    SDE,
    SGD,
    Epochs,
    Expansion,
    Expression,
    Function,
    GradientDescent,
    Grid,
    Momentum,
    OnePass,
    Penalty,
    Poisson,
    Subsets,
    TailAverage,
    Training,
    WithReplacement,
    expand,
    imitate,
)
from sgdiagrams.symbolic.training.schemes.epochs import FullBatch
from sgdiagrams.symbolic.vocabulary import UPDATE

F = Fraction
RIDGE = {(1, 1): F(2, 3), (0, 2): -1, (3, 0): F(1, 5), (2, 2): F(1, 2), (1, 0): F(1)}
START = (F(1, 3), F(-1))
LANDSCAPE = PolynomialLandscape(
    PolynomialLandscape.random(5, p=2, degree=3, atoms=2).losses, start=START
)
R = Penalty("R", "1/3")
#: Of the population's derivatives, with powers of eta that shift the order.
DERIVED = Penalty(Expression.parse("1/3 C_aa + eta/2 G_a R_a"), 2)
OBSERVABLES = ("test-loss", "training-loss", "displacement", "covariance", "variance")


def statistics(order=5):
    ridge = PolynomialLandscape([RIDGE], start=START).statistics(order)
    return replace(
        LANDSCAPE.statistics(order),
        functions={"R": {k: array[0] for k, array in ridge.samples.items()}},
        start=np.array(START, dtype=object),
    )


def penalised():
    """Return the landscape whose losses have the penalty in them."""
    losses = []
    for loss in LANDSCAPE.losses:
        total = dict(loss)
        for exponents, c in RIDGE.items():
            total[exponents] = total.get(exponents, 0) + F(1, 3) * c
        losses.append(total)
    return PolynomialLandscape(losses, start=START)


def same(one, other):
    return all(np.all(np.asarray(a) == np.asarray(b)) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("scheme", "optimizer"),
    [
        (OnePass(T=3, B=1), SGD(penalty=R)),
        (OnePass(T=2, B=2), Momentum(beta="1/2", penalty=R, weight_decay="1/5")),
        (Epochs(N=2, B=1, E=2), SGD(penalty=R, average=TailAverage(2))),
        (Epochs(N=2, B=1, E=2, shuffle="every-epoch"), Momentum(beta="1/3", penalty=R)),
        (WithReplacement(N=2, B=1, T=2), SGD(penalty=R, schedule=[1, F(1, 2)])),
    ],
)
def test_polynomial_penalties_agree_with_sgd_itself(scheme, optimizer):
    known = statistics(4)
    for observable in OBSERVABLES:
        basis = "cumulant" if observable in ("displacement", "test-loss") else "moment"
        order = 2 if observable == "variance" else 3
        options = {"order": order, "sampling": scheme, "optimizer": optimizer}
        expansion = expand(observable, basis=basis, **options)
        assert UPDATE not in {label for t in expansion.terms for label in t.contraction.labels}
        judge = exact_training(
            LANDSCAPE, Training(scheme, optimizer), order=order, observable=observable,
            functions={"R": RIDGE},
        )  # fmt: skip
        assert same(known.evaluate(expansion, eta=1).orders, judge), observable


def test_order_four():
    known, optimizer = statistics(5), Momentum(beta="1/2", penalty=R)
    for scheme in (OnePass(T=2), Epochs(N=2, B=1, E=2)):
        expansion = expand(
            "test-loss", order=4, sampling=scheme, optimizer=optimizer, basis="cumulant"
        )
        judge = exact_training(
            LANDSCAPE, Training(scheme, optimizer), order=4, functions={"R": RIDGE}
        )
        assert same(known.evaluate(expansion, eta=1).orders, judge)


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_derived_penalties_shift_the_order(basis):
    known = statistics(5)
    for scheme, optimizer, observable in (
        (Epochs(N=2, B=1, E=2), SGD(penalty=DERIVED), "training-loss"),
        (OnePass(T=3), Momentum(beta="1/2", penalty=DERIVED, weight_decay="1/7"), "displacement"),
    ):
        order = 2 if basis == "moment" else 3
        options = {"order": order, "sampling": scheme, "optimizer": optimizer, "basis": basis}
        expansion = expand(observable, **options)
        assert any(term.shift for term in expansion.terms)
        judge = exact_training(
            LANDSCAPE, Training(scheme, optimizer), order=order, observable=observable,
            functions={"R": RIDGE},
        )  # fmt: skip
        assert same(known.evaluate(expansion, eta=1).orders, judge)
        # Powers of the rate beyond the edges.
        halved = known.evaluate(expansion, eta=F(1, 2)).orders
        assert same(halved, [c / F(2) ** k for k, c in enumerate(judge)])
        with pytest.raises(RequestError, match="expected a number for eta"):
            known.evaluate(expansion, eta=[1, 2])


@pytest.mark.parametrize("weight_decay", [0, F(1, 5)])
def test_the_judge_knows_penalties_by_the_losses_alone(weight_decay):
    optimizer = Momentum(beta="1/2", weight_decay=weight_decay, penalty=R)
    scheme = Epochs(N=2, B=1, E=2)
    plain = replace(optimizer, penalty=None)
    for observable in ("displacement", "second-moment"):
        with_penalty = exact_training(
            LANDSCAPE, Training(scheme, optimizer), order=4, observable=observable,
            eta=[F(1, 2), F(3)], functions={"R": RIDGE},
        )  # fmt: skip
        inside = exact_training(
            penalised(),
            Training(scheme, plain),
            order=4,
            observable=observable,
            eta=[F(1, 2), F(3)],
        )
        assert same(with_penalty, inside)
    noisy = [
        exact_noise(land, Training(OnePass(T=2), method), pushes=2, eta=F(1, 3),
                    observable="displacement", functions=functions)
        for land, method, functions in (
            (LANDSCAPE, optimizer, {"R": RIDGE}), (penalised(), plain, None))
    ]  # fmt: skip
    assert same(*noisy)


def test_the_rate_is_a_number_in_the_noise():
    # A penalty eta/2 R at eta = 1/3 is R/6.
    shifted = SGD(penalty=Penalty(Expression.parse("eta/2 R"), 1))
    fixed = SGD(penalty=Penalty("R", "1/6"))
    series = [
        exact_noise(LANDSCAPE, Training(OnePass(T=2), method), pushes=2, eta=F(1, 3),
                    functions={"R": RIDGE})
        for method in (shifted, fixed)
    ]  # fmt: skip
    assert series[0] == series[1]
    with pytest.raises(RequestError, match="a number for eta"):
        exact_noise(LANDSCAPE, Training(OnePass(T=2), shifted), pushes=1, eta=[1, 1],
                    functions={"R": RIDGE})  # fmt: skip


def test_gradient_descent_with_the_penalty_has_the_loss_of_sgd():
    by = Expression.parse("eta (N - 1)/(4 N) C_aa")
    descent = expand(
        "test-loss", order=2, sampling="full-batch", optimizer=SGD(penalty=Penalty(by, 1)),
        basis="cumulant",
    ).subs({"E": "N"})  # fmt: skip
    sgd = expand("test-loss", order=2, sampling="one-pass", basis="cumulant").subs({"T": "N"})
    assert descent.terms == sgd.terms
    found = imitate(Training(OnePass()), Training(FullBatch()), order=2)
    assert found.penalty == by


def test_an_imitation_leaves_its_obstruction():
    found = imitate(Training(OnePass()), Training(FullBatch()), order=2)
    descent = expand(
        Function("s"), order=2, sampling="full-batch", basis="cumulant",
        optimizer=SGD(penalty=Penalty(found.penalty, 1)),
    ).subs({"E": "N"})  # fmt: skip
    sgd = expand(Function("s"), order=2, sampling="one-pass", basis="cumulant").subs({"T": "N"})
    assert (sgd - descent).expression(2) == found.obstruction(2)


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(penalty="R"),
        Momentum(beta="1/2", penalty=R, weight_decay="1/5"),
        SGD(penalty=R, average=TailAverage()),
    ],
)
def test_resummed_expansions_have_the_penalty_in_their_links(optimizer):
    options = {"order": 3, "sampling": "one-pass", "optimizer": optimizer}
    resummed = expand("test-loss", resummed=True, **options)
    assert resummed.expanded().terms == expand("test-loss", basis="cumulant", **options).terms


def test_resummed_numbers_are_those_of_losses_with_the_penalty():
    method = Momentum(beta="1/2", penalty=R)
    for sampling in ("one-pass", "full-batch"):
        options = {"order": 3, "sampling": sampling, "resummed": True}
        numbers = {"T": 7} if sampling == "one-pass" else {"N": 3, "E": 7}
        with_penalty = expand("displacement", optimizer=method, **options)
        inside = expand("displacement", optimizer=Momentum(beta="1/2"), **options)
        got = statistics().evaluate(with_penalty, eta=F(1, 20), **numbers).orders
        want = penalised().statistics(5).evaluate(inside, eta=F(1, 20), **numbers).orders
        np.testing.assert_allclose(np.array(got), np.array(want), rtol=1e-9)
    with pytest.raises(RequestError, match="function of the weights as a penalty"):
        expand(
            "test-loss", order=1, sampling="one-pass", resummed=True, optimizer=SGD(penalty=DERIVED)
        )


def test_limits_in_continuous_time():
    options = {"order": 3, "sampling": SDE(T=2)}
    with_penalty = expand("displacement", optimizer=SGD(penalty=R), **options)
    inside = expand("displacement", **options)
    got = statistics().evaluate(with_penalty, eta=1).orders
    assert same(got, penalised().statistics(5).evaluate(inside, eta=1).orders)


def test_given_training_sets():
    known = replace(statistics(), role="training-set")
    inside = replace(penalised().statistics(5), role="training-set")
    for scheme in (Grid([[0], [1], [0, 1]]), Epochs(N=2, B=1, E=2, shuffle="every-epoch")):
        options = {"order": 3, "sampling": scheme}
        method = Momentum(beta="1/2", penalty=R)
        got = known.evaluate(expand("displacement", optimizer=method, **options), eta=1).orders
        plain = expand("displacement", optimizer=Momentum(beta="1/2"), **options)
        assert same(got, inside.evaluate(plain, eta=1).orders)
        derived = expand(
            "displacement", optimizer=SGD(penalty=Penalty("expression:C_aa")), **options
        )
        with pytest.raises(RequestError, match="population"):
            known.evaluate(derived, eta=1, lamda=1)


def test_errors_of_samples_are_those_of_losses_with_the_penalty():
    sample = replace(statistics(), role="sample").__class__.from_samples(
        {k: np.array(a, dtype=float)[[0, 1, 1, 0, 1]] for k, a in statistics().samples.items()},
        functions={
            "R": {k: np.array(a, dtype=float) for k, a in statistics().functions["R"].items()}
        },
    )
    whole = sample.from_samples(
        {k: a + np.array(sample.functions["R"][k]) / 3 for k, a in sample.samples.items()}
    )
    options = {"order": 2, "sampling": OnePass(T=4)}
    got = expand("displacement", optimizer=SGD(penalty=R), **options).evaluate(sample, eta=0.1)
    want = expand("displacement", **options).evaluate(whole, eta=0.1)
    np.testing.assert_allclose(got.value, want.value, rtol=1e-12)
    np.testing.assert_allclose(got.standard_error, want.standard_error, rtol=1e-9)


def test_strengths_are_symbols_or_numbers():
    expansion = expand("test-loss", order=2, sampling="one-pass", optimizer=SGD(penalty="R"))
    assert expansion.symbols == ("T", "lamda")
    known = statistics()
    number = expand("test-loss", order=2, sampling=OnePass(T=3), optimizer=SGD(penalty=R))
    third = expansion.subs({"lamda": F(1, 3)})
    for got in (
        known.evaluate(expansion, eta=1, T=3, lamda=F(1, 3)).orders,
        known.evaluate(third, eta=1, T=3).orders,
    ):
        assert same(got, known.evaluate(number, eta=1).orders)
    none = expansion.subs({"lamda": 0})
    assert none.terms == expand("test-loss", order=2, sampling="one-pass").terms
    assert Training(OnePass(), SGD(penalty="R")).at(T=2, lamda=1).symbols == ()


def test_files_and_source_keep_penalties():
    for penalty in (R, Penalty("R"), DERIVED):
        expansion = expand(
            "test-loss", order=2, sampling=OnePass(T=3), optimizer=SGD(penalty=penalty)
        )
        again = Expansion.from_json(expansion.to_json())
        assert again == expansion
        assert again.parts[0].optimizer.penalty == penalty
        space = {}
        exec(expansion.python(), space)
        known = statistics(3)
        derivatives = {k: a.astype(float) for k, a in known.samples.items()}
        functions = {"R": {k: np.asarray(a, dtype=float) for k, a in known.functions["R"].items()}}
        numbers = {"lamda": 2} if penalty.symbols else {}
        orders = space["orders"](
            space["tensors"](derivatives, functions=functions), eta=0.1, **numbers
        )
        want = known.evaluate(expansion, eta=F(1, 10), **numbers).orders
        np.testing.assert_allclose(orders, [float(x) for x in want], rtol=1e-12)
        assert "R_{" in expansion.latex() or "text{R}" in expansion.latex()
        assert "<math" in expansion.mathml()


@pytest.mark.parametrize(
    "wrong",
    ["loss", "G", "two words", 3, GAP, Expression.of("G_a"), "expression:V_a|a"],
)
def test_what_is_no_penalty_is_refused(wrong):
    with pytest.raises(RequestError) as refused:
        Penalty(wrong)
    assert "\n" not in str(refused.value)


def test_other_refusals():
    with pytest.raises(SamplingError, match="strength"):
        Penalty("R", -1)
    with pytest.raises(RequestError, match="along the path"):
        expand("test-loss", noise=1, sampling="one-pass", optimizer=SGD(penalty=R), along_path=True)
    with pytest.raises(RequestError, match="complete powers"):
        expand("test-loss", through=1, sampling="one-pass", resummed=True, optimizer=SGD(penalty=R))
    with pytest.raises(RequestError, match="without weight decay or penalty"):
        imitate(Training(OnePass(), SGD(penalty=R)), Training(FullBatch()), order=2)
    with pytest.raises(RequestError, match=r"polynomials of the functions .* penalty"):
        exact_training(LANDSCAPE, Training(OnePass(T=1), SGD(penalty=R)), order=1)


@pytest.mark.parametrize(
    ("observable", "optimizer"),
    [
        ("expression:C_aa", SGD()),
        ("test-loss", SGD(penalty=Penalty("expression:C_aa", "1/3"))),
        ("displacement", Momentum(beta="1/2", penalty=DERIVED)),
    ],
)
def test_gradient_descent_knows_the_noise_that_it_does_not_follow(observable, optimizer):
    scheme = GradientDescent(T=3)
    expansion = expand(observable, order=2, sampling=scheme, optimizer=optimizer)
    functions = {"functions": {"R": RIDGE}} if optimizer.penalty == DERIVED else {}
    judge = exact_training(
        LANDSCAPE, Training(scheme, optimizer), order=2, observable=observable, **functions
    )
    assert same(statistics().evaluate(expansion, eta=1).orders, judge)


def test_a_penalty_is_no_part_of_sums():
    # It is added once an update, whatever the rows of a batch weigh.
    for scheme in (Poisson(N=2, q="1/2", T=2), Epochs(N=2, B=2, E=2, reduction="sum")):
        for method in (SGD(weight_decay="1/2"), SGD(penalty=R), Momentum(decoupled_decay=1)):
            with pytest.raises(RequestError, match="added once an update"):
                expand("second-moment", order=2, sampling=scheme, optimizer=method)
    subsets = Subsets(N=2, B=1, T=2)
    expansion = expand("second-moment", order=2, sampling=subsets, optimizer=SGD(penalty=R))
    judge = exact_training(
        LANDSCAPE, Training(subsets, SGD(penalty=R)), order=2, observable="second-moment",
        functions={"R": RIDGE},
    )  # fmt: skip
    assert same(statistics().evaluate(expansion, eta=1).orders, judge)
