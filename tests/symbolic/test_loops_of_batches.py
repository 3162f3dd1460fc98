"""Batches as loops have them: smaller last ones, drawn anew, weighted; against SGD itself, as fractions.

The simulator is asked through the courses of the schemes, and by schedules that are spelled out here by
the definition of each scheme, with nothing of the package but the type of a batch with shares.
"""

from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import combinations, permutations, product

import numpy as np
import pytest
import sympy
from exact_protocols import fixed_landscape, plain, with_start
from hypothesis import given, settings
from hypothesis import strategies as st

from sgdiagrams.diagrams import RequestError, SamplingError, SgdiagramsError, enumerate_diagrams
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import exact_sgd_average, exact_training
from sgdiagrams.symbolic import (
    SGD,
    Batch,
    Cosine,
    Epochs,
    Expansion,
    ExponentialAverage,
    FullBatch,
    Grid,
    Momentum,
    Nesterov,
    OnePass,
    Poisson,
    Subsets,
    Training,
    WithReplacement,
    expand,
)
from sgdiagrams.symbolic.counting.numbers import NumberCounter
from sgdiagrams.symbolic.counting.steps import StepCounter
from sgdiagrams.symbolic.training.names import named_optimizer, named_sampling

F = Fraction
OBSERVABLES = (
    "test-loss",
    "training-loss",
    "generalisation-gap",
    "displacement",
    "second-moment",
    "variance",
)
WEIGHTED = Grid([[0, 1, 0], [2, 1]], weights=[[1, F(1, 2), -1], [2, 3]], reduction="sum")
SCHEMES = {
    "epochs": Epochs(N=3, B=2, E=2),
    "reshuffled": Epochs(N=3, B=2, E=2, shuffle="every-epoch"),
    "dropped": Epochs(N=3, B=2, E=2, drop_last=True),
    "dropped at random": Epochs(N=3, B=2, E=2, shuffle="every-epoch", drop_last=True),
    "subsets": Subsets(N=3, B=2, T=2),
    "poisson": Poisson(N=3, q=F(2, 3), T=2),
    "padded": Grid([[0, 1], [2, 0], [1, 1]]),
    "weighted": WEIGHTED,
    "reshuffled sums": Epochs(N=3, B=2, E=2, shuffle="every-epoch", reduction="sum"),
    "subsets summed": Subsets(N=3, B=2, T=2, reduction="sum"),
    "fresh sums": OnePass(T=2, B=2, reduction="sum"),
    "drawn sums": WithReplacement(N=2, B=2, T=2, reduction="sum"),
}
OPTIMIZERS = {
    "sgd": SGD(),
    "momentum": Momentum(beta=F(2, 3)),
    "nesterov decay ema": Nesterov(
        beta=F(1, 2), weight_decay=F(1, 5), average=ExponentialAverage(F(1, 2))
    ),
    "cosine": SGD(schedule=Cosine(floor=F(1, 4))),
}


def means(rows):
    return Batch(tuple(rows), (F(1, len(rows)),) * len(rows))


def spelled_out(scheme):
    """Return all that may happen with probabilities, by the definition of a scheme."""
    N = int(scheme.datapoints)
    if isinstance(scheme, Poisson):
        q, T = F(str(scheme.q)), scheme.T
        sets = [rows for k in range(N + 1) for rows in combinations(range(N), k)]
        for chosen in product(sets, repeat=T):
            chance = F(1)
            for rows in chosen:
                chance *= q ** len(rows) * (1 - q) ** (N - len(rows))
            yield chance, tuple(Batch(rows, (1 / (q * N),) * len(rows)) for rows in chosen)
    elif isinstance(scheme, Subsets):
        sets = [*combinations(range(N), scheme.B)]
        for chosen in product(sets, repeat=scheme.T):
            yield F(1, len(sets) ** scheme.T), tuple(map(means, chosen))
    else:
        orders = [*permutations(range(N))] if scheme.shuffle else [tuple(range(N))]
        for chosen in product(orders, repeat=scheme.E):
            batches = []
            for order in chosen:
                parts = [order[i : i + scheme.B] for i in range(0, N, scheme.B)]
                batches += [x for x in parts if len(x) == scheme.B or not scheme.drop_last]
            yield F(1, len(orders) ** scheme.E), tuple(map(means, batches))


