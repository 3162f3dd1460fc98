"""Nouns of a user's own, made without touching the package: all that works for ours works for them."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import ClassVar

import numpy as np
import pytest
from command_line import run
from sympy import Integer

from sgdiagrams import (
    SGD,
    FormatError,
    Function,
    Grid,
    Landscape,
    Momentum,
    Nesterov,
    Observable,
    OnePass,
    Optimizer,
    RequestError,
    Sampling,
    SamplingError,
    Statistics,
    TailAverage,
    Training,
    compare,
    enumerate_diagrams,
    expand,
)
from sgdiagrams.numeric import (
    Digits,
    PolynomialLandscape,
    exact_sgd,
    exact_training,
    one_pass_schedule,
)
from sgdiagrams.numeric.simulation.simulation import Simulation
from sgdiagrams.symbolic import (
    ArraySchedule,
    Average,
    Epochs,
    Exponential,
    FixedBatches,
    Mode,
    Product,
    RandomBatches,
    Schedule,
)
from sgdiagrams.symbolic.propagation.linear_update import LinearUpdate, following_the_weights

HALF = Fraction(1, 2)


# Samplings ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Twice(Sampling):
    """One pass in which every row is used twice in a row."""

    name: ClassVar[str] = "twice"
    numbers: ClassVar[tuple[str, ...]] = ("N",)

    N: object

    @property
    def updates(self):
        return 2 * self.values["N"]

    @property
    def datapoints(self):
        return self.values["N"]

    def course(self):
        self._check_course()
        return FixedBatches(tuple((n // 2,) for n in range(2 * self.N)), self.N)


@dataclass(frozen=True, slots=True)
class Backwards(Sampling):
    """One pass forwards; a second one forwards or, with chance p, all rows at once and one again."""

    name: ClassVar[str] = "backwards"
    numbers: ClassVar[tuple[str, ...]] = ()

    chance: Fraction = Fraction(1, 3)

    @property
    def options(self):
        return {"chance": self.chance}

    @property
    def updates(self):
        return Grid([[0], [1], [0], [1]]).updates

    @property
    def datapoints(self):
        return Grid([[0], [1]]).datapoints

    def course(self):
        forwards, other = ((0,), (1,), (0,), (1,)), ((0,), (1,), (0, 1), (0,))
        return RandomBatches(((1 - self.chance, forwards), (self.chance, other)), 2)


# Optimisers ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class QuasiHyperbolic(Optimizer):
    """Quasi-hyperbolic momentum (Ma and Yarats 2019), with a kernel in closed form."""

    name: ClassVar[str] = "quasi-hyperbolic"
    numbers: ClassVar[tuple[str, ...]] = ("beta", "nu")
    memory_size: ClassVar[int] = 1

    beta: object
    nu: object
    average: Average | None = None
    weight_decay: object = 0

    def update(self, gradient, memory, factor):
        [v] = memory
        v = self.beta * v + (1 - self.beta) * gradient
        return factor * ((1 - self.nu) * gradient + self.nu * v), (v,)

    @property
    def kernel(self):
        """1 - nu beta^D."""
        one = self.values["beta"] ** 0
        return (Mode(one, 0, one), Mode(-self.values["nu"], 0, self.values["beta"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delayed(Optimizer):
    """Every step is along the gradient before: what is first is known by its update rule alone."""

    name: ClassVar[str] = "delayed"
    memory_size: ClassVar[int] = 1

    schedule: Schedule | None = None

    def update(self, gradient, memory, factor):
        return factor * memory[0], (gradient,)


@dataclass(frozen=True, slots=True)
class Forgetful(Optimizer):
    """Two velocities, which is more than is counted."""

    name: ClassVar[str] = "forgetful"
    memory_size: ClassVar[int] = 2

    def update(self, gradient, memory, factor):
        v, w = memory
        return factor * (v - w), (gradient, v)


@dataclass(frozen=True, slots=True)
class FirstAndLast(Average):
    name: ClassVar[str] = "first-and-last"

    def weights(self, T):
        return tuple(HALF * ((t == 1) + (t == T)) for t in range(1, T + 1))

    @property
    def label(self):
        return "first and last"


@dataclass(frozen=True, slots=True)
class Alternating(Schedule):
    name: ClassVar[str] = "alternating"

    def multipliers(self, T):
        return tuple(Fraction(1 + t % 2) for t in range(T))

    @property
    def label(self):
        return "alternating"


# Observables --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moment(Observable):
    """A class of a user's own, of the moments of the test loss."""


