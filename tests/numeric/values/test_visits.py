"""Values from several visits of every datapoint: against averages over distinct tuples, one by one."""

from fractions import Fraction
from itertools import permutations, product

import numpy as np
import pytest

from sgdiagrams import Epochs, OnePass, Statistics, expand
from sgdiagrams.diagrams import RequestError, StatisticsError, enumerate_diagrams
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.numeric.values.nested import VisitEvaluator
from sgdiagrams.symbolic.contractions.contraction import Contraction

N, V, P = 3, 3, 2


def numbers(seed, n=N, visits=V, p=P, orders=range(5)):
    rng = np.random.default_rng(seed)
    arrays = {}
    for k in orders:
        shape = (n, visits, *[p] * k)
        array = rng.integers(-4, 5, size=shape)
        full = sum(
            np.transpose(array, (0, 1, *(2 + i for i in order))) for order in permutations(range(k))
        )
        arrays[k] = np.vectorize(Fraction, otypes=[object])(full)
    return arrays


def averaged(arrays, contraction, *, role, noise):
    """Return a moment as an average over tuples of datapoints and of visits at each."""
    blocks = contraction.blocks
    n, visits = arrays[0].shape[:2]
    own = [sorted({contraction.visits[v] for v in block}) for block in blocks]
    tuples = product(range(n), repeat=len(blocks))
    if role != "population":
        tuples = permutations(range(n), len(blocks))
    letters = "abcdefgh"
    legs = [[] for _ in contraction.legs]
    for i, edge in enumerate(contraction.edges):
        for v in edge:
            legs[v].append(letters[i])
    for i, v in enumerate(contraction.free):
        legs[v].append("xyz"[i])
    pattern = ",".join(map("".join, legs)) + "->" + "xyz"[: len(contraction.free)]
    total, count = 0, 0
    for rows in tuples:
        ways = [
            product(range(visits), repeat=len(inside))
            if noise == "population"
            else permutations(range(visits), len(inside))
            for inside in own
        ]
        for choice in product(*ways):
            at = {
                visit: (row, v)
                for row, inside, chosen in zip(rows, own, choice, strict=True)
                for visit, v in zip(inside, chosen, strict=True)
            }
            factors = [
                np.asarray(arrays[contraction.legs[v]][at[contraction.visits[v]]], dtype=object)
                for v in range(contraction.node_count)
            ]
            total = total + np.einsum(pattern, *factors)
            count += 1
    return total * Fraction(1, count)


CONTRACTIONS = sorted(
    {
        Contraction.from_diagram(d)
        for d in enumerate_diagrams(2, root="in-partition", visits="fresh")
    }
    | {
        Contraction.parse("M_a;b|c J_abc"),
        Contraction.parse("M_a;b"),
        Contraction.parse("M_;a G_b"),
    },
    key=lambda c: c.simplicity,
)


@pytest.mark.parametrize("contraction", CONTRACTIONS, ids=str)
@pytest.mark.parametrize("role", ["sample", "population", "training-set"])
@pytest.mark.parametrize("noise", ["sample", "population"])
def test_averages_over_distinct_tuples(contraction, role, noise):
    arrays = numbers(1)
    statistics = Statistics.from_samples(arrays, role=role, visits=noise)
    got = VisitEvaluator(statistics).value(contraction)
    assert np.array_equal(got, averaged(arrays, contraction, role=role, noise=noise))


def test_cumulants_of_conditional_cumulants():
    arrays = numbers(2)
    evaluator = VisitEvaluator(
        Statistics.from_samples(arrays, role="population", visits="population")
    )
    g = arrays[1].astype(float)
    means = g.mean(axis=1)
    within = np.einsum("nva,nvb->ab", g, g) / (N * V) - np.einsum("na,nb->ab", means, means) / N
    between = np.einsum("na,nb->ab", means, means) / N - np.outer(means.mean(0), means.mean(0))
    for text, expected in [("varkappa_a|b", within), ("varkappa_a;b", between)]:
        got = evaluator.value(Contraction.parse(text))
        assert got.astype(float) == pytest.approx(expected)
    total = evaluator.value(Contraction.parse("kappa_a|b"))
    assert total.astype(float) == pytest.approx(within + between)
    # The law of total cumulance, for three.
    parts = [
        "varkappa_a|b|c",
        "varkappa_a;b;c",
        "varkappa_a|b;c",
        "varkappa_a|c;b",
        "varkappa_b|c;a",
    ]
    values = [evaluator.value(Contraction.parse(f"{part} J_abc")) for part in parts]
    assert sum(values) == evaluator.value(Contraction.parse("S_abc J_abc"))


def test_one_visit_each_is_the_old_evaluator():
    arrays = numbers(3, n=5, visits=1)
    plain = Evaluator(Statistics({k: x[:, 0] for k, x in arrays.items()}))
    visited = VisitEvaluator(Statistics.from_samples(arrays, visits="sample"))
    for text in ("G_a H_ab G_b", "M_a|bc H_ab G_c", "C_ab", "S_abc J_abc"):
        contraction = Contraction.parse(text)
        assert np.array_equal(visited.value(contraction), plain.value(contraction))


