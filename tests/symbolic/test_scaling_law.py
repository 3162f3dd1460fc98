"""Scaling laws: literal rescaling of numbers, a definition by brute force, and known results."""

import json
import shutil
import subprocess
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import product
from math import prod

import numpy as np
import pytest
import slow
import sympy
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from strategies import relaxed
from sympy import Rational, Symbol

from sgdiagrams.commands.on_formulas.scaling import scaling as command
from sgdiagrams.diagrams import RequestError
from sgdiagrams.numeric import Statistics
from sgdiagrams.symbolic import Contraction, Epochs, Expansion, OnePass, Term, expand
from sgdiagrams.symbolic.printing.coefficients import coefficient
from sgdiagrams.symbolic.scaling_law import scaling
from sgdiagrams.symbolic.training.schemes.limits import SDE

T, N, B, E, eta, beta = (Symbol(name) for name in ("T", "N", "B", "E", "eta", "beta"))
OBSERVABLES = ("test-loss", "training-loss", "generalisation-gap")

# A scheme, its default law, and the one rescaling (powers of s) that leaves the law as it is.
LAWS = {
    "fresh-data": (("eta/B", "eta*T"), {"eta": 1, "B": 1, "T": -1}),
    "epochs": (("eta/B", "N", "E"), {"eta": 1, "B": 1}),
    "reshuffled-epochs": (("eta/B", "N", "E"), {"eta": 1, "B": 1}),
    "with-replacement": (("eta/B", "eta*T", "N"), {"eta": 1, "B": 1, "T": -1}),
}


@cache
def make(observable="test-loss", sampling="fresh-data", order=3, basis="cumulant"):
    return expand(observable, order=order, sampling=sampling, basis=basis)


def single(weight, order=0):
    """Return an expansion of one term: a chain with a weight."""
    chain = Contraction.build([(i, i + 1) for i in range(order)], [[i] for i in range(order + 1)])
    return Expansion(order, "moment", (), (Term(sympy.sympify(weight), chain),))


def split(weight, through, order=0):
    (row,) = scaling(single(weight, order), through).rows
    return row.obeys, row.breaks


def parts(expansion, through=None):
    """Return the split by the printed value."""
    return {str(r.contraction): (r.obeys, r.breaks) for r in scaling(expansion, through).rows}


# Known results ------------------------------------------------------------------------------------


def test_second_order_of_the_test_loss():
    assert parts(make(order=2)) == {
        "l": (1, 0),
        "G_a G_a": (-T, 0),
        "G_a H_ab G_b": (T**2, -T / 2),
        "C_ab H_ab": (T / (2 * B), 0),
    }
    table = scaling(make(order=2))
    assert [row.verdict for row in table.rows] == ["obeys", "obeys", "partly", "obeys"]


def test_third_order_of_the_test_loss():
    # The obeying part of GHHG and JGGG is gradient flow's; S:J obeys although no diffusion has it.
    found = parts(make(order=3))
    assert found["G_a H_ab H_bc G_c"] == (-2 * T**3 / 3, T**2 - T / 3)
    assert found["G_a J_abc G_b G_c"] == (-(T**3) / 3, T**2 / 4 - T / 12)
    assert found["C_ab H_ac H_bc"] == (-(T**2) / (2 * B), T / (2 * B))
    assert found["S_abc J_abc"] == (-T / (6 * B**2), 0)


def test_second_order_of_epochs():
    # With M = E: l - T GG + T (T - 1/2) GHG + (T M / 2) C:H + (T/2)(M - 1/B) (grad tr C / 2).G
    t = E * N / B
    found = parts(make("test-loss", "epochs", 2))
    assert found["G_a H_ab G_b"] == (t**2, -t / 2)
    assert found["C_ab H_ab"] == (sympy.expand(t * E / (2 * B)), 0)
    assert found["kappa_a|ab G_b"] == (sympy.expand(t * (E - 1) / (2 * B)), 0)