CUBE = Moment("cube", r"\mathbb{E}\,\ell^3", "E[loss^3]", (Product(1, (("loss",) * 3,)),))
PULL = Observable(
    "pull",
    r"\mathbb{E}\,\ell \Delta^\mu - \mathbb{E}\,\ell\; \mathbb{E}\,\Delta^\mu",
    "Cov[loss, displacement^a]",
    (Product(1, (("loss", "weights"),)), Product(-1, (("loss",), ("weights",)))),
)
BOTH = Observable(
    "both",
    r"\mathbb{E}\,\hat\ell s",
    "E[training loss s]",
    (Product(1, (("training-loss", "s"),)),),
)

# Landscapes ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quartic(Landscape):
    """A quartic with three equally likely slopes, in floating point and exactly."""

    name: ClassVar[str] = "quartic"

    tilt: int = 1

    @property
    def exact(self):
        quartic = {(1,): Fraction(1, 2), (2,): Fraction(1, 2), (4,): Fraction(1, 8)}
        return PolynomialLandscape(
            [
                {**quartic, (1,): quartic[1,] + self.tilt * x, (3,): Fraction(x, 4)}
                for x in (-1, 0, 1)
            ]
        )

    @property
    def start(self):
        return np.zeros(1)

    @property
    def parameters(self):
        return {"tilt": self.tilt}

    def draw(self, rng, shape):
        return rng.integers(-1, 2, size=shape)

    def loss(self, theta, x):
        return theta / 2 + theta**2 / 2 + theta**4 / 8 + x * (self.tilt * theta + theta**3 / 4)

    def gradient(self, theta, x):
        mean = x.mean(axis=1, keepdims=True)
        return 0.5 + theta + theta**3 / 2 + mean * (self.tilt + 3 * theta**2 / 4)

    def test_loss(self, theta):
        return self.loss(theta, np.zeros((len(theta), 1)))[:, 0]

    def statistics(self, order):
        exact = self.exact.statistics(order)
        samples = {k: array.astype(float) for k, array in exact.samples.items()}
        return Statistics.from_samples(samples, role="population")


SAMPLINGS = [Twice(2), Backwards(), Grid([[0], [1, 0], [1]])]
OPTIMIZERS = [
    SGD(),
    Momentum(beta=HALF, average=FirstAndLast()),
    SGD(schedule=Alternating()),
    QuasiHyperbolic(beta=HALF, nu=Fraction(2, 3)),
    QuasiHyperbolic(beta=HALF, nu=Fraction(2, 3), average=FirstAndLast(), weight_decay=HALF),
    Delayed(),
    Delayed(schedule=Alternating()),
]
OBSERVABLES = ["test-loss", "generalisation-gap", "covariance", CUBE, PULL, BOTH]
SQUARE = {(2,): Fraction(1), (1,): Fraction(-1)}  # the function s


def label(item):
    return getattr(item, "label", getattr(item, "name", str(item)))


def exact_statistics(landscape, order):
    known = landscape.statistics(order)
    slopes = {0: np.array(Fraction(0), dtype=object), 1: np.array([Fraction(-1)], dtype=object)}
    slopes[2] = np.array([[Fraction(2)]], dtype=object)
    slopes |= {
        k: np.array([Fraction(0)], dtype=object).reshape((1,) * k) for k in range(3, order + 1)
    }
    start = np.array([Fraction(0)], dtype=object)
    return Statistics(known.samples, known.role, known.weights, {"s": slopes}, start)


