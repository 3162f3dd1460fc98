"""Generated NumPy source runs alone and agrees with nested loops."""

import json
import subprocess
import sys
from fractions import Fraction
from functools import cache
from itertools import cycle

import numeric_slow
import numpy as np
import pytest
import slow
from sympy import sympify

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.numeric import Statistics
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.symbolic import Epochs, OnePass, expand, symbols
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.expansion import Expansion
from sgdiagrams.symbolic.formula import Part, Term
from sgdiagrams.symbolic.observable import Function, named_observable
from sgdiagrams.symbolic.source.helpers import HELPERS
from sgdiagrams.symbolic.training.average import ExponentialAverage
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.schedules.closed_schedules import Exponential

SAMPLES = slow.symmetric_samples(11, n=4, p=2, span=5)
NUMBERS = {"T": 5, "N": 6, "B": 3, "E": 2}
ETA = [[Fraction(1, 2), Fraction(-1, 4)], [Fraction(-1, 4), Fraction(1, 8)]]
ETAS = {
    "scalar": Fraction(1, 4),
    "diagonal": [Fraction(1, 2), Fraction(1, 8)],
    "matrix": ETA,
}

RUNNER = """
import json, sys
jobs = json.load(sys.stdin)
results = []
for job in jobs:
    space = {}
    exec(job["source"], space)
    derivatives = {int(k): v for k, v in job["derivatives"].items()}
    options = job.get("options", {})
    for name, arrays in options.get("functions", {}).items():
        options["functions"][name] = {int(k): v for k, v in arrays.items()}
    tensors = space["tensors"](derivatives, **options)
    orders = space["orders"](tensors, eta=job["eta"], **job["numbers"])
    results.append(orders.tolist())
foreign = [m for m in ("sympy", "sgdiagrams", "scipy", "networkx", "opt_einsum") if m in sys.modules]
print(json.dumps([results, foreign]))
"""


@cache
def cases():
    found = {}
    for name in ("test-loss", "training-loss", "generalisation-gap"):
        for basis in ("moment", "cumulant"):
            for sampling in (OnePass(B=symbols.B), Epochs()):
                key = (name, str(sampling), basis)
                found[key] = expand(name, order=3, sampling=sampling, basis=basis)
    moments = expand("test-loss", order=3, sampling="epochs")
    cumulants = expand("test-loss", order=3, sampling="one-pass", basis="cumulant")
    found["mixed"] = moments - cumulants * Fraction(2, 3)
    found["quotient"] = moments.subs({"N": symbols.B * (symbols.E + 1)})
    found["nothing"] = moments - moments
    found["order 0"] = expand("test-loss", order=0, sampling="one-pass")
    found["gap of order 0"] = expand("generalisation-gap", order=0, sampling="one-pass")
    found["order 4"] = expand("test-loss", order=4, sampling="one-pass", basis="cumulant")
    found["full batch"] = expand("test-loss", order=3, sampling="full-batch")
    return found


def plain(eta):
    if isinstance(eta, list):
        return [plain(row) for row in eta]
    return float(eta)


def full(eta):
    """Return a learning rate as a matrix of fractions."""
    if not isinstance(eta, list):
        return [[eta, 0], [0, eta]]
    if not isinstance(eta[0], list):
        return [[eta[0], 0], [0, eta[1]]]
    return eta


@cache
def value(contraction, kind):
    c = contraction
    return slow.value(c.edges, c.blocks, SAMPLES, basis=c.basis, eta=full(ETAS[kind]))


def expected(expansion, kind):
    orders = [Fraction(0)] * (expansion.order + 1)
    for term in expansion.terms:
        numbers = {str(s): NUMBERS[str(s)] for s in term.weight.free_symbols}
        orders[term.order] += slow.exact(term.weight, **numbers) * value(term.contraction, kind)
    return orders