@cache
def spelled(scheme):
    return tuple(spelled_out(scheme))


def orders_of(scheme, optimizer, observable, order, basis):
    expansion = expand(observable, order=order, sampling=scheme, optimizer=optimizer, basis=basis)
    return plain(expansion.evaluate(with_start(fixed_landscape(1), order), eta=F(1)).orders)


@pytest.mark.parametrize(("basis", "method"), [("moment", "momentum"), ("cumulant", "sgd")])
@pytest.mark.parametrize("name", SCHEMES)
def test_coefficients_are_those_of_sgd(name, basis, method):
    training = Training(SCHEMES[name], OPTIMIZERS[method])
    for observable in OBSERVABLES:
        exact = exact_training(fixed_landscape(1), training, order=3, observable=observable)
        ours = orders_of(training.sampling, training.optimizer, observable, 3, basis)
        assert ours == plain(exact)


@pytest.mark.parametrize("name", list(SCHEMES)[:6])
def test_what_the_scheme_draws_is_what_its_definition_says(name):
    scheme, ground = SCHEMES[name], fixed_landscape(1)
    for observable in ("training-loss", "second-moment"):
        options = {"order": 4, "observable": observable, "rows": 3}
        ours = exact_training(ground, Training(scheme), order=4, observable=observable)
        known = exact_sgd_average(ground, spelled(scheme), **options)
        assert plain(ours) == plain(known)
        assert orders_of(scheme, SGD(), observable, 4, "moment") == plain(known)


@pytest.mark.parametrize("kind", ["nesterov decay ema", "cosine"])
@pytest.mark.parametrize("name", ["reshuffled", "dropped", "subsets", "poisson", "weighted"])
def test_with_schedules_averages_and_decay(name, kind):
    optimizer = OPTIMIZERS[kind]
    if name in ("poisson", "weighted") and optimizer.weight_decay:
        # Decay is added once an update, whatever the batch weighs: away from 0 it is no part of it.
        with pytest.raises(RequestError, match="added once an update"):
            expand("test-loss", order=2, sampling=SCHEMES[name], optimizer=optimizer)
        optimizer = replace(optimizer, weight_decay=0)
    training = Training(SCHEMES[name], optimizer)
    exact = exact_training(fixed_landscape(1), training, order=2, observable="test-loss")
    ours = orders_of(training.sampling, training.optimizer, "test-loss", 2, "moment")
    assert ours == plain(exact)


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_any_numbers(data):
    N = data.draw(st.integers(1, 4), "N")
    B = data.draw(st.integers(1, N), "B")
    kind = data.draw(st.sampled_from(["epochs", "subsets", "poisson"]))
    if kind == "epochs":
        scheme = Epochs(
            N=N,
            B=B,
            E=data.draw(st.integers(0, 2), "E"),
            shuffle=data.draw(st.sampled_from([None, "every-epoch"])),
            drop_last=data.draw(st.booleans()),
        )
    elif kind == "subsets":
        scheme = Subsets(N=N, B=B, T=data.draw(st.integers(1, 2), "T"))
    else:
        q = data.draw(st.fractions(F(1, 5), 1, max_denominator=5), "q")
        scheme = Poisson(N=min(N, 3), q=q, T=2)
    if len(spelled(scheme)) > 600:
        return
    ground = PolynomialLandscape.random(data.draw(st.integers(0, 9)), p=1, degree=3, atoms=2)
    optimizer = data.draw(st.sampled_from([SGD(), Momentum(beta=F(1, 3))]))
    observable = data.draw(st.sampled_from(OBSERVABLES))
    known = exact_sgd_average(
        ground,
        spelled(scheme),
        order=2,
        observable=observable,
        optimizer=optimizer,
        rows=int(scheme.datapoints),
    )
    expansion = expand(observable, order=2, sampling=scheme, optimizer=optimizer)
    ours = expansion.evaluate(ground.statistics(2), eta=F(1)).orders
    assert plain(ours) == plain(known)


