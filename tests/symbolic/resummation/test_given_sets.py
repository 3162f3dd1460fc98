"""Closed forms on a given training set: dressed counts in fractions, and recursions of epochs."""

from fractions import Fraction
from itertools import permutations

import pytest
from sympy import Rational, simplify, symbols

from sgdiagrams.diagrams import RequestError, enumerate_diagrams
from sgdiagrams.numeric.long_times.dressed_counts import dressed_count
from sgdiagrams.symbolic import Epochs, Momentum, Nesterov, Subsets, expand
from sgdiagrams.symbolic.resummation.given_sets.decay import PowerDecay
from sgdiagrams.symbolic.resummation.given_sets.round_forms import round_expression
from sgdiagrams.symbolic.resummation.given_sets.round_sums import round_sum
from sgdiagrams.symbolic.training.average import TailAverage
from sgdiagrams.symbolic.training.dressing import Dressing
from sgdiagrams.symbolic.training.given_sets.noise_weights import noise_formula, noise_weight
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.training import Training

SET = {"resummed": True, "role": "training-set"}
KINDS = ("every-epoch", "once")
EIGENVALUES = [Rational(1, 3), Rational(2, 5), Rational(-1, 7), Rational(3, 4)]
#: Roots of the heavy ball whose product is 1/6, with the eigenvalues that they belong to.
ROOTS = [(Rational(a), Rational(1, 6) / Rational(a)) for a in ("1/2", "3/4", "2/3", "5/6")]


def exact(number):
    return Fraction(int(number.p), int(number.q))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("N", "B", "E"), [(6, 2, 3), (3, 1, 2), (2, 1, 3)])
def test_closed_forms_are_dressed_counts(N, B, E, kind):
    training = Training(Epochs(N=N, B=B, E=E, shuffle=kind).on_given_set(), SGD())
    for d in range(4):
        for diagram in enumerate_diagrams(d, linkless=True):
            roots = [(1 - h,) for h in EIGENVALUES[:d]]
            formula = round_expression(
                round_sum(diagram, training), "discrete", roots=roots, dressing=Dressing()
            )
            number = dressed_count(diagram, training, [exact(h) for h in EIGENVALUES[:d]])
            assert exact(Rational(formula.doit())) == number


@pytest.mark.parametrize(
    "scheme",
    [
        Subsets(N=4, B=2, T=4),
        Epochs(N=5, B=2, E=2, shuffle="every-epoch", drop_last=True),
        Epochs(N=5, B=2, E=2, shuffle="once", drop_last=True),
    ],
    ids=lambda scheme: scheme.label,
)
def test_closed_forms_of_other_rounds(scheme):
    """Rounds of one batch, and of batches that leave rows out."""
    training = Training(scheme.on_given_set(), SGD())
    for d in range(1, 4):
        for diagram in enumerate_diagrams(d, linkless=True):
            roots = [(1 - h,) for h in EIGENVALUES[:d]]
            components = round_sum(diagram, training)
            formula = round_expression(components, "discrete", roots=roots, dressing=Dressing())
            number = dressed_count(diagram, training, list(map(exact, EIGENVALUES[:d])))
            assert exact(Rational(formula.doit())) == number


def test_smaller_last_batches_go_by_number():
    expansion = expand(
        "training-loss", order=2, sampling=Epochs(N=5, B=2, E=2, shuffle="once"), **SET
    )
    assert not expansion.has_closed_form


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["momentum", "nesterov"])
def test_closed_forms_with_two_roots(kind, name):
    if name == "momentum":
        method, pairs = Momentum(beta=Fraction(1, 6)), ROOTS
        h = [1 + Rational(1, 6) - r - s for r, s in pairs]
    else:
        # Of x^2 - (5/4)(1 - h) x + (1 - h)/4: 1/r + 1/s = 5.
        pairs = [(Rational(r), 1 / (5 - 1 / Rational(r))) for r in ("1/2", "2/3", "3/4")]
        method, h = Nesterov(beta=Fraction(1, 4)), [1 - 4 * r * s for r, s in pairs]
    training = Training(Epochs(N=4, B=2, E=2, shuffle=kind).on_given_set(), method)
    for d in range(1, 4):
        for diagram in enumerate_diagrams(d, linkless=True):
            formula = round_expression(
                round_sum(diagram, training),
                "discrete",
                roots=pairs[:d],
                dressing=method.dressing,
            )
            number = dressed_count(diagram, training, list(map(exact, h[:d])))
            assert exact(Rational(formula.doit())) == number


