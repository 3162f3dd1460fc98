"""Re-summed expansions in numbers: loops in fractions, closed recursions, both series at small eta."""

import sys
from fractions import Fraction
from itertools import permutations, product

import numpy as np
import pytest

from sgdiagrams.diagrams import RequestError, SamplingError, StatisticsError
from sgdiagrams.diagrams.partitions import blocks_of, moebius, refinements, restricted_growth_string
from sgdiagrams.diagrams.trees import parents_of_levels
from sgdiagrams.numeric.comparison.comparison import Comparison
from sgdiagrams.numeric.comparison.experiment import compare
from sgdiagrams.numeric.comparison.points import Point
from sgdiagrams.numeric.landscapes.toys import Gauss, Helix, Mean
from sgdiagrams.numeric.long_times.amplitudes import check_size
from sgdiagrams.numeric.long_times.eigenbasis import eigenbasis_of
from sgdiagrams.numeric.long_times.weights import _in_chunks
from sgdiagrams.numeric.simulation.moments import Moments
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.numeric.values.jackknife import deletions, jackknifed
from sgdiagrams.symbolic import SGD, Momentum, expand
from sgdiagrams.symbolic.contractions.factors import edge_indices


def symmetric(rng, p, order, scale=1.0):
    """Return a random symmetric tensor."""
    tensor = rng.normal(size=(p,) * order) * scale
    axes = list(permutations(range(order)))
    return sum(tensor.transpose(a) for a in axes) / len(axes)


def population(seed, p, n=5, order=4, role="population", functions=False):
    rng = np.random.default_rng(seed)
    samples = {k: np.array([symmetric(rng, p, k) for _ in range(n)]) for k in range(order + 1)}
    samples[2] += 2 * np.eye(p)
    extra = {"s": {k: symmetric(rng, p, k) for k in range(order + 1)}} if functions else None
    return Statistics.from_samples(samples, role=role, functions=extra, start=rng.normal(size=p))


# Brute force --------------------------------------------------------------------------------------


def brute_count(skeleton, T, h):
    """Return the sum over times of products of q^(D - 1), for one pass and batches of one.

    In cumulants blocks are independent: different ones may meet.
    """
    diagram = skeleton.diagram
    parents = parents_of_levels(diagram.levels)
    blocks = diagram.labels
    n = diagram.order
    total = Fraction(0)
    for times in product(range(T), repeat=n):
        at = (T, *times)
        if any(
            blocks[v] == blocks[w] and at[v] != at[w] for v in range(1, n + 1) for w in range(1, v)
        ):
            continue
        weight = Fraction(1)
        for v in range(1, n + 1):
            gap = at[parents[v - 1]] - at[v]
            if gap < 1:
                weight = 0
                break
            weight *= (1 - h[v - 1]) ** (gap - 1)
        total += weight
    return total


def brute_cumulant(entries):
    """Return the joint cumulant of columns of equally likely rows."""
    n = len(entries[0])
    total = Fraction(0)
    top = restricted_growth_string([0] * len(entries))
    for fine in refinements(top):
        term = Fraction(moebius(fine, top))
        for block in blocks_of(fine):
            term *= Fraction(sum(np.prod([entries[v][i] for v in block]) for i in range(n)), n)
        total += term
    return total


