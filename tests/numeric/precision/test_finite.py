"""What leaves the range of floats is one line that names the first cause, at every door."""

import warnings
from fractions import Fraction

import numpy as np
import pytest

from sgdiagrams.diagrams.errors import RequestError, SgdiagramsError
from sgdiagrams.numeric import Statistics, compare, drift, judge_series
from sgdiagrams.numeric.precision.finite import check_finite, largest_inputs
from sgdiagrams.numeric.values.jackknife import jackknife_error
from sgdiagrams.symbolic import expand

PLAIN = [
    expand(name, order=2, sampling="one-pass", basis=basis)
    for name in ("test-loss", "displacement", "second-moment")
    for basis in ("moment", "cumulant")
]
RESUMMED = [
    expand(name, order=2, sampling="one-pass", resummed=True)
    for name in ("test-loss", "displacement")
]
#: A learning rate, and what one entry of a derivative is.
HUGE = {
    "eta": (1e308, {}),
    "square of eta": (1e200, {}),
    "negative eta": (-1e308, {}),
    "matrix": (np.diag([1e308, 1.0]), {}),
    "loss": (0.1, {0: 1.7e308}),
    "gradient": (0.1, {1: 1e155}),
    "Hessian": (0.1, {2: 1e308}),
    "square of a Hessian": (0.1, {2: -1e200}),
    "third": (0.1, {3: 1e308}),
}


def statistics(role, entries):
    rng = np.random.default_rng(0)
    samples = {
        0: np.array([1.0, 2, 3, 4]),
        1: rng.normal(size=(4, 2)),
        2: np.array([np.eye(2) * k for k in (1.0, 2, 3, 4)]),
        3: np.zeros((4, 2, 2, 2)),
    }
    for k, entry in entries.items():
        samples[k].reshape(-1)[0] = entry
    return Statistics.from_samples(samples, role=role)


def allowed(call):
    """Return what is said, in one line; or a result, in which nothing is undefined."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return call()
        except SgdiagramsError as error:
            words = str(error)
    assert "\n" not in words
    assert len(words) < 400
    return None


@pytest.mark.parametrize("role", ["population", "sample"])
@pytest.mark.parametrize("name", HUGE)
def test_no_door_has_tracebacks_or_undefined_numbers(name, role):
    eta, entries = HUGE[name]
    numbers = statistics(role, entries)
    for expansion in (*PLAIN, *RESUMMED):
        found = allowed(lambda e=expansion: e.evaluate(numbers, eta=eta, T=10))
        if found is not None:
            for x in (*found.orders, found.value, *found.order_standard_errors):
                assert not np.isnan(np.asarray(x, dtype=float)).any()
            if expansion in PLAIN:
                assert np.isfinite(np.asarray(found.value, dtype=float)).all()
    allowed(lambda: drift(numbers, eta=eta, order=2, sampling="one-pass"))
    allowed(lambda: str(judge_series(numbers, eta=eta, order=2, sampling="one-pass", T=10)))


@pytest.mark.parametrize(
    ("eta", "entries", "words"),
    [
        (1e308, {}, r"G_a G_a at order 1 .* eta=1e\+308"),
        (0.1, {1: 1e155}, r"G_a G_a at order 1 .* derivative 1 of sample 0 \(1e\+155\)"),
        (0.1, {1: -1e155, 2: 1e200}, r"derivative 2 of sample 0 \(1e\+200\)"),
    ],
)
def test_the_first_cause_is_named(eta, entries, words):
    with pytest.raises(RequestError, match=words):
        PLAIN[0].evaluate(statistics("population", entries), eta=eta, T=10)


def test_a_comparison_beyond_floats_is_refused():
    for eta in (1e308, 1e200, -1e308):
        with pytest.raises(RequestError, match="expected"):
            compare("gauss", order=2, eta=eta, T=5, runs=20)


def test_exact_numbers_have_no_range():
    gradients = {0: [Fraction(0)], 1: [[Fraction(10) ** 200]], 2: [[[Fraction(10) ** 200]]]}
    exact = Statistics.from_samples(gradients, role="population")
    assert PLAIN[0].evaluate(exact, eta=Fraction(10) ** 200, T=2).orders[1] == -2 * 10**600


def test_standard_errors_do_not_overflow_on_the_way():
    deviations = np.array([1.0, -2.0, 1.0])
    for size in (1e-200, 1.0, 1e300):
        assert jackknife_error(size * deviations) == pytest.approx(2 * size, rel=1e-14)
    assert jackknife_error(np.zeros(3)) == 0


def test_helpers():
    check_finite(np.array([1.0]), "it", "cause")
    check_finite(Fraction(1), "it", "cause")
    with pytest.raises(RequestError, match="expected it within the range"):
        check_finite(np.array([1.0, np.nan]), "it", "cause")
    assert largest_inputs({0: np.array([2.0]), 1: np.array([[-3.0]])}, [1, -5]) == (
        "derivative 1 of sample 0 (3) and eta=5"
    )