def run(jobs):
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", RUNNER],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_the_source_runs_alone_and_agrees():
    derivatives = {k: array.tolist() for k, array in SAMPLES.items()}
    jobs = []
    answers = []
    kinds = cycle(ETAS)
    for name, expansion in cases().items():
        source = expansion.python()
        assert [line for line in source.splitlines() if "import" in line] == ["import numpy"]
        # All learning rates for some, one each for the others.
        for kind in ETAS if name in ("mixed", "order 0") else [next(kinds)]:
            eta = ETAS[kind]
            jobs.append(
                {
                    "source": source,
                    "derivatives": derivatives,
                    "eta": plain(eta),
                    "numbers": {name: NUMBERS[name] for name in expansion.symbols},
                }
            )
            answers.append([float(x) for x in expected(expansion, kind)])
    results, foreign = run(jobs)
    assert foreign == []
    assert len(results) == len(answers)
    for found, answer in zip(results, answers, strict=True):
        assert len(found) == len(answer)
        np.testing.assert_allclose(found, answer, rtol=1e-11, atol=1e-9)


@pytest.mark.parametrize("name", ["p", "result", "numpy", "tensors", "G", "l", "M_1_1", "d"])
def test_symbols_named_as_what_the_source_uses(name):
    # A user's own symbol must not collide with a local variable of the generated code.
    expansion = expand("test-loss", order=2, sampling="one-pass").subs({"T": name})
    space = {}
    exec(expansion.python(), space)
    tensors = space["tensors"]({k: array.tolist() for k, array in SAMPLES.items()})
    with np.errstate(all="raise"):
        found = space["orders"](tensors, eta=0.25, **{name: NUMBERS["T"]})
    answer = expected(expand("test-loss", order=2, sampling="one-pass"), "scalar")
    np.testing.assert_allclose(found, [float(x) for x in answer], rtol=1e-12)


def test_a_symbol_named_as_a_python_keyword():
    expansion = expand("test-loss", order=1, sampling="one-pass").subs({"T": "lambda"})
    compile(expansion.python(), "generated", "exec")


# Free legs, functions of the weights, weight decay ------------------------------------------------

START = [Fraction(1, 2), Fraction(-3)]
DECAY = Fraction(1, 4)
# Names that are one identifier or one operand of the loss, once characters are replaced.
FUNCTION_NAMES = ("s", "a-b", "a_b", "a_b_1", "G", "p", "eta", "numpy", "lambda", "M_1", "x" * 61)


@cache
def labelled():
    """Return the slow definitions' samples, and what the source is given."""
    samples = numeric_slow.symmetric_samples(4, n=2, p=2, orders=range(5))
    functions = {
        name: numeric_slow.symmetric_function(i, p=2, orders=range(5))
        for i, name in enumerate(FUNCTION_NAMES)
    }
    everything = {**samples, **functions}
    everything["penalised-loss"] = numeric_slow.penalised(samples, START, DECAY)
    return samples, functions, everything


def slow_value_of(c, eta):
    forest = (c.edges, c.blocks, c.free, c.labels)
    everything = labelled()[2]
    if c.basis == "cumulant":
        value = numeric_slow.cumulant(everything, forest, eta, numeric_slow.plug_in)
    else:
        value = numeric_slow.plug_in(everything, forest, eta)
    return numeric_slow.array_of(value, 2, len(c.free)).astype(float)


def slow_orders(expansion, eta, numbers):
    free = {len(term.contraction.free) for term in expansion.terms}.pop()
    orders = np.zeros((expansion.order + 1, *[2] * free))
    for weight, term in zip(expansion.weights(**numbers), expansion.terms, strict=True):
        orders[term.order] += float(weight) * slow_value_of(term.contraction, eta)
    return orders


def options_for(expansion):
    """Return the keywords that the source asks for, as JSON data."""
    labels = {label for t in expansion.terms for label in t.contraction.labels}
    names = labels.difference(["loss", "penalised-loss"])
    options = {}
    if names:
        functions = labelled()[1]
        options["functions"] = {
            name: {k: a.astype(float).tolist() for k, a in functions[name].items()}
            for name in names
        }
    penalised = {
        k
        for term in expansion.terms
        for label, k in zip(term.contraction.labels, term.contraction.legs, strict=True)
        if label == "penalised-loss"
    }
    if penalised & {0, 1}:
        options["start"] = plain(START)
    if penalised & {0, 1, 2}:
        options["weight_decay"] = float(DECAY)
    return options