def test_without_noise_only_the_size_of_steps_breaks():
    # One pass with B = 1 through eta T alone: gradient flow obeys, and nothing with a tie does.
    for row in scaling(make("test-loss", "one-pass", 4), ["eta*T"]).rows:
        tied = len(row.contraction.blocks) < row.contraction.node_count
        assert row.verdict == ("breaks" if tied else "obeys" if row.order < 2 else "partly")
        degree = sympy.degree(row.weight, T)
        assert row.obeys == (0 if tied else sympy.LC(row.weight, T) * T**degree)


def test_what_obeys_is_the_diffusion_and_the_higher_cumulants():
    diffusion = make("test-loss", SDE(B=B), 4)
    assert {row.verdict for row in scaling(diffusion).rows} == {"obeys"}
    table = scaling(make(order=4))
    obeying = {
        row.contraction: row.obeys
        for row in table.rows
        if row.obeys != 0 and max(map(len, row.contraction.blocks)) <= 2
    }
    assert obeying == {term.contraction: term.weight for term in diffusion.terms}
    flow = scaling(make("test-loss", "gradient-flow", 4, "moment"))
    assert flow.through == ("eta*T",)
    assert {row.verdict for row in flow.rows} == {"obeys"}


def test_momentum_obeys_as_sgd_with_a_larger_learning_rate():
    # Long after the start of a velocity, heavy ball is SGD with eta/(1 - beta).
    plain = scaling(make(order=3)).rows
    heavy = expand(
        "test-loss", order=3, sampling="fresh-data", optimizer="momentum", basis="cumulant"
    )
    table = scaling(heavy)
    assert [row.contraction for row in table.rows] == [row.contraction for row in plain]
    for row, other in zip(table.rows, plain, strict=True):
        assert sympy.cancel(row.obeys * (1 - beta) ** row.order - other.obeys) == 0
        assert sympy.cancel(row.obeys + row.breaks - row.weight) == 0
        assert row.verdict == ("obeys" if row.order == 0 else "partly")


# Literal rescaling --------------------------------------------------------------------------------


def constant_in_s(function):
    """Return the coefficient of s^0 in a Laurent polynomial of degrees -6..6, by interpolation."""
    points = [Fraction(k) for k in range(1, 14)]

    def lagrange(j, x):
        rest = [p for p in points if p != points[j]]
        return prod((x - p) / (points[j] - p) for p in rest)

    def basis_coefficient(j):
        poly = [Fraction(1)]
        for p in points:
            if p != points[j]:
                scale = points[j] - p
                poly = [
                    (up - p * low) / scale for up, low in zip([0, *poly], [*poly, 0], strict=True)
                ]
        return poly[6]

    values = [function(s) * s**6 for s in points]
    check = Fraction(17)
    assert sum(v * lagrange(j, check) for j, v in enumerate(values)) == function(check) * check**6
    return sum(v * basis_coefficient(j) for j, v in enumerate(values))


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize("scheme", LAWS)
def test_obeying_parts_do_not_move_and_breaking_parts_do(scheme, observable, basis):
    through, directions = LAWS[scheme]
    order = 4 if observable == "test-loss" and basis == "cumulant" else 3
    table = scaling(make(observable, scheme, order, basis))
    assert table.through == through
    assert len(table.rows) == len(table.expansion.terms)
    numbers = {"eta": Fraction(3, 7), "T": 11, "N": 13, "B": Fraction(5, 2), "E": 4}

    def value(weight, k, s):
        moved = {name: x * s ** directions.get(name, 0) for name, x in numbers.items()}
        return moved["eta"] ** k * slow.exact(weight, **moved)

    for row, term in zip(table.rows, table.expansion.terms, strict=True):
        assert (row.contraction, row.weight) == (term.contraction, term.weight)
        assert sympy.cancel(row.obeys + row.breaks - row.weight) == 0
        k = row.order
        here = value(row.obeys, k, Fraction(1))
        assert all(value(row.obeys, k, Fraction(s)) == here for s in (2, 3, Fraction(1, 5)))
        if row.breaks != 0:
            moved = [value(row.breaks, k, Fraction(s)) for s in (1, 2, 3)]
            assert len(set(moved)) > 1
        if k < 4:
            whole = constant_in_s(lambda s, row=row, k=k: value(row.weight, k, s))
            assert whole == here