@settings(max_examples=8, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 2), st.fractions(-2, 2, max_denominator=3)),
            min_size=1,
            max_size=3,
        ),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(["mean", "sum"]),
    st.sampled_from([SGD(), Momentum(beta=F(1, 3))]),
)
def test_any_weights(cells, reduction, optimizer):
    rows = [[row for row, _ in batch] for batch in cells]
    weights = [[weight for _, weight in batch] for batch in cells]
    scheme = Grid(rows, N=3, weights=weights, reduction=reduction)
    schedule = []
    for batch in cells:
        shares = dict.fromkeys((row for row, _ in batch), F(0))
        for row, weight in batch:
            shares[row] += weight / (len(batch) if reduction == "mean" else 1)
        schedule.append(Batch(tuple(shares), tuple(shares.values())))
    ground = fixed_landscape(1)
    for observable in ("generalisation-gap", "displacement"):
        known = exact_sgd_average(
            ground, [schedule], order=3, observable=observable, optimizer=optimizer, rows=3
        )
        assert orders_of(scheme, optimizer, observable, 3, "cumulant") == plain(known)


# Closed forms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
@pytest.mark.parametrize(
    ("scheme", "numbers"),
    [(Subsets(), {"N": 4, "B": 2, "T": 3}), (Poisson(), {"N": 3, "q": F(2, 3), "T": 3})],
    ids=["subsets", "poisson"],
)
def test_formulas_are_what_is_counted_by_number(scheme, numbers, basis):
    at = {k: sympy.Rational(str(v)) for k, v in numbers.items()} | {"beta": sympy.Rational(1, 2)}
    half = Momentum(beta=F(1, 2))
    pairs = [
        (scheme.plain_counter(basis), NumberCounter(Training(scheme.at(**numbers)), basis)),
        (
            StepCounter(Training(scheme, Momentum()), basis),
            NumberCounter(Training(scheme.at(**numbers), half), basis),
        ),
        (
            StepCounter(Training(scheme.at(**numbers), half), basis),
            NumberCounter(Training(scheme.at(**numbers), half), basis),
        ),
    ]
    for order in (1, 2, 3):
        for diagram in enumerate_diagrams(order, root="in-partition" if order < 3 else "isolated"):
            for formula, number in pairs:
                weight = formula.weight(formula.count(diagram, "training"), order)
                known = number.weight(number.count(diagram, "training"), order)
                assert sympy.nsimplify(weight.subs(at)) == known


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("shuffle", [None, "once", "every-epoch"])
def test_uneven_epochs_are_polynomials_in_their_number(shuffle, drop_last):
    scheme = Epochs(N=5, B=2, shuffle=shuffle, drop_last=drop_last)
    formula = expand("generalisation-gap", order=3, sampling=scheme)
    for E in range(5):
        known = expand("generalisation-gap", order=3, sampling=scheme.at(E=E))
        weights = {term.contraction: term.weight for term in known.terms}
        for term in formula.terms:
            if term.order:
                assert term.weight.subs("E", E) == weights.get(term.contraction, 0)