@pytest.mark.parametrize("observable", OBSERVABLES, ids=label)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=label)
@pytest.mark.parametrize("sampling", SAMPLINGS, ids=label)
def test_expansions_are_those_of_the_exact_simulator(sampling, optimizer, observable):
    order, landscape = 3, Quartic().exact
    expansion = expand(observable, order=order, sampling=sampling, optimizer=optimizer)
    ours = expansion.evaluate(exact_statistics(landscape, order), eta=Fraction(1)).orders
    function = {"functions": {"s": SQUARE}} if observable is BOTH else {}
    training = Training(sampling, optimizer)
    theirs = exact_training(landscape, training, order=order, observable=observable, **function)
    assert np.array_equal(np.array(ours, dtype=object), np.array(theirs, dtype=object))
    assert any(np.any(x != 0) for x in theirs[1:])
    assert sampling.label in expansion.text()
    assert r"\begin{align" in expansion.latex()


@pytest.mark.parametrize("optimizer", [QuasiHyperbolic(beta=HALF, nu=HALF), Delayed()])
@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_both_bases_and_the_training_set(optimizer, basis):
    landscape = Quartic().exact
    for sampling in SAMPLINGS[:2]:
        expansion = expand(
            "training-loss", order=3, sampling=sampling, optimizer=optimizer, basis=basis
        )
        ours = expansion.evaluate(exact_statistics(landscape, 3), eta=Fraction(1)).orders
        theirs = exact_training(
            landscape, Training(sampling, optimizer), order=3, observable="training-loss"
        )
        assert tuple(ours) == theirs


def test_a_kernel_in_closed_form_keeps_its_symbols():
    """The formula in T, beta and nu, at numbers, is what is counted by number, and the simulator's."""
    from sgdiagrams.symbolic import symbols

    nu = symbols.alpha
    free = QuasiHyperbolic(beta=symbols.beta, nu=nu, average=TailAverage())
    formula = expand("test-loss", order=3, sampling="one-pass", optimizer=free)
    assert set(formula.symbols) == {"T", "beta", "alpha"}
    landscape = Quartic().exact
    values = {"beta": Fraction(1, 3), "alpha": Fraction(3, 4)}
    for T in (1, 3, 4):
        ours = formula.evaluate(
            exact_statistics(landscape, 3), eta=Fraction(1), T=T, **values
        ).orders
        fixed = QuasiHyperbolic(beta=Fraction(1, 3), nu=Fraction(3, 4), average=TailAverage())
        assert tuple(ours) == exact_training(landscape, Training(OnePass(T=T), fixed), order=3)


def test_systems_are_read_off_the_update_rule():
    """What the built-in optimisers say twice is the same: their kernels and their rules."""
    for kind in (SGD, Momentum, Nesterov):
        beta = {} if kind is SGD else {"beta": "2/3"}
        scaled = [{}] if kind is SGD else [{}, {"schedule_scales": "gradient"}]
        for how in scaled:
            for schedule in (None, [1, 2, "1/3"]):
                optimizer = kind(**beta, **how, schedule=schedule)
                derived = Optimizer.linear_updates(optimizer, 3)
                assert derived == optimizer.linear_updates(3)
    beta = HALF
    [system] = Delayed(schedule=[2]).linear_updates(1)
    assert system == following_the_weights((0, 1), ((1, 2), (0, 0)))
    [system] = QuasiHyperbolic(beta=beta, nu=1).linear_updates(1)
    assert system == following_the_weights((HALF, HALF), ((1, HALF), (0, HALF)))
    assert system == LinearUpdate((1, 0), (HALF, HALF), ((1, HALF), (0, HALF)), (1, 0))