@pytest.mark.parametrize("kind", KINDS)
def test_four_nodes_that_noise_ties_twice(kind):
    training = Training(Epochs(N=4, B=2, E=2, shuffle=kind).on_given_set(), SGD())
    roots = [(1 - h,) for h in EIGENVALUES]
    tied = [
        d
        for d in enumerate_diagrams(4, linkless=True)
        if sorted(map(len, d.blocks)) == [1, 2, 2] or max(map(len, d.blocks)) == 4
    ]
    for diagram in tied[::3]:
        formula = round_expression(
            round_sum(diagram, training), "discrete", roots=roots, dressing=Dressing()
        )
        number = dressed_count(diagram, training, list(map(exact, EIGENVALUES)))
        assert exact(Rational(formula.doit())) == number


# Noise ------------------------------------------------------------------------------------------------


def test_noise_of_one_round_against_its_definition():
    """Expected products of shares less 1/N, over all orders, on rows with values of mean 0."""
    N, B = 4, 2
    values = [[Fraction(x) for x in row] for row in ((1, -2, 4, -3), (2, 0, -1, -1), (1, 1, 1, -3))]
    epochs = [[order[i : i + B] for i in range(0, N, B)] for order in permutations(range(N))]

    def cumulant(*which):
        return sum(
            (values[which[0]][n] * values[which[1]][n] * (values[which[2]][n] if which[2:] else 1))
            for n in range(N)
        ) / Fraction(N)

    for batches in ((0, 0), (0, 1)):
        mean = Fraction(0)
        for epoch in epochs:
            product = Fraction(1, len(epochs))
            for v, batch in enumerate(batches):
                product *= sum(values[v][n] for n in epoch[batch]) / Fraction(B)
            mean += product
        assert mean == noise_weight((0, 0), batches, N=N, sizes=(B, B)) * cumulant(0, 1)
    for batches in ((0, 0, 0), (0, 0, 1), (1, 0, 1)):
        mean = Fraction(0)
        for epoch in epochs:
            product = Fraction(1, len(epochs))
            for v, batch in enumerate(batches):
                product *= sum(values[v][n] for n in epoch[batch]) / Fraction(B)
            mean += product
        assert mean == noise_weight((0, 0, 0), batches, N=N, sizes=(B, B)) * cumulant(0, 1, 2)


def test_formulas_of_noise_at_numbers():
    N, B = symbols("N B")
    for blocks, batches in [
        ((0, 0), (0, 0)),
        ((0, 0, 0), (0, 0, 1)),
        ((0, 0, 1, 1), (0, 1, 0, 1)),
        ((0, 0, 0, 0), (0, 0, 1, 1)),
    ]:
        formula = noise_formula(blocks, batches, N, B).subs({N: 12, B: 3})
        assert exact(Rational(formula)) == noise_weight(blocks, batches, N=12, sizes=(3,) * 4)
    assert noise_weight((0, 0, 0), (0, 0, 0), N=5, sizes=(5,)) == 0  # a full batch has no noise
    assert noise_weight((0, 0, 1, 1), (0, 0, 0, 0), N=5, sizes=(5,)) == 0


# Stationary variances ---------------------------------------------------------------------------------


def pushes(h, slopes, B):
    """Return what the noise of an epoch adds to the weight, for all orders."""
    q, N = 1 - h, len(slopes)
    result = []
    for order in permutations(range(N)):
        push = Fraction(0)
        for i in range(0, N, B):
            push = q * push - sum(slopes[n] for n in order[i : i + B]) / Fraction(B)
        result.append(push)
    return result