def derivatives():
    return {k: array.astype(float).tolist() for k, array in labelled()[0].items()}


@cache
def tensor_cases():
    decaying = SGD(weight_decay=DECAY)
    symbolic = SGD(weight_decay=symbols.lamda)
    found = {
        (name, basis, optimizer): expand(
            name, order=3, sampling="one-pass", basis=basis, optimizer=optimizer
        )
        for name in ("displacement", "second-moment", "function:a-b", "test-loss")
        for basis in ("moment", "cumulant")
        for optimizer in (SGD(), decaying)
    }
    found["covariance"] = expand("covariance", order=3, sampling="epochs", optimizer=symbolic)
    found["training"] = expand("training-loss", order=3, sampling="epochs", optimizer=decaying)
    found["sum"] = (
        found["displacement", "moment", SGD()] - found["displacement", "moment", decaying]
    )
    return found


def test_the_source_of_tensors_runs_alone_and_agrees():
    kinds = cycle(ETAS)
    jobs, answers = [], []
    for expansion in tensor_cases().values():
        kind = next(kinds)
        numbers = {name: NUMBERS[name] for name in expansion.symbols if name != "lamda"}
        jobs.append(
            {
                "source": expansion.python(),
                "derivatives": derivatives(),
                "options": options_for(expansion),
                "eta": plain(ETAS[kind]),
                "numbers": numbers,
            }
        )
        if "lamda" in expansion.symbols:
            numbers = {**numbers, "lamda": DECAY}
        answers.append(slow_orders(expansion, full(ETAS[kind]), numbers))
    results, foreign = run(jobs)
    assert foreign == []
    for found, answer in zip(results, answers, strict=True):
        assert np.shape(found) == answer.shape
        np.testing.assert_allclose(found, answer, rtol=1e-11, atol=1e-9)


def hand_made(contractions, *, name="displacement", weights=None, optimizer=None):
    order = max(c.order for c in contractions)
    part = Part(Fraction(1), named_observable(name), None, optimizer or SGD())
    weights = [1] * len(contractions) if weights is None else weights
    terms = (Term(sympify(w), c) for w, c in zip(weights, contractions, strict=True))
    return Expansion(order, "moment", (part,), tuple(terms))


def run_here(expansion, *, eta, options=None, **numbers):
    space = {}
    exec(expansion.python(), space)
    given = options_for(expansion) if options is None else options
    return space["orders"](space["tensors"](derivatives(), **given), eta=plain(eta), **numbers)


def test_circles():
    texts = ("H_aa", "H_ab H_ab", "J_aab G_b", "M_aa|b G_b", "C_ab C_ab", "K_aabb", "H^_aa H^_bb")
    contractions = [Contraction.parse(text) for text in texts]
    expansion = hand_made(contractions, name="test-loss", weights=[f"w{i}" for i in range(7)])
    for i, c in enumerate(contractions):
        found = run_here(expansion, eta=ETA, **{f"w{k}": int(k == i) for k in range(7)})
        np.testing.assert_allclose(found.sum(), slow_value_of(c, ETA), rtol=1e-12)
    distinct = hand_made([Contraction.parse("G^u_a G^u_a")], name="test-loss")
    with pytest.raises(RequestError, match="an average over distinct samples"):
        distinct.python()


