"""Python's doors with wild numbers and arrays: each takes a random generator and calls one."""

import random
from fractions import Fraction

import numpy as np

from fuzzing.corpus import EXPANSIONS, MODIFIED, PATHS, RESUMMED, corpus
from fuzzing.mutations import WILD, mutated_json, mutated_text
from sgdiagrams import (
    SDE,
    Contraction,
    Cosine,
    Diagram,
    Epochs,
    Expansion,
    Exponential,
    ExponentialAverage,
    Expression,
    FreshData,
    FullBatch,
    GradientDescent,
    GradientFlow,
    Grid,
    Imitation,
    ModifiedEquation,
    ModifiedLoss,
    Momentum,
    Nesterov,
    OnePass,
    PathExpansion,
    Polynomial,
    ResummedExpansion,
    Statistics,
    Step,
    TailAverage,
    WarmUp,
    WithReplacement,
    compare,
    drift,
    enumerate_diagrams,
    expand,
    increment,
    judge_series,
    scaling,
)
from sgdiagrams.diagrams import (
    bell_number,
    rooted_tree_count,
    rooted_trees,
    set_partitions,
    symmetry_sum,
)
from sgdiagrams.numeric import (
    Mean,
    PolynomialLandscape,
    epochs_schedule,
    exact_sgd,
    one_pass_schedule,
    reshuffled_schedules,
    with_replacement_schedules,
)
from sgdiagrams.symbolic import ArraySchedule

DIAGRAMS = (
    *("(01-2)(02-12)", "(0-1-2-3)(01-12-23)", "(0)()"),
    "(0.1-2-3.4-5.6-7.8-9-10)(0.9-1.9-2.10-3.10-4.10-5.8-6.8-7.9-8.10-9.10)",
)
PRINTED = (
    *("G_a H_ab G_b", "M_a|bc~ H_ab G~_c", "kappa_|a|b H_ab", "G_c eta^ac", "norm_ab C_ac G_b l"),
    *("tr(C H~ H) |G|^2 l^3", "G.H.C.norm", "D5_aabbc", "two_words_a G_a", "l " * 400),
    *("tr(H H H) |J|^2", "H^_ab V_a|b", "U_ab|b G^u_a l^u", "norm_aa"),
)
EXPRESSIONS = (
    *("1/2 C_ab H_ab - G_a G_a + 3", "(N - 1)/(4*N) tr(C)", "2 (tr(C) - |G|^2) G_a", "beta^T l^2"),
    *("(1 + beta)/(2*(1 - beta)^3) H_ab G_b", '"N"_a other-task_a {x}/2', "binom(T, 3) l - 0.25"),
    *("V_a|a - G^_a G^_a", "N U_a|b H^u_ab", "(l + 1)^9 - (l - N)^2/2", "((((l))))", "2^-3^N"),
)
CONTRACTIONS = (
    "(0-1.2)(0.1-0.2)",
    "(0)()",
    "(0.1-2.3)(0.2-1.3)",
    "(0.1.2)(0.1)",
    "(0-1-2)(0.0-0.1-0.1-1.2-0.2)",
)


def diagram_text(rng: random.Random) -> None:
    """Read mutated text of a diagram."""
    alphabet = "0123456789.-()"
    diagram = Diagram.parse(mutated_text(rng, rng.choice(DIAGRAMS), alphabet))
    assert Diagram.parse(str(diagram)) == diagram


def tied_diagram(rng: random.Random) -> None:
    """Make a diagram with many equal branches, tied at random or along a regular graph."""
    branches = rng.choice((5, 10, 20, 30, 60))
    leaves = rng.choice((1, 2, 3, 4))
    stubs = [b for b in range(branches) for _ in range(leaves)]
    n = len(stubs) + branches
    ends = list(range(len(stubs)))
    rng.shuffle(ends)
    size = rng.choice((1, 2, 2, 2, 3))
    blocks = [ends[i : i + size] for i in range(0, len(ends), size)]
    blocks += [[len(stubs) + b] for b in range(branches)] + [[n]]
    parents = [len(stubs) + b for b in stubs] + [n] * branches
    first = Diagram(parents, blocks)
    assert first.symmetry_factor >= 1


def contraction_text(rng: random.Random) -> None:
    """Read mutated text of a contraction."""
    text = mutated_text(rng, rng.choice(CONTRACTIONS), "0123456789.-()")
    basis = rng.choice(("moment", "cumulant", "plug-in", "distinct", "moment", "x"))
    metric = rng.choice(("identity", "identity", "eta", ""))
    free = rng.choice(("", "", "0", "0.0", "1.2", "9", "-1", "x", "0." * 5000))
    labels = rng.choice(("", "", "", "loss", "loss,norm", "loss,loss,norm", ",", "x" * 1000))
    contraction = Contraction(text, basis, metric, labels, free)
    assert contraction.func(*contraction.args) == contraction
    str(contraction)