def test_counts_of_uneven_epochs_do_not_know_shares():
    for shuffle in (None, "every-epoch"):
        scheme = Epochs(N=3, B=2, shuffle=shuffle)
        for diagram in enumerate_diagrams(2):
            count = scheme.count(diagram)
            for E in range(4):
                assert count.subs("E", E) == scheme.count(diagram, E=E)
    single = next(enumerate_diagrams(1))
    assert Epochs(N=3, B=2).count(single) == 3 * sympy.Symbol("E")
    assert Epochs(N=3, B=2, drop_last=True).count(single) == 2 * sympy.Symbol("E")


def test_subsets_are_reshuffled_epochs_that_leave_one_batch():
    one = expand("test-loss", order=3, sampling=Subsets(N=3, B=2, T=2))
    other = Epochs(N=3, B=2, E=2, shuffle="every-epoch", drop_last=True)
    difference = one - expand("test-loss", order=3, sampling=other)
    assert all(term.weight == 0 for term in difference.terms)


def test_poisson_with_probability_one_is_full_batch():
    one = expand("training-loss", order=3, sampling=Poisson(N=3, q=1, T=2))
    difference = one - expand("training-loss", order=3, sampling=FullBatch(N=3, E=2))
    assert all(term.weight == 0 for term in difference.terms)


def test_a_sum_is_a_mean_with_a_larger_rate():
    for scheme in (OnePass(B=3), Epochs(N=6, B=3, shuffle="every-epoch"), Subsets(B=3)):
        summed = type(scheme)(
            **{name: getattr(scheme, name) for name in scheme.numbers},
            **scheme.options,
            reduction="sum",
        )
        of_sum = {
            t.contraction: t.weight for t in expand("test-loss", order=3, sampling=summed).terms
        }
        for term in expand("test-loss", order=3, sampling=scheme).terms:
            assert sympy.cancel(of_sum[term.contraction] - 3**term.order * term.weight) == 0


# Numbers --------------------------------------------------------------------------------------------


def test_formulas_with_symbols_are_for_batches_that_divide():
    scheme = Epochs(shuffle="every-epoch")
    assert scheme.at(N=5, B=2).updates == 3 * sympy.Symbol("E")
    formula = expand("test-loss", order=2, sampling=scheme)
    statistics = fixed_landscape(1).statistics(2)
    known = formula.evaluate(statistics, eta=F(1, 7), N=6, B=2, E=2)
    assert (
        known.value
        == expand("test-loss", order=2, sampling=scheme.at(N=6, B=2, E=2))
        .evaluate(statistics, eta=F(1, 7))
        .value
    )
    with pytest.raises(SamplingError, match=r"^expected B that divides N in a formula[^\n]*$"):
        formula.evaluate(statistics, eta=1, N=5, B=2, E=2)
    for numbers in ({"N": 5, "B": 2}, {"B": 2, "N": 5, "E": 1}):
        with pytest.raises(SamplingError, match=r"^expected B that divides N in a formula[^\n]*$"):
            formula.subs(numbers)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Epochs(N=2, B=3),
        lambda: Epochs(N=3, B=2, drop_last=1),
        lambda: Epochs(N=3, B=2, reduction="max"),
        lambda: Epochs().at(N=2, B=3),
        lambda: Subsets(N=2, B=3),
        lambda: Subsets(N=0),
        lambda: Subsets().at(N=2, B=3),
        lambda: Subsets(T=2.5),
        lambda: Subsets(reduction="total"),
        lambda: Poisson(q=0),
        lambda: Poisson(q=F(3, 2)),
        lambda: Poisson(q="much"),
        lambda: Poisson().at(q=-1),
        lambda: Poisson(N=0),
        lambda: OnePass(reduction=None),
        lambda: WithReplacement(reduction="mean "),
        lambda: Grid([[0, 1]], weights=[1, 1]),
        lambda: Grid([[0, 1]], weights=[[1]]),
        lambda: Grid([[0, 1]], weights=[[1, "x"]]),
        lambda: Grid([[0, 1]], weights="11"),
        lambda: Grid([[0, 1]], reduction="none"),
        lambda: Grid([[0], []]),
    ],
)
def test_impossible_schemes_are_refused(make):
    with pytest.raises((SamplingError, RequestError), match=r"^expected [^\n]*$"):
        make()