@pytest.mark.parametrize("matrix", [False, True])
def test_leave_one_out(matrix):
    arrays = numbers(4, n=5)
    eta = np.array([[Fraction(1), Fraction(1, 2)], [Fraction(1, 2), Fraction(2)]]) if matrix else 1
    evaluator = VisitEvaluator(Statistics.from_samples(arrays, visits="sample"), eta)
    texts = ("M_a;b H_ab", "G_a G_a", "varkappa_a|b H_ab", "varkappa_a;ab G_b")
    terms = [(Fraction(i + 1, 3), Contraction.parse(text)) for i, text in enumerate(texts)]
    without = []
    for i in range(5):
        rest = {k: np.delete(x, i, axis=0) for k, x in arrays.items()}
        fewer = VisitEvaluator(Statistics.from_samples(rest, visits="sample"), eta)
        without.append(sum(weight * fewer.value(c) for weight, c in terms))
    mean = sum(without) / 5
    assert list(evaluator.deviations(terms)) == [x - mean for x in without]


def test_estimates_and_errors():
    arrays = {k: x.astype(float) for k, x in numbers(5, n=40, visits=2).items()}
    statistics = Statistics.from_samples(arrays, visits="sample")
    expansion = expand("test-loss", order=2, sampling="epochs", visits="fresh")
    estimate = expansion.evaluate(statistics, eta=0.01, N=5, B=1, E=3)
    assert estimate.standard_error > 0
    assert all(error > 0 for error in estimate.order_standard_errors)
    exact = Statistics.from_samples(numbers(5, n=40, visits=2), visits="sample")
    same = expansion.evaluate(exact, eta=Fraction(1, 100), N=5, B=1, E=3)
    assert estimate.orders == pytest.approx([float(x) for x in same.orders])
    with pytest.raises(StatisticsError, match="3 visits"):
        expand("training-loss", order=2, sampling="epochs", visits="fresh").evaluate(
            statistics, eta=0.01, N=5, B=1, E=3
        )


@pytest.mark.parametrize("seed", range(3))
def test_means_over_draws_are_those_of_the_distribution(seed):
    # Two of three losses of noise at each of two visits of two datapoints: every draw is as likely.
    arrays = numbers(seed, n=2, p=1, orders=(0, 1, 2))
    options = {"role": "training-set"}
    population = VisitEvaluator(Statistics.from_samples(arrays, **options, visits="population"))
    for text in ("M_a;b", "M_a|b", "G_a G_b", "M_a;ab", "G_a H_ab"):
        contraction = Contraction.parse(text)
        total = 0
        for choice in product(range(3), repeat=4):
            drawn = {
                k: np.stack([x[0][list(choice[:2])], x[1][list(choice[2:])]])
                for k, x in arrays.items()
            }
            sample = Statistics.from_samples(drawn, **options, visits="sample")
            total = total + VisitEvaluator(sample).value(contraction)
        assert np.array_equal(total / 3**4, population.value(contraction))


def test_files(tmp_path):
    exact = Statistics.from_samples(numbers(6), role="training-set", visits="population")
    floats = Statistics.from_samples(
        {k: x.astype(float) for k, x in numbers(6).items()}, visits="sample"
    )
    for statistics, name in [(exact, "a.json"), (floats, "a.npz")]:
        statistics.save(tmp_path / name)
        again = Statistics.load(tmp_path / name)
        assert repr(again) == repr(statistics)
        assert (again.visits, again.noise) == (V, statistics.noise)
        assert all(np.array_equal(again.samples[k], x) for k, x in statistics.samples.items())


def test_bad_input():
    arrays = numbers(7)
    visited = Statistics.from_samples(arrays, visits="sample")
    plain = Statistics.from_samples({k: x[:, 0] for k, x in arrays.items()})
    fresh = expand("test-loss", order=2, sampling="epochs", visits="fresh")
    numbers_of = {"eta": 1, "N": 2, "B": 1, "E": 2}
    with pytest.raises(StatisticsError, match="visits='sample'"):
        fresh.evaluate(plain, **numbers_of)
    with pytest.raises(RequestError, match="one row a datapoint"):
        expand("test-loss", order=2, sampling="one-pass", resummed=True).evaluate(
            visited, eta=1, T=2
        )
    with pytest.raises(StatisticsError, match="visits='population'"):
        Statistics.from_samples(arrays, visits="often")
    with pytest.raises(StatisticsError, match="datapoints and visits first"):
        Statistics.from_samples({0: [1, 2]}, visits="sample")
    with pytest.raises(StatisticsError, match="equal numbers of datapoints and visits"):
        Statistics.from_samples({0: [[1, 2]], 1: [[[1]]]}, visits="sample")
    with pytest.raises(StatisticsError, match="no weights"):
        Statistics.from_samples(arrays, role="population", weights=[1], visits="population")
    given_set = Statistics.from_samples(arrays, role="training-set", visits="sample")
    training = expand("displacement", order=1, sampling=Epochs(N=3, B=1, E=1), visits="fresh")
    with pytest.raises(RequestError, match="names them"):
        training.evaluate(given_set, eta=1)
    shuffled = expand(
        "displacement", order=2, sampling=Epochs(N=3, B=1, E=2, shuffle="once"), visits="fresh"
    )
    assert shuffled.evaluate(given_set, eta=1).orders[1].shape == (P,)
    assert expand("test-loss", order=1, sampling=OnePass(T=2)).evaluate(visited, eta=1).value