def brute_force(expansion, samples, curvatures, roots, T, free=()):
    """Return the orders by loops over indices: H is diagonal, eta the square of a diagonal."""
    p = len(curvatures)
    orders = [Fraction(0)] * (expansion.order + 1)
    h = [roots[i] ** 2 * c for i, c in enumerate(curvatures)]
    for term in expansion.pieces:
        c = term.contraction
        index = edge_indices(c)
        for values in product(range(p), repeat=term.order):
            if values[: len(free)] != free:
                continue
            legs = [[] for _ in c.labels]
            for place, v in enumerate(c.free):
                legs[v].append(values[place])
            for (v, w), i in zip(c.edges, index, strict=True):
                legs[v].append(values[i])
                legs[w].append(values[i])
            amplitude = Fraction(1)
            for block in c.blocks:
                columns = [samples[len(legs[v])][(slice(None), *legs[v])] for v in block]
                amplitude *= brute_cumulant(columns)
            for v in range(len(legs)):
                for i in legs[v]:
                    amplitude *= roots[i]
            for i in free:
                amplitude *= roots[i]
            weight = Fraction(0)
            for piece in term.pieces:
                factor = piece.coefficient
                for s in piece.skeletons:
                    factor *= brute_count(s, T, [h[values[i]] for i in s.indices])
                weight += factor
            orders[term.order] += amplitude * weight
    return orders


def exact_samples(p, curvatures, order):
    rng = np.random.default_rng(p)
    samples = {}
    for k in range(order + 1):
        rows = []
        for _ in range(3):
            array = np.empty((p,) * k, dtype=object)
            for index in product(range(p), repeat=k):
                array[index] = Fraction(0)
            for index in product(range(p), repeat=k):
                if list(index) == sorted(index):
                    number = Fraction(int(rng.integers(-6, 7)), 4)
                    for same in product(range(p), repeat=k):
                        if sorted(same) == list(index):
                            array[same] = number
            rows.append(array)
        stack = np.empty((3,) + (p,) * k, dtype=object)
        for i, array in enumerate(rows):
            stack[i] = array.item() if k == 0 else array
        samples[k] = stack
    H = np.array([[Fraction(0)] * p for _ in range(p)], dtype=object)
    for i, c in enumerate(curvatures):
        H[i, i] = c
    samples[2] = samples[2] - samples[2].sum(axis=0) / 3 + H
    return samples


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(
    ("observable", "order", "free"),
    [("test-loss", 3, ()), ("displacement", 3, (0,)), ("second-moment", 3, (0, -1)),
     ("variance", 2, ())],
)  # fmt: skip
@pytest.mark.parametrize("T", [0, 1, 4])
def test_loops_in_fractions(p, observable, order, free, T):
    curvatures = (Fraction(3, 2), Fraction(1))[:p]
    roots = (Fraction(1, 2), Fraction(2, 3))[:p]
    samples = exact_samples(p, curvatures, order + 1)
    statistics = Statistics.from_samples(samples, role="population")
    expansion = expand(observable, order=order, sampling="one-pass", resummed=True)
    free = tuple(i % p for i in free)
    expected = brute_force(expansion, samples, curvatures, roots, T, free)
    eta = np.array([r**2 for r in roots])
    found = expansion.evaluate(statistics, eta=eta, T=T)
    values = [float(c[free] if free else c) for c in found.orders]
    assert values == pytest.approx(list(map(float, expected)), rel=1e-11, abs=1e-12)
    assert T == 0 or any(values[1:])


# Where it is exact --------------------------------------------------------------------------------


@pytest.mark.parametrize("eta", [Fraction(1, 100), Fraction(3, 5), Fraction(1), Fraction(19, 10)])
@pytest.mark.parametrize("T", [0, 1, 2, 7, 10_000])
@pytest.mark.parametrize("decay", [0, Fraction(1, 10)])
def test_order_2_is_exact_for_a_mean(eta, T, decay):
    H, S, origin = 1, Fraction(1, 2), Fraction(3)
    q = float(1 - eta * (H + decay))
    mean, square = float(origin), float(origin) ** 2
    for _ in range(T):
        mean, square = q * mean, q * q * square + float(eta * S) ** 2
    expected = H * square / 2
    where = Mean(curvature=H, noise=S, origin=origin)
    statistics = Statistics.from_samples(
        where.statistics(2, exact=True).samples,
        role="population",
        weights=where.statistics(2, exact=True).weights,
        start=[origin],
    )
    for sampling, numbers in (("one-pass", {"T": T}), ("fresh-data", {"T": T, "B": 1})):
        expansion = expand(
            "test-loss",
            order=2,
            sampling=sampling,
            optimizer=SGD(weight_decay=decay),
            resummed=True,
        )
        value = expansion.evaluate(statistics, eta=eta, **numbers).value
        assert value == pytest.approx(expected, rel=1e-10)