def test_more_memory_is_simulated_and_counted():
    """theta moves by g_{t-1} - g_{t-2}: after three updates along g_1."""
    landscape = PolynomialLandscape([{(1,): Fraction(1)}])
    moved = exact_sgd(
        landscape, one_pass_schedule(3), order=1, observable="displacement", optimizer=Forgetful()
    )
    assert moved[1].tolist() == [-1]
    series = expand("displacement", order=1, sampling=OnePass(T=3), optimizer=Forgetful())
    assert [str(term.weight) for term in series.order_terms(1)] == ["-1"]
    for scheme in (
        OnePass(T=4),
        Epochs(N=2, B=1, E=2),
        Epochs(N=2, B=1, E=2, shuffle="every-epoch"),
    ):
        formula = expand("training-loss", order=3, sampling=scheme, optimizer=Forgetful())
        values = formula.evaluate(exact_statistics(Quartic().exact, 3), eta=Fraction(1)).orders
        exact = exact_training(
            Quartic().exact, Training(scheme, Forgetful()), order=3, observable="training-loss"
        )
        assert tuple(values) == exact


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=label)
@pytest.mark.parametrize("sampling", SAMPLINGS, ids=label)
def test_simulations_have_the_exact_expectation(sampling, optimizer):
    """All training sets and all batches in floating point, against the sum of the whole series."""
    ground, s, training = Quartic(), Fraction(1, 1024), Training(sampling, optimizer)
    simulation = Simulation(ground, training, observable=CUBE)
    pull = Simulation(ground, training, observable=_mean_of(PULL), component=0)
    sets = np.array(list(product((-1, 0, 1), repeat=simulation.rows)))
    for experiment, observable in ((simulation, CUBE), (pull, _mean_of(PULL))):
        ours = sum(
            float(chance)
            * experiment.read_off(sets, (sets[:, list(b)] for b in batches), eta=float(s)).mean()
            for chance, batches in sampling.course().all_batches()
        )
        series = exact_training(ground.exact, training, order=9, observable=observable)
        theirs = sum(np.array(c).ravel()[0] * s**k for k, c in enumerate(series) if k)
        assert ours == pytest.approx(float(theirs), rel=1e-9, abs=1e-22)


def _mean_of(observable):
    """Return the first product of an observable, which is a mean."""
    return Observable("mean", "", "", observable.products[:1])


@pytest.mark.parametrize(
    ("observable", "component"), [("test-loss", None), (CUBE, None), ("displacement", 0)]
)
def test_compare_takes_all_of_them(observable, component, tmp_path):
    options = {
        "observable": observable,
        "component": component,
        "order": 4,
        "sampling": Backwards(),
        "optimizer": QuasiHyperbolic(beta=HALF, nu=HALF, weight_decay=HALF),
        "eta": 0.004,
        "runs": 4000,
    }
    found = compare(Quartic(), **options, checkpoint=tmp_path / "runs.json")
    point = found.points[0]
    assert abs(point.deviations[-1]) < 4
    assert point.moments.diverged == 0
    again = compare(Quartic(), **options, checkpoint=tmp_path / "runs.json")
    assert again.points[0].moments == point.moments
    with pytest.raises(FormatError, match="other settings"):
        compare(Quartic(2), **options, checkpoint=tmp_path / "runs.json")
    other = {**options, "optimizer": QuasiHyperbolic(beta=HALF, nu=1, weight_decay=HALF)}
    with pytest.raises(FormatError, match="other settings"):
        compare(Quartic(), **other, checkpoint=tmp_path / "runs.json")


def test_functions_of_the_weights_are_simulated_with_their_values():
    square = Function(
        "square",
        value=lambda theta: (theta**2).sum(axis=1),
        derivatives=lambda start, k: (
            [start @ start, 2 * start, 2 * np.eye(len(start))][k]
            if k < 3
            else np.zeros((len(start),) * k)
        ),
    )
    assert square == Function("square")
    found = compare("gauss", observable=square, order=3, sampling=Twice(3), eta=0.02, runs=4000)
    assert abs(found.points[0].deviations[-1]) < 4
    with pytest.raises(
        RequestError, match=r"^expected .* give Function\(\"square\", value=\.\.\.\)$"
    ):
        compare("gauss", observable="function:square", order=1, eta=0.02, T=2)
    wrong = Function("wrong", value=lambda theta: theta)
    with pytest.raises(
        RequestError, match=r"^expected values of shape \(4,\) .*, got shape=\(4, 1\)$"
    ):
        Simulation(Quartic(), Training(OnePass(T=1)), observable=wrong).run(
            eta=1, runs=4, seed=(0,)
        )


