"""Nesterov's momentum and averages of iterates in closed, re-summed form, in fractions."""

import dataclasses
from fractions import Fraction
from itertools import product

import pytest
import sympy
from sympy import Rational

from sgdiagrams.diagrams import RequestError, enumerate_diagrams
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import exact_training
from sgdiagrams.numeric.long_times.dressed_counts import dressed_count
from sgdiagrams.symbolic import (
    SGD,
    ExponentialAverage,
    FullBatch,
    Momentum,
    Nesterov,
    OnePass,
    TailAverage,
    Training,
    WithReplacement,
    expand,
    symbols,
)
from sgdiagrams.symbolic.resummation.dressed import closed_count
from sgdiagrams.symbolic.resummation.eigenvalues import eigenvalue
from sgdiagrams.symbolic.resummation.eigenvalues import roots as edge_roots
from sgdiagrams.symbolic.resummation.forms import expression
from sgdiagrams.symbolic.training.dressing import polynomial_at

F = Fraction
ema = ExponentialAverage(F(2, 5))
mean, tail = TailAverage(), TailAverage(2)
OPTIMIZERS = [
    Nesterov(beta=F(1, 3)),
    SGD(average=ema),
    Momentum(beta=F(1, 3), average=ema),
    Nesterov(beta=F(1, 3), average=ema),
    SGD(average=mean),
    Momentum(beta=F(1, 3), average=mean),
    Nesterov(beta=F(1, 3), average=mean),
]
#: Of the last two iterates.
TAILS = [
    SGD(average=tail),
    Momentum(beta=F(1, 3), average=tail),
    Nesterov(beta=F(1, 3), average=tail),
]


def rational_edge(dressing, root):
    """The eigenvalue at which an edge has a rational root, and all its roots."""
    above, below = (polynomial_at(c, root) for c in (dressing.denominator, dressing.numerator))
    h = -above / below
    if dressing.root_count == 1:
        return h, (root,)
    t, more = dressing.total
    return h, (root, t + more * h - root)


def rational_edges(dressing, order):
    return [
        rational_edge(dressing, Rational(*x)) for x in ((3, 4), (3, 5), (-1, 5), (5, 7))[:order]
    ]


def at_edges(weight, edges):
    """A weight at eigenvalues with rational roots."""
    table = {}
    for i, (h, roots) in enumerate(edges):
        table |= {eigenvalue(i): h} | dict(zip(edge_roots(i), roots, strict=False))
    return weight.xreplace(table).doit()


@pytest.mark.parametrize("optimizer", OPTIMIZERS + TAILS, ids=lambda o: o.label)
@pytest.mark.parametrize(
    "sampling", [OnePass(T=5), FullBatch(N=2, E=4), WithReplacement(N=2, B=1, T=4)], ids=str
)
def test_closed_forms_equal_propagation(sampling, optimizer):
    """The formula that is printed, and the embeddings counted step by step."""
    training = Training(sampling, optimizer)
    for order in (1, 2, 3) if isinstance(sampling, OnePass) else (1, 2):
        edges = rational_edges(training.dressing, order)
        h = [x for x, _ in edges]
        for diagram in enumerate_diagrams(order, linkless=True, **sampling.diagram_options):
            count = closed_count(diagram, training)
            value = expression(
                count, "discrete", eigenvalues=h, roots=[roots for _, roots in edges]
            ).doit()
            ours = dressed_count(diagram, training, [F(int(x.p), int(x.q)) for x in h])
            assert F(int(value.p), int(value.q)) == ours


# For long times -----------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.label)
@pytest.mark.parametrize(
    ("observable", "order", "sampling", "flat"),
    [
        ("displacement", 3, "one-pass", ()),
        ("displacement", 3, "full-batch", ("a",)),
        ("test-loss", 3, "with-replacement", ()),
    ],
)
def test_stationary_weights_are_the_sums_over_all_roots(
    observable, order, sampling, flat, optimizer
):
    """The witness: the same dressed counts with the roots themselves in them, in fractions."""
    exact = expand(observable, order=order, sampling=sampling, optimizer=optimizer, resummed=True)
    dressing = optimizer.dressing
    if flat and dressing.is_mean:
        with pytest.raises(RequestError, match="two roots of an edge coincide"):
            exact.stationary(flat=flat)
        return
    if sampling == "with-replacement" and dressing.most_roots == 3 and not dressing.is_mean:
        return  # the same with more summands, in ten times as long
    expansion = exact.stationary(flat=flat)
    numbers = {symbols.B: 3, symbols.N: 7}
    seen = 0
    for term in expansion.pieces:
        edges = rational_edges(dressing, term.order)
        if flat:
            edges[0] = (Rational(0), dressing.roots(Rational(0)))
        total = sympy.Integer(0)
        for piece in term.pieces:
            value = Rational(piece.coefficient)
            for skeleton in piece.skeletons:
                training = expansion.parts[piece.part].training
                value *= expression(
                    closed_count(skeleton.diagram, training, root=skeleton.role),
                    "stationary",
                    eigenvalues=[edges[i][0] for i in skeleton.indices],
                    roots=[edges[i][1] for i in skeleton.indices],
                ).subs(numbers)
            total += value
        time = symbols.E if sampling == "full-batch" else symbols.T
        if dressing.is_mean and total != 0:
            # What leads among powers of 1/T.
            terms = sympy.collect(sympy.expand(total), time, evaluate=False)
            top = max(terms, key=lambda x: x.as_base_exp()[1] if x != 1 else 0)
            total = top * terms[top]
        at = {eigenvalue(i): h for i, (h, _) in enumerate(edges)}
        weight = expansion.weight(term).xreplace(at).subs(numbers).doit()
        assert sympy.expand(weight - total) == 0
        seen += total != 0
    assert seen