def quadratic(p=3, n=6, seed=1):
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n, p))
    noise -= noise.mean(axis=0)
    H = symmetric(rng, p, 2) + 3 * np.eye(p)
    start = rng.normal(size=p)
    samples = {
        0: noise @ start + start @ H @ start / 2,
        1: noise + H @ start,
        2: np.array([H] * n),
        3: np.zeros((n, p, p, p)),
    }
    return Statistics.from_samples(samples, role="population"), H, noise.T @ noise / n, start


@pytest.mark.parametrize("T", [1, 6, 3000])
def test_order_2_is_exact_on_quadratics_with_additive_noise(T):
    statistics, H, C, start = quadratic()
    root = np.random.default_rng(2).normal(size=(3, 3)) / 6
    eta = root @ root.T + 0.02 * np.eye(3)
    step = np.eye(3) - eta @ H
    second = np.outer(start, start)
    for _ in range(T):
        second = step @ second @ step.T + eta @ C @ eta
    expansion = expand("test-loss", order=3, sampling="one-pass", resummed=True)
    found = expansion.evaluate(statistics, eta=eta, T=T)
    assert abs(found.orders[3]) < 1e-13
    assert found.value == pytest.approx(np.trace(H @ second) / 2, rel=1e-10)


def test_momentum_on_a_quadratic():
    statistics, H, C, _ = quadratic(p=2)
    eta, beta, T = 0.05, 0.8, 400
    one = np.eye(2)
    step = np.block([[one - eta * H, beta * one], [-eta * H, beta * one]])
    noise = np.block([[eta**2 * C, eta**2 * C], [eta**2 * C, eta**2 * C]])
    second = np.zeros((4, 4))
    for _ in range(T):
        second = step @ second @ step.T + noise
    at_minimum = Statistics.from_samples(
        {
            0: np.zeros(6),
            1: statistics.samples[1] - statistics.samples[1].mean(axis=0),
            2: statistics.samples[2],
        },
        role="population",
    )
    expansion = expand(
        "test-loss", order=2, sampling="one-pass", optimizer=Momentum(beta=beta), resummed=True
    )
    expected = np.trace(H @ second[:2, :2]) / 2
    assert expansion.evaluate(at_minimum, eta=eta, T=T).value == pytest.approx(expected, rel=1e-10)


# Plain and re-summed ------------------------------------------------------------------------------

SCHEMES = {
    "one-pass": {"T": 5},
    "fresh-data": {"T": 4, "B": 2},
    "full-batch": {"N": 4, "E": 3},
    "epochs": {"N": 4, "B": 2, "E": 2},
    "with-replacement": {"N": 3, "B": 1, "T": 4},
    "sde": {"T": 4},
    "gradient-flow": {"T": 4},
}


@pytest.mark.parametrize(
    ("sampling", "observable", "optimizer"),
    [
        *((s, "test-loss", SGD()) for s in SCHEMES),
        ("full-batch", "generalisation-gap", SGD()),
        ("epochs", "generalisation-gap", SGD()),
        ("one-pass", "displacement", SGD()),
        ("one-pass", "function:s", SGD()),
        ("one-pass", "test-loss", Momentum(beta=0.5)),
        ("one-pass", "test-loss", SGD(weight_decay=0.3)),
    ],
)
def test_both_series_agree_for_small_eta(sampling, observable, optimizer):
    statistics = population(3, 2, functions=True)
    numbers = SCHEMES[sampling]
    order = 2
    request = {"order": order, "sampling": sampling, "optimizer": optimizer}
    plain = expand(observable, **request)
    resummed = expand(observable, **request, resummed=True)
    gaps = []
    for eta in (2e-3, 1e-3):
        a = plain.evaluate(statistics, eta=eta, **numbers)
        b = resummed.evaluate(statistics, eta=eta, **numbers)
        assert np.allclose(a.orders[1], b.orders[1], rtol=0.1)
        gaps.append(np.linalg.norm(a.value - b.value))
    assert 2 ** (order + 0.6) < gaps[0] / gaps[1] < 2 ** (order + 1.4)