@pytest.mark.parametrize("optimizer", [SGD(), *OPTIMIZERS[3:]], ids=label)
@pytest.mark.parametrize("sampling", SAMPLINGS, ids=label)
def test_resummed_expansions_are_known_by_number(sampling, optimizer):
    """Expanded back they are the plain series, exactly; and they have values and a table."""
    options = {"order": 3, "sampling": sampling, "optimizer": optimizer}
    resummed = expand("test-loss", **options, resummed=True)
    plain = expand("test-loss", **options, basis="cumulant")
    assert resummed.expanded().terms == plain.terms
    assert "W[" in resummed.text()
    assert sampling.label in resummed.text()
    statistics = exact_statistics(Quartic().exact, 5)
    long = expand("test-loss", **{**options, "order": 5}).evaluate(statistics, eta=HALF / 100)
    value = resummed.evaluate(statistics, eta=0.005).value
    assert value == pytest.approx(float(long.value), rel=1e-4)
    third = expand("test-loss", **options).evaluate(statistics, eta=HALF / 100)
    # With few updates a delay leaves no links to be summed up.
    assert abs(value - float(long.value)) <= 1.000001 * abs(float(third.value - long.value))


def test_batches_of_random_size_are_drawn_with_their_chances():
    """Rows of the smaller batch come twice, so that the mean over rows is that of the batch."""
    course = Backwards().course()
    assert course.sizes == (1, 1, 2, 1)
    third, fourth = list(course.draw(6000, np.random.default_rng(0)))[2:]
    assert third.shape == (6000, 2)
    forwards = (third == 0).all(axis=1)
    assert abs(forwards.mean() - 2 / 3) < 0.03
    assert (third[~forwards] == [0, 1]).all()
    assert (fourth[forwards] == 1).all()
    assert (fourth[~forwards] == 0).all()


@pytest.mark.parametrize(
    ("alternatives", "rows"),
    [
        ((), 1),
        (((HALF, ((0,),)),), 1),
        (((HALF, ((0,),)), (HALF, ((0,), (0,)))), 1),
        (((1, ((1,),)),), 1),
        (((1, ((),)),), 1),
        (((2, ((0,),)), (-1, ((0,),))), 1),
    ],
)
def test_impossible_chances_are_refused(alternatives, rows):
    with pytest.raises(SamplingError, match=r"^expected [^\n]*$"):
        RandomBatches(alternatives, rows)


def test_counts_are_by_number():
    """A user's scheme counts embeddings as the grid of its batches does."""
    grid = Grid(Twice(3).course().batches)
    uneven = Grid([[0], [1], [0, 1], [0]])
    forwards = Grid([[0], [1], [0], [1]])
    for root, mode in (("population", "isolated"), ("training", "in-partition")):
        for diagram in enumerate_diagrams(3, root=mode):
            for basis in ("moment", "cumulant"):
                count = Twice(3).count(diagram, basis=basis, root=root)
                assert count == grid.count(diagram, basis=basis, root=root)
                mixed = Backwards().count(diagram, basis=basis, root=root)
                one, other = (s.count(diagram, basis=basis, root=root) for s in (forwards, uneven))
                assert mixed == (2 * one + other) / 3


def test_symbols_must_have_numbers():
    from sgdiagrams import symbols

    with pytest.raises(
        SamplingError, match=r"^expected numbers for N: [^\n]* fix N=\.\.\. [^\n]*$"
    ):
        expand("test-loss", order=1, sampling=Twice(symbols.N))
    assert expand("test-loss", order=1, sampling=Twice(symbols.N).at(N=2)).sampling == Twice(2)


@pytest.mark.parametrize("number", ["N", 2.5, True, None, [2]], ids=repr)
def test_numbers_of_a_scheme_are_whole_or_symbols(number):
    with pytest.raises(SamplingError, match="for N of twice") as caught:
        expand("test-loss", order=1, sampling=Twice(number))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("number", ["1/2", 0.5, True, None], ids=repr)
def test_numbers_of_an_optimiser_are_exact_or_symbols(number):
    optimizer = QuasiHyperbolic(beta=number, nu=Fraction(1, 2))
    with pytest.raises(SamplingError, match="for beta of") as caught:
        expand("test-loss", order=1, sampling=OnePass(T=2), optimizer=optimizer)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("observable", "options"),
    [
        ("test-loss", {"sampling": Twice(2)}),
        ("test-loss", {"sampling": OnePass(T=2), "optimizer": Delayed()}),
        ("test-loss", {"sampling": OnePass(T=2), "optimizer": SGD(schedule=Alternating())}),
        ("test-loss", {"sampling": OnePass(T=2), "optimizer": SGD(average=FirstAndLast())}),
        (CUBE, {"sampling": "one-pass"}),
        (Moment("variance", "", "", CUBE.products), {"sampling": "one-pass"}),
    ],
)
@pytest.mark.parametrize("resummed", [False, True])
def test_files_refuse_them_in_one_line(observable, options, resummed):
    expansion = expand(observable, order=1, resummed=resummed, **options)
    with pytest.raises(FormatError, match=r"^expected [^\n]*$"):
        expansion.to_json()