def contraction_as_printed(rng: random.Random) -> None:
    """Read mutated text that formulas print."""
    text = mutated_text(rng, rng.choice(PRINTED), "GHJKlCSMVUDeta_^|~.() abcd129")
    contraction = Contraction.parse(text)
    assert contraction.func(*contraction.args) == contraction
    str(contraction)


def expression_as_written(rng: random.Random) -> None:
    """Read mutated text of an expression, and compute with what it says."""
    text = mutated_text(rng, rng.choice(EXPRESSIONS), 'GHlCMVU_^|~.() ab129+-*/N{}"beta^T')
    expression = Expression.parse(text)
    assert Expression.parse(expression.text()) == expression
    assert Expression.from_json(expression.to_json()) == expression
    # What is read is small enough to be computed with.
    if len(expression.terms) < 10 and all(k.node_count < 6 for _, k in expression):
        basis = rng.choice(("moment", "cumulant", "plug-in", "distinct"))
        changed = expression.in_basis(basis, N=rng.choice((None, None, 1, 2, 7)))
        str(changed.gradient())
        expression.latex()


def expansion_text(rng: random.Random) -> None:
    """Read a mutated expansion, write it again in every format, and read that."""
    name = rng.choice(EXPANSIONS + RESUMMED + PATHS)
    kind = Expansion if name in EXPANSIONS else ResummedExpansion
    kind = PathExpansion if name in PATHS else kind
    found = kind.from_json(mutated_json(rng, corpus()[name].decode()))
    assert kind.from_json(found.to_json()) == found
    str(found)
    rng.choice((found.latex, found.mathml))()


def modified_text(rng: random.Random) -> None:
    """Read a mutated modified equation, loss or imitation, and write it again in every format."""
    name = rng.choice(MODIFIED)
    kind = dict(zip(MODIFIED, (ModifiedEquation, ModifiedLoss, Imitation), strict=True))[name]
    found = kind.from_json(mutated_json(rng, corpus()[name].decode()))
    assert kind.from_json(found.to_json()) == found
    str(found)
    rng.choice((found.latex, found.mathml, found.python))()


def _value(rng, *good):
    return rng.choice(good) if good and rng.random() < 0.5 else rng.choice(WILD)


def schemes(rng: random.Random) -> None:
    """Make a sampling scheme or an optimiser with wild numbers, and expand with it."""
    v = lambda *good: _value(rng, *good)
    scheme = rng.choice(
        (
            lambda: OnePass(T=v(3), B=v(1, 2)),
            lambda: Epochs(
                N=v(4), B=v(2), E=v(2), shuffle=rng.choice((None, "once", "every-epoch"))
            ),
            lambda: WithReplacement(N=v(4), B=v(1), T=v(3)),
            lambda: FreshData(T=v(3), B=v(2)),
            lambda: FullBatch(N=v(4), E=v(2)),
            lambda: GradientDescent(T=v(2)),
            lambda: GradientFlow(T=v(2), order=v(1, 3)),
            lambda: SDE(T=v(2), B=v(2), order=v(1, 2)),
            lambda: Grid([[v(0, 1)], [v(1)]], N=v(None, 4)),
        )
    )()
    plan = rng.choice(
        (
            lambda: None,
            lambda: None,
            lambda: Step(every=v(2), factor=v(0.5)),
            lambda: Cosine(floor=v(0.1)),
            lambda: Polynomial([v(1), v(-1)]),
            lambda: Exponential(gamma=v(0.5)),
            lambda: WarmUp(over=v(2)),
            lambda: ArraySchedule([v(1), v(1), v(0.5)]),
        )
    )()
    average = rng.choice(
        (lambda: None, lambda: None, lambda: TailAverage(v(2)), lambda: ExponentialAverage(v(0.5)))
    )()
    optimizer = rng.choice(
        (
            lambda: "sgd",
            lambda: rng.choice((Momentum, Nesterov))(
                beta=v(0.5), schedule=plan, average=average, weight_decay=v(0, 0, 0.1)
            ),
        )
    )()
    observable = rng.choice(("test-loss", "displacement", "training-loss", "covariance"))
    expansion = expand(
        observable, order=rng.choice((0, 1, 2)), sampling=scheme, optimizer=optimizer
    )
    str(expansion)


def orders(rng: random.Random) -> None:
    """Ask for orders and sizes that nobody can list."""
    n = _value(rng, 4, 12, 13, 14, 15, 20, 100)
    door = rng.choice(
        (
            lambda: next(iter(enumerate_diagrams(n))),
            lambda: next(iter(enumerate_diagrams(n, root="in-partition", residue=_value(rng, 0)))),
            lambda: symmetry_sum(n, modulus=_value(rng, 2)),
            lambda: bell_number(n),
            lambda: rooted_tree_count(n),
            lambda: next(rooted_trees(n)),
            lambda: next(set_partitions(n)),
            lambda: str(
                expand("test-loss", order=n if n not in (4, 12) else 3, sampling="one-pass")
            ),
            lambda: str(expand("test-loss", order=2, sampling=SDE(T=n))),
            lambda: increment("displacement", since=n),
        )
    )
    door()