def test_covariances_and_coordinates():
    """In new coordinates a displacement is transformed and a loss is not."""
    statistics = population(5, 3)
    rng = np.random.default_rng(6)
    M = rng.normal(size=(3, 3)) + 2 * np.eye(3)
    inverse = np.linalg.inv(M)
    samples = {}
    for k, array in statistics.samples.items():
        for axis in range(1, k + 1):
            array = np.moveaxis(np.tensordot(array, inverse, axes=(axis, 0)), -1, axis)  # noqa: PLW2901
        if k > 1:
            axes = [(0, *(1 + i for i in a)) for a in permutations(range(k))]
            array = sum(array.transpose(a) for a in axes) / len(axes)  # noqa: PLW2901
        samples[k] = array
    other = Statistics.from_samples(samples, role="population")
    root = rng.normal(size=(3, 3)) / 6
    eta = root @ root.T
    rotated = M @ eta @ M.T
    rotated = (rotated + rotated.T) / 2
    for name, rank in (("test-loss", 0), ("displacement", 1), ("covariance", 2)):
        expansion = expand(name, order=3, sampling="one-pass", resummed=True)
        a = expansion.evaluate(statistics, eta=eta, T=9)
        b = expansion.evaluate(other, eta=rotated, T=9)
        for x, y in zip(a.orders, b.orders, strict=True):
            expected = x
            for axis in range(rank):
                expected = np.moveaxis(np.tensordot(expected, M, axes=(axis, 1)), -1, axis)
            np.testing.assert_allclose(y, expected, rtol=1e-9, atol=1e-12)


def test_degenerate_spectrum():
    """Equal eigenvalues leave the basis open, and the value does not depend on it."""
    statistics = population(7, 3)
    samples = dict(statistics.samples)
    samples[2] = samples[2] - samples[2].mean(axis=0) + np.eye(3)
    values = []
    for split in (0.0, 1e-9):
        samples[2] = samples[2] + split * np.diag([1.0, 2.0, 3.0])
        near = Statistics.from_samples(samples, role="population")
        expansion = expand("test-loss", order=3, sampling="one-pass", resummed=True)
        values.append(expansion.evaluate(near, eta=0.1, T=50).orders)
    np.testing.assert_allclose(values[0], values[1], rtol=1e-6)


def test_zero_and_one_sided_eta():
    statistics = population(8, 2)
    expansion = expand("displacement", order=3, sampling="one-pass", resummed=True)
    assert not expansion.evaluate(statistics, eta=0, T=5).value.any()
    moved = expansion.evaluate(statistics, eta=[0.1, 0.0], T=5).value
    assert moved[1] == 0
    assert moved[0]


# Forms --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("optimizer", "order"), [(SGD(), 4), (Momentum(beta=0.5), 3)])
def test_forms_are_limits_of_the_discrete_one(optimizer, order):
    statistics = Gauss().statistics(order)
    expansion = expand(
        "test-loss", order=order, sampling="one-pass", optimizer=optimizer, resummed=True
    )
    late = expansion.evaluate(statistics, eta=0.04, T=2000).orders
    still = expansion.stationary().evaluate(statistics, eta=0.04).orders
    np.testing.assert_allclose(still[2:], late[2:], rtol=1e-9)
    eta, T = 1e-3, 1000
    exact = expansion.evaluate(statistics, eta=eta, T=T).orders
    smooth = expansion.continuous().evaluate(statistics, eta=eta, T=T).orders
    np.testing.assert_allclose(smooth[2:], exact[2:], rtol=1e-2)
    assert abs(exact[2] / still[2]) < 0.5  # and far from stationary
    still = expansion.stationary().evaluate(statistics, eta=eta).orders
    slow = expansion.small_eta().evaluate(statistics, eta=eta).orders
    np.testing.assert_allclose(slow[2:], still[2:], rtol=1e-2)
    assert list(slow[2:]) != list(still[2:])