@pytest.mark.parametrize(
    "scheme",
    [Poisson(), WEIGHTED, OnePass(B=2, reduction="sum"), Subsets(reduction="sum")],
    ids=str,
)
def test_what_has_no_noiseless_run_is_refused_in_one_line(scheme):
    with pytest.raises(RequestError, match=r"^expected batches [^\n]*$"):
        expand("test-loss", order=1, sampling=scheme, resummed=True)
    with pytest.raises(RequestError, match=r"^expected batches [^\n]*$"):
        expand("test-loss", noise=1, sampling=scheme, along_path=True)


def test_a_row_twice_is_no_one_visit():
    for scheme in (Grid([[0, 0, 1]]), WEIGHTED):
        with pytest.raises(RequestError, match=r"^expected means over different rows [^\n]*$"):
            expand("test-loss", order=2, sampling=scheme, visits="fresh")


def test_files_keep_the_schemes():
    for scheme in (
        *SCHEMES.values(),
        Poisson(),
        Poisson(q=F(1, 3)),
        Epochs(N=5, B=2, drop_last=True),
    ):
        expansion = expand("training-loss", order=1, sampling=scheme)
        again = Expansion.from_json(expansion.to_json())
        assert again == expansion
        assert again.sampling == scheme


def test_files_of_grids_may_hold_weights(tmp_path):
    path = tmp_path / "grid.json"
    path.write_text('{"batches": [[0, 1]], "weights": [[0.5, "1/3"]], "reduction": "sum", "N": 3}')
    known = Grid([[0, 1]], N=3, weights=[[F(1, 2), F(1, 3)]], reduction="sum")
    assert named_sampling(f"grid:{path}") == known
    for text in (
        '{"rows": [[0]]}',
        '{"batches": [[0]], "weight": [[1]]}',
        '{"batches": [[0]], "weights": 1}',
    ):
        path.write_text(text)
        with pytest.raises(SgdiagramsError, match=r"^expected [^\n]*$"):
            named_sampling(f"grid:{path}")


def test_words_for_schemes():
    assert named_sampling("rr:drop_last=true") == Epochs(shuffle="every-epoch", drop_last=True)
    assert named_sampling("epochs:reduction=sum") == Epochs(reduction="sum")
    assert named_sampling("poisson:q=0.1") == Poisson(q=F(1, 10))
    assert named_sampling("subsets:reduction=sum") == Subsets(reduction="sum")


def test_numbers_of_poisson_are_checked_in_formulas():
    formula = expand("test-loss", order=2, sampling="poisson")
    statistics = fixed_landscape(1).statistics(2)
    for numbers in ({"q": 2}, {"q": 0}, {"q": -F(1, 2)}):
        with pytest.raises(SamplingError, match=r"^expected [^\n]*$"):
            formula.evaluate(statistics, eta=1, N=3, T=1, **numbers)
    fine = formula.evaluate(statistics, eta=F(1, 3), N=3, T=2, q=F(1, 2))
    by_number = expand("test-loss", order=2, sampling=Poisson(N=3, T=2, q=F(1, 2)))
    assert fine.value == by_number.evaluate(statistics, eta=F(1, 3)).value


def test_numbers_of_subsets_are_checked_in_formulas():
    formula = expand("test-loss", order=2, sampling="subsets")
    statistics = fixed_landscape(1).statistics(2)
    with pytest.raises(SamplingError, match=r"^expected [^\n]*$"):
        formula.evaluate(statistics, eta=1, N=2, B=3, T=1)