def test_labels_do_not_collide():
    """All functions, with one and two legs, and blocks that differ in the places of their labels."""
    path = [(0, 1), (1, 2)]
    blocks = [[0, 1], [2]]
    contractions = [
        Contraction.build(path, [[0], [1], [2]], labels=["loss", first, second])
        for first in FUNCTION_NAMES
        for second in FUNCTION_NAMES
    ]
    contractions += [
        Contraction.build(path, blocks, labels=labels, basis=basis)
        for labels in (
            ["loss", "loss", "M_1"],
            ["penalised-loss", "loss", "M_1"],
            ["loss", "penalised-loss", "M_1"],
            ["penalised-loss", "penalised-loss", "loss"],
            ["loss", "loss", "penalised-loss"],
        )
        for basis in ("moment", "cumulant", "plug-in")
    ]
    contractions += [
        Contraction.build([], [[0]], labels=["penalised-loss"], free=[0] * free)
        for free in (1, 2, 3)
    ]
    contractions += [
        Contraction.build([(0, 1)], [[0, 1]], labels=labels, free=[0, 1])
        for labels in (["loss", "loss"], ["loss", "penalised-loss"], ["penalised-loss", "loss"])
    ]
    scalars = [c for c in contractions if not c.free]
    symbols_of_weights = [f"w{i}" for i in range(len(scalars))]
    expansion = hand_made(scalars, weights=symbols_of_weights)
    values = [float(slow_value_of(c, ETA)) for c in scalars]
    space = {}
    exec(expansion.python(), space)
    tensors = space["tensors"](derivatives(), **options_for(expansion))
    none = dict.fromkeys(symbols_of_weights, 0)
    for i, value in enumerate(values):
        found = space["orders"](tensors, eta=plain(ETA), **{**none, f"w{i}": 1})
        np.testing.assert_allclose(found, [0, 0, value], rtol=1e-12)
    zeroth = Contraction.build([], [[0]], labels=["penalised-loss"])
    for c in [zeroth, *contractions[len(scalars) :]]:
        found = run_here(hand_made([c]), eta=ETA)
        np.testing.assert_allclose(found[c.order], slow_value_of(c, ETA), rtol=1e-12)


@pytest.mark.parametrize(
    ("labels", "free", "arguments"),
    [
        (["loss", "loss"], [], ""),
        (["s", "loss"], [], ", *, functions"),
        (["penalised-loss", "loss"], [], ", *, start, weight_decay"),
        (["penalised-loss", "loss"], [0], ", *, weight_decay"),
        (["penalised-loss", "loss"], [0, 0], ""),
        (["penalised-loss", "s"], [], ", *, functions, start, weight_decay"),
    ],
)
def test_only_arguments_that_are_needed(labels, free, arguments):
    c = Contraction.build([(0, 1)], [[0], [1]], labels=labels, free=free)
    source = hand_made([c]).python()
    assert f"def tensors(derivatives{arguments}):" in source
    found = run_here(hand_made([c]), eta=ETA)
    np.testing.assert_allclose(found[c.order], slow_value_of(c, ETA), rtol=1e-12)


def test_a_known_weight_decay_is_the_default():
    for decay, spelled in [(DECAY, "weight_decay=0.25"), (symbols.lamda, "weight_decay")]:
        optimizer = SGD(weight_decay=decay)
        expansion = expand("test-loss", order=1, sampling="one-pass", optimizer=optimizer)
        source = expansion.python()
        assert f"def tensors(derivatives, *, start, {spelled}):" in source
        assert "def orders(tensors, /, *, eta, T):" in source
    fixed = expand("test-loss", order=1, sampling="one-pass", optimizer=SGD(weight_decay=DECAY))
    found = run_here(fixed, eta=ETA, options={"start": plain(START)}, T=3)
    np.testing.assert_allclose(found, slow_orders(fixed, ETA, {"T": 3}))
    other = expand("test-loss", order=1, sampling="one-pass", optimizer=SGD(weight_decay=1))
    with pytest.raises(RequestError, match="one weight decay for all parts") as caught:
        (fixed - other).python()
    assert "\n" not in str(caught.value)