def _array(rng, shape):
    numbers = np.random.default_rng(rng.randrange(10**6)).normal(size=shape)
    way = rng.randrange(10)
    if way == 0 and numbers.size:
        numbers.flat[rng.randrange(numbers.size)] = rng.choice(
            (np.nan, np.inf, 1e308, -1e308, 1e155, 1e-320, 1e80)
        )
    elif way == 1:
        return numbers.astype(rng.choice(("f4", "f2", "i8", "u1", "c16", "U5", "O", "?")))
    elif way == 2:
        return np.ma.masked_array(numbers, mask=numbers > 1)
    elif way == 3:
        exact = np.frompyfunc(lambda x: Fraction(int(4 * x), 4), 1, 1)(numbers)
        return np.asarray(exact, dtype=object)
    elif way == 4:
        return rng.choice(
            (np.zeros((0,)), np.zeros((2, 0)), 1.0, [[1.0], [1.0, 2.0]], None, "x", [])
        )
    elif way == 5:
        return numbers * rng.choice((1e-200, 1e200, 1e100, 0))
    return numbers


def arrays(rng: random.Random) -> None:
    """Make statistics of wild arrays and evaluate, judge and drift with wild numbers."""
    n, p = rng.choice(((6, 1), (6, 2), (1, 1), (2, 1)))
    samples = {k: _array(rng, (n, *[p] * k)) for k in range(4)}
    if p == 2:
        samples = {k: _symmetric(a) for k, a in samples.items()}
    extra = {}
    if rng.random() < 0.3:
        extra["weights"] = np.full(n, 1 / n) if rng.random() < 0.5 else _array(rng, (n,))
    if rng.random() < 0.3:
        extra["start"] = _array(rng, (p,))
    role = rng.choice(("sample", "population", "training-set", "x"))
    statistics = Statistics.from_samples(samples, role=role, **extra)
    eta = _value(rng, 0.1, 0.01, [0.1] * p, np.eye(p) * 0.1, Fraction(1, 10))
    door = rng.choice((_evaluated, _evaluated, judge_series, drift))
    numbers = {} if door is drift else {"T": _value(rng, 3, 50)}
    result = door(statistics, eta=eta, order=rng.choice((1, 2)), **numbers)
    str(result)
    _check_json(result.to_dict())


def _symmetric(array):
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fO":
        return array
    if array.ndim == 3 and array.shape[1] == array.shape[2]:
        return array + array.transpose(0, 2, 1)
    return array if array.ndim < 4 else array * 0 + 1


def _evaluated(statistics, *, eta, order, T):
    return expand("test-loss", order=order, sampling="one-pass").evaluate(statistics, eta=eta, T=T)


def _check_json(data):
    import json

    json.dumps(data, allow_nan=False)


def numbers(rng: random.Random) -> None:
    """Substitute and evaluate with wild numbers; read generated source's own checks."""
    name = rng.choice(EXPANSIONS)
    expansion = Expansion.from_json(corpus()[name].decode())
    chosen = {s: _value(rng, 2, 4) for s in expansion.symbols if rng.random() < 0.8}
    fixed = expansion.subs(chosen)
    assert Expansion.from_json(fixed.to_json()) == fixed
    str(fixed)
    total = fixed * rng.choice((2, Fraction(1, 3), -1, 0)) + expansion
    assert Expansion.from_json(total.to_json()) == total
    scaling(expansion)


def simulations(rng: random.Random) -> None:
    """Compare and simulate exactly with wild numbers."""
    v = lambda *good: _value(rng, *good)
    door = rng.choice(
        (
            lambda: compare(
                "mean", order=v(1), eta=v(0.01), runs=v(4), seed=v(0), T=v(2)
            ).to_dict(),
            lambda: compare(Mean(v(1), v(1), v(0)), order=1, eta=v(0.01), runs=4, T=2).to_dict(),
            lambda: one_pass_schedule(v(3), v(1)),
            lambda: epochs_schedule(v(4), v(2), v(2)),
            lambda: reshuffled_schedules(v(3), v(1), v(1)),
            lambda: with_replacement_schedules(v(2), v(1), v(2)),
            lambda: exact_sgd(_landscape(v), one_pass_schedule(2), order=v(2)),
        )
    )
    result = door()
    if isinstance(result, dict):
        _check_json(result)


def _landscape(v):
    return PolynomialLandscape([{(2,): v(1), (1,): v(1)}, {(2,): 1, (v(1),): 3}], start=[v(0)])