def test_stationary_heavy_ball_where_its_roots_meet():
    statistics = Gauss().statistics(3)
    expansion = expand(
        "test-loss", order=3, sampling="one-pass", optimizer=Momentum(beta="9/10"), resummed=True
    ).at_minimum()
    meet = 2 * (1 - 0.9**0.5) ** 2
    for factor in (1 - 1e-9, 1.0, 1.01, 1.05):
        late = expansion.evaluate(statistics, eta=meet * factor, T=1000).orders
        still = expansion.stationary().evaluate(statistics, eta=meet * factor).orders
        np.testing.assert_allclose(still[2:], late[2:], rtol=1e-9)


def test_sde_is_continuous():
    statistics = Gauss().statistics(4)
    sde = expand("test-loss", order=4, sampling="sde", resummed=True)
    one_pass = expand("test-loss", order=4, sampling="one-pass", resummed=True).continuous()
    a = sde.evaluate(statistics, eta=0.1, T=100).orders
    b = one_pass.evaluate(statistics, eta=0.1, T=100).orders
    assert a[2] == pytest.approx(b[2])
    assert abs(a[3]) < 1e-12 < abs(b[3])  # noise of an SDE has no third cumulant


@pytest.mark.parametrize(
    ("where", "observable", "eta", "message"),
    [
        (Helix(), "displacement", 0.05, "h=0 of eta H at order 3, which is flat; use drift"),
        (Helix(), "test-loss", 1.5, "unstable; take a smaller eta"),
        (Mean(curvature=-1), "test-loss", 0.1, "h=-0.1 of eta H"),
    ],
)
@pytest.mark.parametrize("form", ["stationary", "small-eta"])
def test_limits_that_do_not_exist(where, observable, eta, message, form):
    expansion = expand(observable, order=3, sampling="one-pass", resummed=True).with_form(form)
    if form == "small-eta" and "unstable" in message:
        expansion.evaluate(where.statistics(3), eta=eta)  # nothing is unstable at small eta
        return
    with pytest.raises(RequestError, match=message):
        expansion.evaluate(where.statistics(3), eta=eta)


# Samples ------------------------------------------------------------------------------------------


def test_sample_is_nearly_unbiased_with_honest_errors():
    expansion = expand("test-loss", order=2, sampling="one-pass", resummed=True)
    rng = np.random.default_rng(0)
    exact = expansion.evaluate(Gauss().statistics(2), eta=0.4, T=20).orders[2]
    corrected, errors, plug_in = [], [], []
    for _ in range(70):
        x = rng.standard_normal(18)
        samples = {
            0: x**2 / 2, 1: (1 - x**2)[:, None] / 2, 2: (x**2)[:, None, None] / 2,
        }  # fmt: skip
        sample = Statistics.from_samples(samples)
        found = expansion.evaluate(sample, eta=0.4, T=20)
        corrected.append(found.orders[2])
        errors.append(found.order_standard_errors[2])
        whole = Statistics.from_samples(samples, role="population")
        plug_in.append(expansion.evaluate(whole, eta=0.4, T=20).orders[2])
    spread = np.std(corrected) / np.sqrt(len(corrected))
    assert abs(np.mean(corrected) - exact) < 4 * spread
    assert 0.6 < np.sqrt(np.mean(np.square(errors))) / np.std(corrected) < 1.6
    assert np.mean(plug_in) != pytest.approx(np.mean(corrected), rel=1e-3)