@pytest.mark.parametrize("scheme", LAWS)
def test_the_breaking_parts_are_what_rescaling_changes(scheme):
    # SymPy's substitution and the algebra of expansions, a way that knows nothing of exponents.
    _, directions = LAWS[scheme]
    expansion = make("training-loss", scheme, 3, "moment")
    moved = expansion.subs({name: Symbol(name) * 2**power for name, power in directions.items()})
    changed = {term.contraction: term.weight for term in (moved - expansion).terms}
    table = scaling(expansion)
    assert set(changed) == {row.contraction for row in table.rows if row.verdict != "obeys"}
    for row in table.rows:
        if row.verdict != "obeys":
            change = {Symbol(n): Symbol(n) * 2**p for n, p in directions.items() if n != "eta"}
            expected = row.breaks.subs(change) * 2**row.order - row.breaks
            assert sympy.cancel(expected - changed[row.contraction]) == 0


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
@pytest.mark.parametrize("scheme", LAWS)
def test_breaking_parts_vanish_in_the_continuous_limit(scheme, basis):
    # They get factors s, s^2, ... and never 1/s, so that s -> 0 leaves what obeys.
    s = Symbol("s")
    change = {Symbol(n): Symbol(n) * s**p for n, p in LAWS[scheme][1].items()}
    for row in scaling(make("training-loss", scheme, 3, basis)).rows:
        moved = sympy.cancel((eta**row.order * row.weight).subs(change, simultaneous=True))
        assert sympy.cancel(moved.subs(s, 0) - eta**row.order * row.obeys) == 0


@pytest.mark.parametrize("scheme", LAWS)
def test_the_sum_of_what_obeys_is_the_same_in_both_bases(scheme):
    rows = [[1, 2, -1], [0, Fraction(1, 2), 3], [2, -1, 1], [Fraction(1, 3), 1, 0]]
    samples = {k: np.array([row[k % 3] * (k + 1) for row in rows], object) for k in range(5)}
    shaped = {k: x.reshape(-1, *[1] * k) for k, x in samples.items()}
    statistics = Statistics.from_samples(shaped, role="population")
    numbers = {"T": 7, "N": 12, "B": 3, "E": 5}
    found = []
    for basis in ("moment", "cumulant"):
        table = scaling(make("test-loss", scheme, 3, basis))
        terms = tuple(Term(r.obeys, r.contraction) for r in table.rows if r.obeys != 0)
        obeying = replace(table.expansion, terms=terms)
        numbers = {n: k for n, k in numbers.items() if n in obeying.symbols}
        found.append(obeying.evaluate(statistics, eta=Fraction(1, 7), **numbers).orders)
    assert found[0] == found[1]
    assert all(type(x) is Fraction for x in found[0][1:])


# The definition, by brute force -------------------------------------------------------------------

NAMES = ("eta", "T", "N", "B")


@st.composite
def laws(draw):
    """Draw one or two monomials with powers -1, 0, 1, and a Laurent polynomial with its order."""
    powers = st.tuples(*[st.integers(-1, 1)] * len(NAMES)).filter(any)
    combinations = draw(st.lists(powers, min_size=1, max_size=2))
    exponents = st.tuples(*[st.integers(-3, 3)] * (len(NAMES) - 1))
    rational = st.fractions(-3, 3, max_denominator=5).filter(bool)
    return (
        combinations,
        draw(st.dictionaries(exponents, rational, min_size=1)),
        draw(st.integers(0, 3)),
    )


@relaxed
@given(laws())
def test_random_laws_against_all_small_rescalings(law):
    combinations, polynomial, order = law
    # The kernel has a basis of 2 x 2 minors, so this box spans it.
    kernel = [
        v
        for v in product(range(-2, 3), repeat=len(NAMES))
        if all(sum(a * b for a, b in zip(v, m, strict=True)) == 0 for m in combinations)
    ]

    def as_monomial(exponents, names=NAMES[1:]):
        return prod((Symbol(n) ** e for n, e in zip(names, exponents, strict=True)), start=1)

    def moved_by(v, exponents):
        # Numbers: eta, T, N, B = 1 become 2^v.
        return prod(Fraction(2) ** (a * b) for a, b in zip(v, (order, *exponents), strict=True))

    obeys = breaks = sympy.Integer(0)
    for exponents, c in polynomial.items():
        term = Rational(c.numerator, c.denominator) * as_monomial(exponents)
        if all(moved_by(v, exponents) == 1 for v in kernel):
            obeys += term
        else:
            breaks += term
    # A term of order 0 that names all symbols makes them symbols of the expansion.
    all_names = single(T + N + B).terms
    expansion = single(obeys + breaks, order)
    expansion = Expansion(order, "moment", (), (*all_names, *expansion.terms))
    through = [as_monomial(m, NAMES) for m in combinations]
    assert scaling(expansion, through).rows[-1].obeys == obeys
    assert scaling(expansion, through).rows[-1].breaks == breaks