def states(optimizer, h, force):
    """One update of all states on a parabola of curvature h, eta in h, and what a force adds.

    Read off the rule of the manual; an average is one more state, z <- alpha z + (1 - alpha) theta.
    """
    size = optimizer.memory_size
    zero = (F(0),) * size
    moves = []
    for theta, memory in (
        (F(1), zero),
        *((F(0), tuple(F(int(i == j)) for j in range(size))) for i in range(size)),
    ):
        step, after = optimizer.update(h * theta, memory, F(1))
        moves.append((theta - step, *after))
    step, after = optimizer.update(force, zero, F(1))
    A = sympy.Matrix([[Rational(x.numerator, x.denominator) for x in row] for row in moves]).T
    b = sympy.Matrix([Rational(x.numerator, x.denominator) for x in (-step, *after)])
    average = optimizer.average
    if average is None:
        return A, b, 0
    a = Rational(F(average.alpha))
    A = A.col_join((1 - a) * A[0, :]).row_join(sympy.Matrix([*[0] * A.rows, a]))
    return A, b.col_join(sympy.Matrix([(1 - a) * b[0]])), A.rows - 1


@pytest.mark.parametrize("optimizer", OPTIMIZERS[:4], ids=lambda o: o.label)
def test_covariance_solves_the_lyapunov_equation(optimizer):
    """Stationary second and third moments on quadratics with additive noise: M = A M A^T + C b b^T.

    For several weights at once, with different eigenvalues: Kronecker products of their updates.
    """
    numbers = [F(1, 7), F(3, 5), F(2, 9)]
    covariance = expand(
        "covariance", order=2, sampling="one-pass", optimizer=optimizer, resummed=True
    )
    [term] = covariance.at_minimum().stationary().terms
    loss = expand("test-loss", order=3, sampling="one-pass", optimizer=optimizer, resummed=True)
    [skew] = [
        t
        for t in loss.at_minimum().stationary().order_terms(3)
        if str(t.contraction) == "S_abc J_abc"
    ]
    at = {eigenvalue(i): Rational(x.numerator, x.denominator) for i, x in enumerate(numbers)}
    for weight, count, share in ((term.weight, 2, 1), (skew.weight, 3, 6)):
        systems = [states(optimizer, h, F(1)) for h in numbers[:count]]
        A = sympy.kronecker_product(*(A for A, _, _ in systems))
        b = sympy.kronecker_product(*(b for _, b, _ in systems))
        moments = (sympy.eye(A.rows) - A).LUsolve(b)
        place = 0
        for M, _, k in systems:
            place = place * M.rows + k
        assert weight.xreplace(at).doit() == moments[place] / share


@pytest.mark.parametrize("optimizer", OPTIMIZERS[4:], ids=lambda o: o.label)
def test_means_of_all_iterates_follow_the_law_of_polyak_and_ruppert(optimizer):
    """C/(T H^2), whatever the momentum; and a mean does not lessen what curvature pushes aside."""
    covariance = expand(
        "covariance", order=2, sampling="one-pass", optimizer=optimizer, resummed=True
    ).at_minimum()
    C, H = sympy.symbols("C H")
    assert covariance.stationary().in_one_dimension() == C / (H**2 * symbols.T)
    [exact] = covariance.terms
    T, h = 4000, Rational(1, 3)
    value = exact.weight.subs(symbols.T, T)
    roots = dict(zip(edge_roots(0) + edge_roots(1), optimizer.dressing.roots(h) * 2, strict=False))
    at = {eigenvalue(0): h, eigenvalue(1): h} | roots
    late = sympy.N(value.xreplace(at).doit(), 30)
    assert abs(late * T * h**2 - 1) < 1e-2
    drift = [
        expand("displacement", order=3, sampling="one-pass", optimizer=o, resummed=True)
        .at_minimum()
        .stationary()
        for o in (optimizer, dataclasses.replace(optimizer, average=None))
    ]
    assert drift[0].terms == drift[1].terms != ()