def test_what_files_know_is_still_written():
    for options in (
        {"sampling": "epochs"},
        {
            "sampling": Grid([[0], [1]]),
            "optimizer": Momentum(schedule=ArraySchedule([1, 2]), beta=0),
        },
    ):
        expansion = expand(Function("s", value=len), order=1, **options)
        assert type(expansion).from_json(expansion.to_json()) == expansion


@pytest.mark.parametrize(
    "arguments",
    [
        ("expand", "--sampling", "twice", "--order", "1"),
        ("expand", "--optimizer", "delayed", "--order", "1"),
        ("expand", "--schedule", "alternating", "--order", "1"),
        ("expand", "--average", "first-and-last", "--order", "1"),
        ("expand", "--observable", "cube", "--order", "1"),
        ("compare", "quartic"),
    ],
)
def test_the_command_line_refuses_them_in_one_line(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 1, done.stderr


@pytest.mark.parametrize(
    "products",
    [
        (Product(1, (("training-loss", "training-loss"),)),),
        (Product(1, (("loss",),)), Product(1, (("weights",),))),
        (Product(1, (("2",),)),),
        (Product(1, ((),)),),
    ],
)
def test_observables_that_mean_nothing_are_refused(products):
    with pytest.raises(RequestError, match=r"^expected [^\n]*$"):
        Observable("x", "", "", products)


def test_a_training_is_a_pair_that_goes_together():
    training = Training(OnePass(), Momentum())
    assert training.symbols == ("T", "beta")
    assert training.at(T=3, beta=HALF) == Training(OnePass(T=3), Momentum(beta=HALF))
    for wrong in (("one-pass", SGD()), (OnePass(), "sgd")):
        with pytest.raises(RequestError, match=r"^expected [^\n]*$"):
            Training(*wrong)
    with pytest.raises(SamplingError, match=r"^expected numbers for T, beta, got N=3$"):
        training.at(N=3)


# What a user gets wrong is said, and what is right holds in corners -----------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled(QuasiHyperbolic):
    """The same with a schedule, under which its kernel does not hold."""

    schedule: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledWithoutKernel(Scheduled):
    @property
    def kernel(self):
        return None


def test_a_kernel_without_schedule_is_not_used_with_one():
    numbers = {"beta": HALF, "nu": Fraction(2, 3), "schedule": Exponential(Fraction(9, 10))}
    for T in (3, 101):  # few updates are counted by number anyhow
        formula, counted = (
            expand("test-loss", order=1, sampling=OnePass(T=T), optimizer=cls(**numbers))
            for cls in (Scheduled, ScheduledWithoutKernel)
        )
        assert formula.terms == counted.terms


@dataclass(frozen=True, slots=True)
class Alternately(Schedule):
    """Too few factors, or factors that are no rational numbers."""

    name: ClassVar[str] = "alternately"
    factors: tuple

    @property
    def label(self):
        return "alternately"

    def multipliers(self, T):
        return self.factors[:T]


@dataclass(frozen=True, slots=True)
class Short(Average):
    name: ClassVar[str] = "short"

    @property
    def label(self):
        return "short average"

    def weights(self, T):
        return (HALF,) * (T - 1)


@pytest.mark.parametrize("resummed", [False, True])
@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(schedule=Alternately((1, 1))),
        SGD(schedule=Alternately((1, 0.5, 1))),
        SGD(average=Short()),
    ],
    ids=lambda o: o.label,
)
def test_numbers_of_schedules_and_averages_are_checked(optimizer, resummed):
    landscape = PolynomialLandscape.random(0, p=1, degree=3, atoms=2)

    def evaluate():
        formula = expand(
            "test-loss", order=1, sampling=OnePass(T=3), optimizer=optimizer, resummed=resummed
        )
        return formula.evaluate(landscape.statistics(2), eta=1)

    with pytest.raises(SamplingError, match="expected") as caught:
        evaluate()
    assert len(str(caught.value).splitlines()) == 1