def test_jackknife_of_a_mean_and_of_a_square():
    x = np.random.default_rng(1).normal(size=95)
    kept = deletions(95)
    assert len(kept) == 40
    assert sum(95 - len(rows) for rows in kept) == 95
    sizes = [len(rows) for rows in kept]
    mean, error = jackknifed(np.asarray(x.mean()), [x[r].mean() for r in kept], sizes, 95)
    assert mean == pytest.approx(x.mean())
    assert error == pytest.approx(x.std(ddof=1) / 95**0.5, rel=0.4)
    x = x[:30]
    kept = deletions(30)
    sizes = [29] * 30
    _, error = jackknifed(np.asarray(x.mean()), [x[r].mean() for r in kept], sizes, 30)
    assert error == pytest.approx(x.std(ddof=1) / 30**0.5)
    square, _ = jackknifed(np.asarray(x.mean() ** 2), [x[r].mean() ** 2 for r in kept], sizes, 30)
    assert square == pytest.approx(x.mean() ** 2 - x.var(ddof=1) / 30)
    assert deletions(1) == []


def test_orders_of_a_vector_have_errors():
    sample = population(9, 2, n=6, role="sample")
    expansion = expand("displacement", order=2, sampling="one-pass", resummed=True)
    found = expansion.evaluate(sample, eta=0.1, T=5)
    assert found.standard_error.shape == (2,)
    assert (found.standard_error > 0).all()
    one = Statistics.from_samples({k: v[:1] for k, v in sample.samples.items()})
    assert np.isinf(expansion.evaluate(one, eta=0.1, T=5).standard_error).all()


# Errors and bookkeeping ---------------------------------------------------------------------------


def test_errors_are_one_line():
    expansion = expand("test-loss", order=2, sampling="one-pass", resummed=True)
    statistics = Gauss().statistics(2)
    training = Statistics.from_samples({0: [1.0, 2.0], 1: [[1.0], [2.0]]}, role="training-set")
    cases = [
        (RequestError, "role='training-set'", lambda: expansion.evaluate(training, eta=1, T=1)),
        (SamplingError, "T is missing", lambda: expansion.evaluate(statistics, eta=1)),
        (SamplingError, "got N=1", lambda: expansion.evaluate(statistics, eta=1, T=1, N=1)),
        (SamplingError, "T", lambda: expansion.evaluate(statistics, eta=1, T=-1)),
        (
            RequestError,
            "eigenvalues -0.1 and 0.2",
            lambda: expansion.evaluate(Helix().statistics(2), eta=[-0.1, 0.2, 0.1], T=1),
        ),
        (RequestError, "shape", lambda: expansion.evaluate(statistics, eta=[1, 2], T=1)),
        (
            StatisticsError,
            "derivative 2",
            lambda: expansion.evaluate(Gauss().statistics(1), eta=1, T=1),
        ),
        (RequestError, r"p=512 parameters at order 4; lower", lambda: check_size(512, 4)),
    ]
    for kind, message, call in cases:
        with pytest.raises(kind, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)
    valley = expand("displacement", order=3, sampling="one-pass", resummed=True)
    with pytest.raises(RequestError, match="use drift"):
        valley.stationary(flat=("a",)).evaluate(Helix().statistics(3), eta=0.1)
    parts = expand("test-loss", order=1, sampling="one-pass", resummed=True) + expand(
        "test-loss", order=1, sampling="one-pass", optimizer=SGD(weight_decay=1), resummed=True
    )
    decayed = Statistics.from_samples(
        Gauss().statistics(2).samples, role="population",
        weights=Gauss().statistics(2).weights, start=[0.0],
    )  # fmt: skip
    with pytest.raises(RequestError, match="one weight decay"):
        parts.evaluate(decayed, eta=1, T=1)