# Quotients and exponentials -----------------------------------------------------------------------

QUOTIENTS = [
    # weight, through, order, part that obeys (None: all of it)
    (1 / (N - 1), ["N"], 0, None),
    (1 / (N - 1), ["eta/B"], 0, 0),
    (N / (N - 1), ["eta/B"], 0, 0),
    ((N * T - T) / (N - 1), ["eta*T"], 1, None),
    (T * (T - 1) / (B * (N - 1)), ["eta/B", "eta*T", "N"], 2, -T / (B * (N - 1))),
    (T * (T - 1) / (B * (N - 1)), ["eta/B", "eta*T", "N"], 3, T**2 / (B * (N - 1))),
    (N / (N + B), ["N/B"], 0, None),
    ((N + 1) / (N + B), ["N/B"], 0, N / (N + B)),
    ((N + 1) / (N + B), ["N"], 0, 0),
    (beta**T, ["eta*T"], 0, 0),
    (beta**T, ["T"], 0, None),
    (Rational(9, 10) ** T * T, ["eta*T"], 1, 0),
    (beta**E / B**2, ["eta/B", "E"], 2, None),
    (beta ** (E * N / B), ["eta/B", "N", "E"], 0, 0),
    (beta ** (E * N / B), ["N/B", "E"], 0, None),
    (beta ** (2 * N / B) + beta**N, ["N/B"], 0, beta ** (2 * N / B)),
    (
        T / (1 - beta) - beta * (1 - beta**T) / (1 - beta) ** 2,
        ["eta*T"],
        1,
        T / (1 - beta),
    ),
    (T * (1 - beta ** (2 * T)) / (1 + beta**T), ["eta*T"], 1, T),
    (T * (1 - beta ** (2 * T)) / (1 - beta**T) - T * beta**T, ["eta*T"], 1, None),
    (T / (1 - beta**T), ["eta*T"], 1, 0),
    (beta * T, ["eta*T"], 1, None),  # momentum stays fixed,
    (beta * T, ["eta*T", "beta*T"], 0, None),  # unless it is named
    (beta * T, ["eta*T", "beta*T"], 1, 0),
    (beta**E, ["beta*E", "E"], 0, None),
    (beta**E, ["beta*E*B", "E"], 0, 0),
]


@pytest.mark.parametrize(("weight", "through", "order", "expected"), QUOTIENTS)
def test_quotients_and_exponentials(weight, through, order, expected):
    expected = weight if expected is None else expected
    expansion = single(weight, order)
    missing = [n for item in through for n in "TNBE" if n in item and n not in expansion.symbols]
    more = single(sum(map(Symbol, missing), start=sympy.Integer(1))).terms
    expansion = Expansion(order, "moment", (), (*more, *expansion.terms))
    row = scaling(expansion, through).rows[-1]
    assert sympy.simplify(row.obeys - expected) == 0
    assert sympy.simplify(row.obeys + row.breaks - weight) == 0
    verdict = "obeys" if sympy.simplify(expected - weight) == 0 else "partly"
    assert row.verdict == ("breaks" if expected == 0 else verdict)