@dataclass(frozen=True, slots=True)
class Contrary(Sampling):
    """Says one thing, and does another."""

    name: ClassVar[str] = "contrary"
    numbers: ClassVar[tuple[str, ...]] = ()

    said: tuple = (3, 4)

    @property
    def updates(self):
        return Integer(self.said[0])

    @property
    def datapoints(self):
        return None if self.said[1] is None else Integer(self.said[1])

    def course(self):
        return FixedBatches([[0], [np.int64(1)]], np.int64(2))


@pytest.mark.parametrize("said", [(3, 2), (2, 4)])
def test_a_scheme_and_its_course_agree(said):
    doors = [
        lambda: expand("test-loss", order=1, sampling=Contrary(said)),
        lambda: compare("gauss", order=1, sampling=Contrary(said), eta=0.01, runs=4),
        lambda: exact_training(
            PolynomialLandscape.random(0, p=1, degree=2, atoms=2), Training(Contrary(said)), order=1
        ),
    ]
    for door in doors:
        with pytest.raises(SamplingError, match="as the scheme says"):
            door()


def test_a_stream_without_a_training_set_is_no_limit():
    stream = Contrary((2, None))
    heavy = Momentum(beta=HALF)
    ours = expand("test-loss", order=2, sampling=stream, optimizer=heavy)
    same = expand("test-loss", order=2, sampling=OnePass(T=2), optimizer=heavy)
    assert [(t.weight, t.contraction) for t in ours.terms] == [
        (t.weight, t.contraction) for t in same.terms
    ]
    with pytest.raises(RequestError, match="no training set"):
        expand("training-loss", order=1, sampling=stream)


def test_courses_settle_what_they_are_given():
    assert FixedBatches([[0], [np.int64(1)]], np.int64(2)) == FixedBatches(((0,), (1,)), 2)
    coin = RandomBatches([["1/2", [[0]]], [0.5, [[1]]]], 2)
    assert coin == RandomBatches(((HALF, ((0,),)), (HALF, ((1,),))), 2)
    for batches, rows in (([[0]], 2.0), ([[0]], True), ([[0.0]], 2), ([[True]], 2), ([[2]], 2)):
        with pytest.raises(SamplingError):
            FixedBatches(batches, rows)


def test_functions_of_one_name_have_checkpoints_of_their_own():
    first, second = (
        Function("sq", value=lambda theta, c=c: c * (theta**2).sum(axis=1)) for c in (1, 7)
    )
    prints = {
        Simulation(Digits(3), Training(OnePass(T=2)), observable=f).fingerprint
        for f in (first, second, first)
    }
    assert len(prints) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"since": -1},
        {"since": 1.5},
        {"since": True},
        {"latex": None},
        {"products": (Product("a", (("loss",),)),)},
        {"products": (Product(HALF, (("loss",),)),)},
    ],
    ids=repr,
)
def test_observables_check_what_they_are_made_of(wrong):
    right = {"name": "o", "latex": "o", "text": "o", "products": [Product(1, (("loss",),))]}
    assert Observable(**right).products == (Product(1, (("loss",),)),)
    with pytest.raises(RequestError):
        Observable(**{**right, **wrong})


@dataclass(frozen=True, slots=True, kw_only=True)
class Growing(Optimizer):
    name: ClassVar[str] = "growing"
    memory_size: ClassVar[int] = 1

    def update(self, gradient, memory, factor):
        return factor * gradient, (*memory, gradient)


@dataclass(frozen=True, slots=True, kw_only=True)
class Squared(Optimizer):
    name: ClassVar[str] = "squared"

    def update(self, gradient, memory, factor):
        return factor * (gradient + gradient * gradient), memory


@pytest.mark.parametrize(("rule", "words"), [(Growing(), "memory_size"), (Squared(), "linear")])
def test_update_rules_keep_what_they_say_and_are_linear(rule, words):
    with pytest.raises(SamplingError, match=words):
        expand("test-loss", order=1, sampling=OnePass(T=2), optimizer=rule)