@pytest.mark.parametrize(
    ("name", "bad", "good"),
    [
        ("subsets", {"N": 2, "B": 3, "T": 1}, {"N": 4, "B": 3, "T": 2}),
        ("poisson", {"N": 2, "q": 1.5, "T": 1}, {"N": 2, "q": 0.5, "T": 2}),
        ("poisson", {"N": 2, "q": 0, "T": 1}, {"N": 2, "q": 1, "T": 2}),
        ("epochs", {"N": 3, "B": 2, "E": 1}, {"N": 4, "B": 2, "E": 2}),
    ],
)
def test_generated_source_checks_its_numbers(name, bad, good):
    formula = expand("test-loss", order=2, sampling=name)
    space: dict = {}
    exec(formula.python(), space)
    known = fixed_landscape(1).statistics(2)
    floats = {k: np.array(known.samples[k], dtype=float) for k in range(3)}
    tensors = space["tensors"](floats)
    with pytest.raises(ValueError, match=r"^expected [^\n]*$"):
        space["orders"](tensors, eta=0.1, **bad)
    ours = space["orders"](tensors, eta=0.1, **good)
    exact = {k: F(str(v)) for k, v in good.items()}
    plain_numbers = formula.evaluate(known, eta=F(1, 10), **exact).orders
    np.testing.assert_allclose(ours, np.array(plain_numbers, dtype=float), rtol=1e-12)


TIMED = {
    "subsets": Subsets(N=2, B=1, T=3),
    "subsets of three": Subsets(N=3, B=2, T=2),
    "poisson": Poisson(N=2, q="2/3", T=2),
    "sums of fresh data": OnePass(T=2, B=2, reduction="sum"),
    "sums with replacement": WithReplacement(N=2, B=2, T=2, reduction="sum"),
}


@pytest.mark.parametrize(
    "observable", ["second-moment:step", "covariance:lag=1", "displacement:lag=1"]
)
@pytest.mark.parametrize("optimizer", [SGD(), Nesterov(beta="1/3")], ids=lambda o: o.label)
@pytest.mark.parametrize("name", TIMED)
def test_several_times_know_the_share_of_a_row(name, optimizer, observable):
    order = 3 if observable != "covariance:lag=1" else 2
    ours = orders_of(TIMED[name], optimizer, observable, order, None)
    training = Training(TIMED[name], optimizer)
    exact = exact_training(fixed_landscape(1), training, order=order, observable=observable)
    assert ours == plain(exact)


@pytest.mark.parametrize(
    ("scheme", "optimizer"),
    [
        ("subsets", "sgd"),  # with momentum they are counted by number
        *product(["poisson", "with-replacement:reduction=sum"], ["sgd", "momentum", "nesterov"]),
    ],
)
def test_several_times_in_symbols_are_those_by_number(scheme, optimizer):
    formula = expand("second-moment:lag=1", order=2, sampling=scheme, optimizer=optimizer)
    numbers = {"N": 3, "T": 3} | ({"q": F(1, 2)} if scheme == "poisson" else {"B": 2})
    beta = {} if optimizer == "sgd" else {"beta": F(1, 3)}
    method = named_optimizer(optimizer).at(**beta)
    known = expand(
        "second-moment:lag=1",
        order=2,
        sampling=named_sampling(scheme).at(**numbers),
        optimizer=method,
    )
    weights = {term.contraction: term.weight for term in known.terms}
    put = formula.subs({name: sympy.Rational(str(x)) for name, x in (numbers | beta).items()})
    assert {term.contraction: term.weight for term in put.terms} == weights


@pytest.mark.parametrize(
    "scheme", [Subsets(N=2, B=1, T=2), Subsets(N=1, B=1, T=2)], ids=lambda s: s.label
)
@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_subsets_of_fewer_rows_than_blocks(scheme, basis):
    optimizer = Momentum(beta="1/2")
    ours = orders_of(scheme, optimizer, "training-loss", 3, basis)
    training = Training(scheme, optimizer)
    exact = exact_training(fixed_landscape(1), training, order=3, observable="training-loss")
    assert ours == plain(exact)