# Combinations -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("eta/B", "eta/B"),
        (" eta / B ", "eta/B"),
        ("eta*T", "eta*T"),
        ("T*eta", "eta*T"),
        ("T", "T"),
        ("eta^2/B", "eta^2/B"),
        ("eta**2 * T / B ** 3", "eta^2*T/B^3"),
        ("1/B", "1/B"),
        ("1/B/eta", "1/eta/B"),
        ("eta*B^-1", "eta/B"),
        ("eta*T/T*B^0", "eta"),
        (eta / B, "eta/B"),
        (eta**2 * T / B**3, "eta^2*T/B^3"),
        (1 / B, "1/B"),
        (T, "T"),
    ],
)
def test_combinations_are_read(text, canonical):
    assert scaling(make(order=1), [text]).through == (canonical,)


@pytest.mark.parametrize(
    "bad",
    [
        *("", " ", "1", "2", "eta//B", "eta B", "*eta", "eta*", "eta/", "(eta)", "eta^", "eta^T"),
        *("eta^1.5", "eta^(2)", "2*eta", "eta+B", "eta-B", "eta,B", "1.0*B", "10*B", "1B", "-eta"),
        *("__import__('os')", "eta; B", "eta*T\n*", "η*T", "e" * 50, "eta^1234", "eta*T/T/eta"),
        *("x" * 500, 1, None, 2 * eta, eta + B, sympy.sqrt(eta), sympy.Integer(1), eta**T, b"eta"),
        *(sympy.sin(T), ["eta"], 1.5),
    ],
    ids=str,
)
def test_what_is_no_combination(bad):
    with pytest.raises(RequestError, match="expected") as error:
        scaling(make(order=1), ["eta/B", bad])
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 250


@pytest.mark.parametrize("bad", [(), [], "eta/B", eta / B])
def test_what_is_no_sequence(bad):
    with pytest.raises(RequestError, match="sequence"):
        scaling(make(order=1), bad)


def test_symbols_that_the_expansion_has_not():
    with pytest.raises(RequestError, match=r"eta, N, B, E.*eta\*T.*E\*N/B"):
        scaling(make("test-loss", "epochs", 1), ["eta/B", "eta*T"])
    with pytest.raises(RequestError, match="momentum"):
        scaling(make(order=1), ["momentum*T"])


def test_equal_combinations_are_one():
    assert scaling(make(order=1), ["eta/B", "eta*B^-1", eta / B]).through == ("eta/B",)


def test_defaults():
    assert scaling(make("test-loss", OnePass(B=B), 1)).through == ("eta/B", "eta*T")
    assert scaling(make("test-loss", Epochs(), 1)).through == ("eta/B", "N", "E")
    assert scaling(make("test-loss", Epochs(E=3), 1)).through == ("eta/B", "N")
    assert scaling(make("test-loss", Epochs(N=12), 1)).through == ("eta/B", "E")
    difference = make("test-loss", "epochs", 1) - make(order=1)
    assert scaling(difference).through == ("eta/B", "eta*T", "N", "E")


@pytest.mark.parametrize(
    "scheme", ["one-pass", "full-batch", OnePass(T=5), OnePass(T=5, B=B), Epochs(B=3)], ids=str
)
def test_the_rule_needs_a_symbolic_batch_size_and_time(scheme):
    expansion = make("test-loss", scheme, 1)
    with pytest.raises(RequestError, match="fresh-data") as error:
        scaling(expansion)
    assert "\n" not in str(error.value)
    assert scaling(expansion, ["eta"]).rows[0].verdict == "obeys"


# Output -------------------------------------------------------------------------------------------


def test_short_tables_have_columns():
    lines = str(scaling(make("generalisation-gap", "epochs", 2))).splitlines()
    assert lines[0] == make("generalisation-gap", "epochs", 2).text().splitlines()[0]
    assert lines[1] == "which parts depend on eta, N, B and E only through eta/B, N and E?"
    assert [line.split() for line in lines[2:4]] == [
        ["obeys", "breaks"],
        ["eta^1", "C_aa", "E/B"],
    ]
    column = lines[2].index("breaks")
    assert [line[column - 1 :] for line in lines[4:7]] == [" E/(2 B)", " E/(2 B)", ""]
    assert lines[-3:] == [
        "order 1: 1 of 1 term obeys",
        "order 2: 1 of 3 terms obeys, 2 partly",
        "in all: 2 of 4 terms obey, 2 partly",
    ]