def test_functions_alone():
    gradient = Contraction.build([], [[0]], labels=["s"], free=[0])
    source = hand_made([gradient]).python()
    space = {}
    exec(source, space)
    tensors = space["tensors"]({}, functions={"s": {1: [1.0, 2.0]}})
    assert space["orders"](tensors, eta=0.5).tolist() == [[0.0, 0.0], [0.5, 1.0]]
    value = hand_made([Contraction.build([], [[0]], labels=["s"])]).python()
    exec(value, space)
    assert space["orders"](space["tensors"]({}, functions={"s": {0: 3.0}}), eta=1).tolist() == [3.0]


def test_no_names_without_losses_of_order_zero():
    """The number of parameters comes from any tensor with an index, whatever its first group is."""
    pair = Contraction.build([(1, 2)], [[0, 1], [2]], free=[2])
    found = run_here(hand_made([pair]), eta=ETA)
    np.testing.assert_allclose(found[pair.order], slow_value_of(pair, ETA), rtol=1e-12)


def test_what_the_source_refuses():
    scalar, vector = Contraction.build([], [[0]]), Contraction.build([], [[0]], free=[0])
    with pytest.raises(RequestError, match="some with 0 and some with 1"):
        hand_made([scalar, vector]).python()
    tied = Contraction.build([(0, 1)], [[0, 1]], labels=["s", "loss"])
    with pytest.raises(RequestError, match="alone in its block, got label='s'"):
        hand_made([tied]).python()


def test_titles_stay_inside_their_docstring():
    nasty = named_observable("test-loss").__class__("x", "x", 'a """ \\ b', Function("s").products)
    expansion = hand_made([Contraction.build([], [[0]])])
    part = Part(Fraction(1), nasty, None)
    source = Expansion(0, "moment", (part,), expansion.terms).python()
    compile(source, "generated", "exec")


def test_momentum():
    """Weights with powers such as beta**T."""
    expansion = expand("displacement", order=2, sampling="one-pass", optimizer=Momentum())
    assert "beta" in expansion.python()
    numbers = {"T": 5, "beta": Fraction(1, 3)}
    found = run_here(expansion, eta=ETA, T=5, beta=1 / 3)
    np.testing.assert_allclose(found, slow_orders(expansion, ETA, numbers), rtol=1e-12)


# Numbers that people have -------------------------------------------------------------------------

STEEP = {k: np.ones((1,) * (k + 1), dtype=int) for k in range(5)}  # the loss e^theta at 0
NUMBERS_OF_ALL = {"T": 7, "N": 6, "B": 3, "E": 4, "alpha": 0.75, "gamma": 0.5}


def both(expansion, *, eta=Fraction(1, 8), derivatives=STEEP, numbers, given=None):
    """Return what `evaluate` and the source say."""
    exact = Statistics.from_samples(derivatives, role="population")
    right = expansion.evaluate(exact, eta=eta, **numbers).orders
    space = {}
    exec(expansion.python(), space)
    found = space["orders"](
        space["tensors"](derivatives), eta=float(eta), **(numbers if given is None else given)
    )
    return found, np.array([np.array(x, dtype=float) for x in right])


TRAININGS = [
    *(
        (sampling, optimizer)
        for sampling in ("one-pass", "full-batch", "with-replacement")
        for optimizer in (
            SGD(),
            Momentum(),
            Nesterov(),
            SGD(average=ExponentialAverage()),
            SGD(schedule=Exponential()),
            Momentum(beta=0.9),
        )
    ),
    ("epochs", SGD()),
    ("one-pass", Momentum(average=ExponentialAverage())),
]