@pytest.mark.parametrize("optimizer", TAILS, ids=lambda o: o.label)
def test_means_of_the_last_iterates_are_stationary(optimizer):
    """(1/W^2) times the sum of all covariances of the last W iterates, of lags from the update rule."""
    h, W = F(1, 3), 2
    alone = dataclasses.replace(optimizer, average=None)
    A, b, k = states(alone, h, F(1))
    both = sympy.kronecker_product(A, A)
    second = (sympy.eye(both.rows) - both).LUsolve(sympy.kronecker_product(b, b))
    second = sympy.Matrix(A.rows, A.rows, list(second))
    lagged = A * second  # E[state after one more update, times state]
    expected = (W * second[k, k] + 2 * lagged[k, k]) / W**2
    covariance = expand(
        "covariance", order=2, sampling="one-pass", optimizer=optimizer, resummed=True
    ).at_minimum()
    [term] = covariance.stationary().terms
    roots = optimizer.dressing.roots(Rational(1, 3))
    assert sympy.simplify(at_edges(term.weight, [(Rational(1, 3), roots)] * 2) - expected) == 0
    for form in ("continuous", "small-eta"):
        with pytest.raises(RequestError, match="form='discrete' or 'stationary'"):
            covariance.with_form(form)
    with pytest.raises(RequestError, match="closed form for complete powers"):
        expand("displacement", through=1, sampling="one-pass", optimizer=optimizer, resummed=True)


# Against SGD itself -------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS + TAILS, ids=lambda o: o.label)
@pytest.mark.parametrize("observable", ["test-loss", "covariance"])
def test_order_2_is_exact_on_quadratics_with_additive_noise(observable, optimizer):
    """For all eta and T, as fractions: where roots are rational, against SGD as polynomials in eta."""
    (first, _), (second, _) = rational_edges(optimizer.dressing, 2)
    curvatures = (F(1), F(int((second / first).p), int((second / first).q)))
    eta = F(int(first.p), int(first.q))
    noises = [(F(1), F(-2)), (F(-3, 2), F(1)), (F(1, 2), F(1))]
    slope = (F(2), F(-1, 3))
    losses = [
        {
            (2, 0): curvatures[0] / 2,
            (0, 2): curvatures[1] / 2,
            (1, 0): slope[0] + x,
            (0, 1): slope[1] + y,
        }
        for x, y in noises
    ]
    T = 3
    truth = exact_training(
        PolynomialLandscape(losses),
        Training(OnePass(T=T), optimizer),
        order=2 * T + 1,
        observable=observable,
        eta=[eta, eta],
    )
    expansion = expand(
        observable, order=2, sampling=OnePass(T=T), optimizer=optimizer, resummed=True
    ).for_quadratic()
    G = [Rational(x) for x in slope]
    H = [Rational(x) for x in curvatures]
    C = [[Rational(sum(n[i] * n[j] for n in noises) / 3) for j in range(2)] for i in range(2)]
    edges = rational_edges(optimizer.dressing, 2)
    for free in {"test-loss": [()], "covariance": [(0, 0), (0, 1), (1, 1)]}[observable]:
        value = sympy.Integer(0)
        for term in expansion.terms:
            for own in product(range(2), repeat=term.order - len(free)):
                i = (*free, *own)
                tensors = {
                    "l": lambda: 0,
                    "G_a G_a": lambda: G[i[0]] ** 2,  # noqa: B023 - called at once
                    "G_a H_ab G_b": lambda: G[i[0]] ** 2 * H[i[0]] * int(i[0] == i[1]),  # noqa: B023
                    "C_ab H_ab": lambda: C[i[0]][i[1]] * H[i[0]] * int(i[0] == i[1]),  # noqa: B023
                    "C_ab": lambda: C[i[0]][i[1]],  # noqa: B023
                }[str(term.contraction)]()
                weight = at_edges(term.weight, [edges[k] for k in i]) if tensors else 0
                value += Rational(eta) ** term.order * weight * tensors
        assert value == Rational(sum(t[free] if free else t for t in truth))


@pytest.mark.parametrize("optimizer", OPTIMIZERS + TAILS, ids=lambda o: o.label)
def test_expanded_in_eta_it_is_the_plain_expansion(optimizer):
    """Order by order, at every number of links on an edge."""
    sampling = OnePass(T=4)
    resummed = expand("test-loss", order=3, sampling=sampling, optimizer=optimizer, resummed=True)
    plain = expand("test-loss", order=3, sampling=sampling, optimizer=optimizer, basis="cumulant")
    assert resummed.expanded().terms == plain.terms
    # The formula of an edge itself, a polynomial of degree T - 1 in h.
    line = expand("displacement", order=1, sampling=sampling, optimizer=optimizer, resummed=True)
    links = {"G_a": 0, "H_ab G_b": 1, "H_ab H_bc G_c": 2, "H_ab H_bc H_cd G_d": 3}
    terms = expand(
        "displacement", order=4, sampling=sampling, optimizer=optimizer, basis="cumulant"
    ).terms
    series = {links[str(t.contraction)]: t.weight for t in terms if str(t.contraction) in links}
    assert sorted(series) == [0, 1, 2, 3]
    for edge in rational_edges(optimizer.dressing, 4):
        weight = at_edges(line.terms[0].weight, [edge])
        assert weight == sum(c * edge[0] ** k for k, c in series.items())