@pytest.mark.parametrize("scheme", LAWS)
@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_tables_fit_the_terminal(scheme, basis):
    table = scaling(make("test-loss", scheme, 4 if scheme == "epochs" else 3, basis))
    lines = str(table).splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)
    # Every coefficient is there, whole or wrapped.
    squeezed = "".join(str(table).split())
    for row in table.rows:
        for part in (row.obeys, row.breaks):
            if part != 0:
                assert coefficient(part).text.replace(" ", "") in squeezed


def test_empty_table():
    expansion = make(order=1)
    table = scaling(expansion - expansion, ["eta"])
    assert table.rows == ()
    assert str(table).splitlines()[-1] == "in all: 0 of 0 terms obey"
    assert "longtable" in table.latex()
    assert repr(table).startswith("<ScalingTable of ")


def test_json():
    table = scaling(make("generalisation-gap", "epochs", 3, "moment"))
    data = json.loads(json.dumps(table.to_dict()))
    assert data["through"] == ["eta/B", "N", "E"]
    assert data["variables"] == ["eta", "N", "B", "E"]
    assert data["summary"] == list(table.summary)
    assert [r["verdict"] for r in data["rows"]] == [row.verdict for row in table.rows]
    written = json.loads(table.expansion.to_json())
    for name in ("weight", "obeys", "breaks"):
        # The parts are read by the reader of expansions.
        rows = [r for r in data["rows"] if r[name] is not None]
        terms = [{"weight": r[name], "contraction": r["contraction"], "indices": []} for r in rows]
        read = Expansion.from_json(json.dumps({**written, "terms": terms})).terms
        expected = [row for row in table.rows if getattr(row, name) != 0]
        assert len(read) == len(expected)
        for term, row in zip(read, expected, strict=True):
            assert term.contraction == row.contraction
            assert sympy.cancel(term.weight - getattr(row, name)) == 0


@pytest.mark.tex
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex is installed")
@pytest.mark.parametrize(
    ("observable", "order", "scheme", "basis", "through"),
    [
        ("test-loss", 4, "fresh-data", "moment", None),
        ("test-loss", 4, "epochs", "moment", None),
        ("generalisation-gap", 3, "epochs", "cumulant", ["eta^2/B", "E*N/B"]),
    ],
)
def test_latex_compiles_and_fits_the_page(tmp_path, observable, order, scheme, basis, through):
    table = scaling(make(observable, scheme, order, basis), through)
    (tmp_path / "table.tex").write_text(table.latex(standalone=True))
    tex = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    for _ in range(2):  # longtable measures its columns in the first run
        done = subprocess.run(tex, cwd=tmp_path, capture_output=True, text=True, check=False)
    log = (tmp_path / "table.log").read_text(errors="replace")
    assert done.returncode == 0, log[-2000:]
    assert "Overfull \\hbox" not in log
    assert (tmp_path / "table.pdf").stat().st_size > 1000
    assert table.latex() in table.latex(standalone=True)


def run(*arguments):
    done = CliRunner().invoke(command, arguments)
    assert done.exception is None, done.exception
    return done.output


def test_command(tmp_path):
    expansion = expand("test-loss", order=3, sampling="fresh-data")
    assert run() == f"{scaling(expansion)}\n"
    arguments = ["--observable", "generalisation-gap", "--order", "2", "--sampling", "epochs"]
    arguments += ["--basis", "cumulant", "--through", "eta/B", "--through", "N"]
    table = scaling(make("generalisation-gap", "epochs", 2), ["eta/B", "N"])
    assert run(*arguments) == f"{table}\n"
    assert json.loads(run(*arguments, "--format", "json")) == table.to_dict()
    assert run(*arguments, "--format", "latex") == f"{table.latex()}\n"
    whole = run(*arguments, "--format", "latex", "--standalone")
    assert whole == table.latex(standalone=True)
    path = tmp_path / "table"
    assert run(*arguments, "--output", path) == ""
    assert path.read_text() == f"{table}\n"


@pytest.mark.parametrize("arguments", [["--sampling", "one-pass"], ["--through", "eta+B"]])
def test_command_with_bad_input(arguments):
    done = CliRunner().invoke(command, arguments)
    assert isinstance(done.exception, RequestError)