@pytest.mark.parametrize(("sampling", "optimizer"), TRAININGS, ids=str)
def test_the_source_agrees_with_evaluate(sampling, optimizer):
    """For every type of number, momenta from 0 to 1 - 1e-6, tensors and scalars, complete orders."""
    kinds = cycle([int, np.int64, np.int8, float, np.float64, Fraction])
    betas = [0, 0.5, 0.99, np.float32(0.9), Fraction(999, 1000), 1 - 1e-6, 0.75 + 1e-9]
    for observable in ("training-loss", "second-moment"):
        expansion = expand(observable, order=2, sampling=sampling, optimizer=optimizer)
        for beta in betas if "beta" in expansion.symbols else [0.5]:
            kind = next(kinds)
            numbers = {"beta": beta, **NUMBERS_OF_ALL}
            numbers = {k: v for k, v in numbers.items() if k in expansion.symbols}
            given = {k: kind(v) if k in "TNBE" else v for k, v in numbers.items()}
            try:
                found, right = both(expansion, numbers=numbers, given=given)
            except ValueError:
                # A pole that evaluation knows as well.
                assert "alpha" in numbers
                assert beta == 0
                with pytest.raises(SamplingError):
                    expansion.weights(**numbers)
                continue
            assert found.shape == right.shape
            np.testing.assert_allclose(found, right, rtol=1e-12)


@pytest.mark.parametrize("T", [10**6, np.int64(10**6), np.float64(1e6), 10**12])
def test_many_updates_do_not_overflow(T):
    expansion = expand("test-loss", order=4, sampling="one-pass")
    found, right = both(expansion, numbers={"T": int(T)}, given={"T": T})
    np.testing.assert_allclose(found, right, rtol=1e-12)
    heavy = expand("displacement", order=2, sampling="one-pass", optimizer="momentum")
    space = {}
    exec(heavy.python(), space)
    found = space["orders"](space["tensors"](STEEP), eta=1, T=T, beta=0.9)
    # Transients have died out: -(T - 9)/(1 - beta) at order 1.
    assert found[1, 0] == pytest.approx(-(int(T) - 9) * 10, rel=1e-15)


@pytest.mark.parametrize("observable", ["displacement", "second-moment", "test-loss", "covariance"])
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("T", [0, 3])
def test_shapes_without_terms_are_those_of_evaluate(observable, order, T):
    derivatives = {k: np.ones((2,) + (3,) * k) for k in range(3)}
    for scheme in (OnePass(), OnePass(T=T)):
        expansion = expand(observable, order=order, sampling=scheme)
        numbers = {"T": T} if expansion.symbols else {}
        found, right = both(expansion, derivatives=derivatives, numbers=numbers)
        assert found.shape == right.shape
        np.testing.assert_allclose(found, right)


def test_the_size_is_needed_where_nothing_else_tells():
    space = {}
    exec(expand("displacement", order=0, sampling="one-pass").python(), space)
    with pytest.raises(ValueError, match="derivatives of order 1"):
        space["orders"](space["tensors"]({0: [1.0]}), eta=1, T=3)


@pytest.mark.parametrize(
    ("sampling", "numbers"),
    [
        ("epochs", {"N": 4, "B": 2, "E": -2}),
        ("epochs", {"N": 4, "B": 8, "E": 2}),
        ("epochs", {"N": 4, "B": 3, "E": 2}),
        ("epochs", {"N": 0, "B": 1, "E": 2}),
        ("epochs", {"N": 4, "B": 2, "E": True}),
        ("one-pass", {"T": 2.5}),
        ("one-pass", {"T": "5"}),
        ("one-pass", {"T": np.nan}),
        ("one-pass", {"T": None}),
        ("one-pass", {"T": [3]}),
        ("fresh-data", {"T": 3, "B": 0}),
        ("with-replacement", {"N": 3, "B": 1, "T": np.int64(-1)}),
    ],
)
def test_impossible_numbers_are_a_plain_error(sampling, numbers):
    space = {}
    exec(expand("training-loss", order=2, sampling=sampling).python(), space)
    with pytest.raises(ValueError, match="expected") as caught:
        space["orders"](space["tensors"](STEEP), eta=1.0, **numbers)
    assert type(caught.value) is ValueError
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("beta", [1, -0.1, 1.5, np.nan, "0.9", True, [0.9], None])
def test_impossible_momenta_are_a_plain_error(beta):
    space = {}
    exec(expand("test-loss", order=1, sampling="one-pass", optimizer="momentum").python(), space)
    with pytest.raises(ValueError, match="for beta"):
        space["orders"](space["tensors"](STEEP), eta=1.0, T=3, beta=beta)