def test_comparison_after_many_updates(tmp_path, monkeypatch):
    request = {"order": 2, "eta": [0.05, 0.1], "runs": 300, "T": 1000, "resummed": True}
    comparison = compare("gauss", checkpoint=tmp_path / "runs.json", **request)
    for point in comparison.points:
        assert abs(point.deviations[-1]) > 50
        assert abs(point.resummed_deviations[-1]) < 5
    assert "re-s. order 2" in str(comparison)
    data = comparison.to_dict()
    assert data["points"][0]["resummed"] == list(comparison.points[0].resummed)
    axes = comparison.plot().axes[0]
    assert axes.get_ylim()[1] < 0.1 < comparison.points[1].predictions[1]
    labels = [line.get_label() for line in axes.get_lines()]
    assert "re-summed, order 2" in labels
    # The same checkpoint serves without, and pictures do without curves.
    again = compare("gauss", checkpoint=tmp_path / "runs.json", **(request | {"resummed": False}))
    assert [p.moments for p in again.points] == [p.moments for p in comparison.points]
    assert "resummed" not in again.to_dict()["points"][0]
    monkeypatch.setattr(sys.modules["sgdiagrams.numeric.comparison.experiment"], "_PATIENCE", 0)
    joined = compare("gauss", **request)
    assert joined.resummed_curve == ()
    assert joined.plot().axes[0].get_ylim() == axes.get_ylim()


def test_pictures_show_the_finest_resummed_prediction():
    moments = Moments.of(np.array([1.0, 1.1, 0.9]))
    point = Point(0.1, moments, (0.5, 50.0), resummed=(7.0, 3.0))
    comparison = Comparison("mean", "test-loss", "one-pass", (0.0, 5.0, 5000.0), (point,), 3)
    low, high = comparison.plot().axes[0].get_ylim()
    assert low < 0
    assert 3.0 < high < 7.0


def test_comparison_of_a_component():
    comparison = compare(
        "helix", observable="displacement", component=2, eta=0.1, runs=100, T=50, resummed=True
    )
    assert abs(comparison.points[0].resummed_deviations[-1]) < 4
    assert comparison.points[0].resummed[0] == 0


def test_order_0_needs_no_hessian():
    expansion = expand("test-loss", order=0, sampling="one-pass", resummed=True)
    assert expansion.evaluate(Gauss().statistics(0), eta=1, T=5).value == pytest.approx(0.5)


def test_chunks_change_nothing(monkeypatch):
    a, b = np.arange(5.0).reshape(1, 5, 1), np.arange(7.0).reshape(1, 1, 7)

    def product_of(x, y):
        return np.asarray(x * y)

    for size in (3, 10, 100):
        monkeypatch.setattr("sgdiagrams.numeric.long_times.weights._CHUNK", size)
        assert (_in_chunks(product_of, [a, b]) == a * b).all()


def test_eigenbasis():
    rng = np.random.default_rng(3)
    H = symmetric(rng, 4, 2)
    root = rng.normal(size=(4, 4))
    for eta in (0.3, rng.uniform(size=4), root @ root.T, np.diag([1.0, 0, 0, 2])):
        matrix = np.eye(4) * eta if np.ndim(eta) < 2 else eta
        basis = eigenbasis_of(H, eta, weight_decay=0.5)
        A = basis.vectors
        np.testing.assert_allclose(A @ A.T, matrix, atol=1e-12)
        curvature = A.T @ (H + 0.5 * np.eye(4)) @ A
        np.testing.assert_allclose(curvature, np.diag(basis.eigenvalues), atol=1e-12)
        np.testing.assert_allclose(basis.lower(H + 0.5 * np.eye(4)), curvature, atol=1e-12)
        g = rng.normal(size=4)
        np.testing.assert_allclose(basis.lower(g), A.T @ g)
        np.testing.assert_allclose(basis.upper(g), A @ g)
        assert np.abs(basis.lower(H)).max() <= basis.bound(np.abs(H))
    assert eigenbasis_of(np.diag([0.0, 1.0]), 1).flat.tolist() == [True, False]