@pytest.mark.parametrize(("N", "B"), [(4, 1), (4, 2), (6, 2)])
def test_stationary_variances_against_the_recursion_of_epochs(N, B):
    slopes = [Fraction(x) for x in (3, -1, 2, -5, 4, -3)][:N]
    mean = sum(slopes) / N
    slopes = [x - mean for x in slopes]
    C = sum(x * x for x in slopes) / N
    for h in (Fraction(1, 3), Fraction(1, 20), Fraction(3, 2)):
        q_epoch = (1 - h) ** (N // B)
        own = pushes(h, slopes, B)
        second = sum(x * x for x in own) / len(own)
        # x <- q^M x + push: with new pushes every epoch, and with the same one for ever.
        wanted = {
            "every-epoch": second / (1 - q_epoch**2),
            "once": second / (1 - q_epoch) ** 2,
        }
        for kind, value in wanted.items():
            expansion = expand(
                "covariance", order=2, sampling=Epochs(N=N, B=B, shuffle=kind), **SET
            )
            [term] = (
                expand("covariance", order=2, sampling=Epochs(N=N, B=B, shuffle=kind), **SET)
                .at_minimum()
                .stationary()
                .terms
            )
            eigenvalues = dict.fromkeys(symbols("h_a h_b"), Rational(h.numerator, h.denominator))
            assert exact(Rational(term.weight.xreplace(eigenvalues).doit())) * C == value
            assert expansion.conditions(term) in ((("a", "b"),), (("a",), ("b",)))


def variance(kind):
    """Return the stationary variance over eta C, and q^M in the place of a symbol."""
    expansion = expand("covariance", order=2, sampling=Epochs(shuffle=kind), **SET)
    return expansion.at_minimum().stationary().in_one_dimension()


def test_reshuffling_and_one_order():
    """Their ratio is (1 - q^M)/(1 + q^M): one order is never averaged out."""
    H, eta, N, B = symbols("H eta N B")
    M = N / B
    power = (1 - eta * H) ** M
    difference = variance("every-epoch") * (1 + power) - variance("once") * (1 - power)
    assert simplify(difference) == 0


def test_flat_directions_fluctuate_less_and_curved_ones_as_ever():
    """Epochs of many batches: Kuehn and Rosenow (2023), arXiv 2306.05300."""
    H, eta, C, N, B = symbols("H eta C N B", positive=True)
    names = dict(zip(symbols("H eta C N B"), (H, eta, C, N, B), strict=True))
    ours = variance("every-epoch").xreplace(names)
    uncorrelated = eta**2 * C * (N - B) / (B * (N - 1) * (1 - (1 - eta * H) ** 2))
    at = {B: 1, eta: 1, C: 1}
    ratio = (ours / uncorrelated).subs(at)
    # An epoch of 10^4 batches is long against 1/h = 10, and short against 1/h = 10^7.
    assert abs(ratio.subs({N: 10**4, H: Rational(1, 10)}).evalf(30) - 1) < Fraction(1, 400)
    small = ratio.subs({N: 10**4, H: Rational(1, 10**7)}).evalf(30)
    # At the end of an epoch its pushes have added up to nothing, but for what h M makes of them.
    assert abs(small / (Rational(10**4, 10**7) ** 2 / 12) - 1) < Fraction(1, 100)


def test_momentum_has_both_roots():
    scheme = Epochs(N=6, B=2, shuffle="every-epoch")
    expansion = expand("covariance", order=2, sampling=scheme, optimizer="momentum", **SET)
    [term] = expansion.at_minimum().stationary().terms
    assert {str(s) for s in term.weight.free_symbols} == {"r_a", "s_a", "r_b", "s_b"}
    symbolic = expand(
        "covariance", order=2, sampling="reshuffled-epochs", optimizer="momentum", **SET
    )
    stationary = symbolic.at_minimum().stationary()
    assert "[1, r_b, r_a r_b]x^(N/B)" in stationary.text()
    assert r"[1,\, r_{\nu},\, r_{\mu} r_{\nu}]\,x^{N / B}" in stationary.latex()
    # A limit of both is what a run of many epochs has.
    numbers = {"H": 1, "C": 1, "eta": Rational(1, 5), "beta": Rational(1, 2), "N": 6, "B": 2}
    at = {symbols(name): value for name, value in numbers.items()}
    limit = complex(stationary.in_one_dimension().subs(at).evalf(30))
    late = Training(
        Epochs(N=6, B=2, E=80, shuffle="every-epoch").on_given_set(), Momentum(beta=Fraction(1, 2))
    )
    cherry = next(d for d in enumerate_diagrams(2) if str(d) == "(01-2)(02-12)")
    assert limit == pytest.approx(0.04 * dressed_count(cherry, late, [0.2, 0.2]), rel=1e-12)


def test_forms_that_there_are():
    expansion = expand("training-loss", order=2, sampling=Epochs(shuffle="once"), **SET)
    assert expansion.has_closed_form
    for form in ("continuous", "small-eta"):
        with pytest.raises(RequestError, match="noise of a whole epoch is 0"):
            expansion.with_form(form)
        with pytest.raises(RequestError, match="exact in eta"):
            expand("training-loss", order=2, sampling="subsets", **SET).with_form(form)
    by_number = expand(
        "training-loss",
        order=2,
        sampling=Epochs(N=4, B=2, E=2, shuffle="once"),
        optimizer=SGD(average=TailAverage(2)),
        **SET,
    )
    assert not by_number.has_closed_form
    with pytest.raises(RequestError, match="no closed form"):
        by_number.stationary()


def test_what_decays_in_a_round():
    q, M = symbols("q M")
    assert PowerDecay(M, 1) == 0
    assert PowerDecay(3, q) == 1 - q**3
    assert PowerDecay(M, q).subs(M, 2) == 1 - q**2
    assert PowerDecay(M, q).diff(q) == (1 - q**M).diff(q)
    assert PowerDecay(M, q).doit() == 1 - q**M