def test_impossible_substitutes_are_a_plain_error():
    space = {}
    exec(expand("test-loss", order=2, sampling="epochs").subs({"N": 2 * symbols.N}).python(), space)
    tensors = space["tensors"](STEEP)
    assert space["orders"](tensors, eta=1.0, N=3, B=2, E=1)[1] == -3
    for impossible in (
        {"N": 3, "B": 4, "E": 1},
        {"N": 0, "B": 1, "E": 1},
        {"N": 1, "B": 1, "E": -1},
    ):
        with pytest.raises(ValueError, match="expected"):
            space["orders"](tensors, eta=1.0, **impossible)


@pytest.mark.parametrize(
    ("eta", "derivatives"),
    [
        (np.inf, STEEP),
        (1j, STEEP),
        ([1.0, 2.0], STEEP),
        ("1", STEEP),
        (1e308, STEEP),
        (1.0, {**STEEP, 1: [[1e155]], 2: [[[1e155]]]}),
        (1.0, {**STEEP, 1: [[np.nan]]}),
        (1.0, {**STEEP, 2: np.ones((2, 1, 1))}),
        (1.0, {0: [1.0], 1: [[1.0]]}),
    ],
)
def test_what_is_out_of_range_is_a_plain_error(eta, derivatives):
    space = {}
    exec(expand("test-loss", order=2, sampling="one-pass").python(), space)
    with pytest.raises(ValueError, match="expected") as caught:
        space["orders"](space["tensors"](derivatives), eta=eta, T=3)
    assert type(caught.value) is ValueError
    assert "\n" not in str(caught.value)


def test_cumulants_keep_their_digits_where_means_are_large():
    rng = np.random.default_rng(0)
    spread = rng.integers(-5, 6, size=(6, 2))
    expansion = expand("test-loss", order=4, sampling="one-pass", basis="cumulant")
    flat = {k: np.zeros((6,) + (2,) * k, dtype=int) for k in range(5)}
    flat[4] += 1
    space = {}
    exec(expansion.python(), space)
    for mean in (0, 10**4, 10**8):
        derivatives = {**flat, 1: spread + mean}
        tensors = space["tensors"](derivatives)
        [four] = [name for name in tensors if name.count("1") == 4]
        exact = Statistics.from_samples(derivatives, role="population")
        block = Contraction.build([], [range(4)], free=range(4), basis="cumulant")
        right = Evaluator(exact).value(block).astype(float)
        np.testing.assert_allclose(tensors[four], right, rtol=1e-12)


def test_more_indices_than_letters_are_refused():
    star = Contraction.build([(i, 60) for i in range(60)], [[i] for i in range(61)])
    with pytest.raises(RequestError, match="at most 51 indices of a tensor"):
        hand_made([star], name="test-loss").python()
    path = Contraction.build([(i, i + 1) for i in range(60)], [[i] for i in range(61)])
    with pytest.raises(RequestError, match="at most 52 indices of a term"):
        hand_made([path], name="test-loss").python()


@pytest.mark.parametrize("numbers", [((1, 2), (1, 2)), ((9, 10), (9, 10))])
def test_poles_are_refused_before_the_precision_grows_large(numbers):
    """Where a denominator is zero, three precisions say so; near a pole the digits are found."""
    space = {}
    exec("\n\n".join(HELPERS[name] for name in ("_ratio", "_Real", "_settled")), space)
    calls = []

    def weights(beta, gamma):
        calls.append(beta.bits)
        return [(beta**7 - gamma**7, beta - gamma), (beta, 2)]

    with pytest.raises(ValueError, match="all weights are finite"):
        space["_settled"](weights, *numbers)
    assert max(calls) <= 5120
    (above, below), other = numbers[0], Fraction(*numbers[1]) + Fraction(1, 10**300)
    x, y = Fraction(above, below), other
    near, half = space["_settled"](weights, (above, below), (other.numerator, other.denominator))
    assert near == float((x**7 - y**7) / (x - y))
    assert half == float(x / 2)
