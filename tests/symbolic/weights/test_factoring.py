"""Factors of polynomials and reduced quotients against SymPy's own."""

import random
from fractions import Fraction

import pytest
from sympy import QQ, Add, Mul, Poly, Pow, Rational, Symbol, factor_list, ring, symbols

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.weights.denominators import over_common_denominator
from sgdiagrams.symbolic.weights.factoring import factor_terms
from sgdiagrams.symbolic.weights.laurent import to_expr
from sgdiagrams.symbolic.weights.quotients import as_quotient, canonical, weight_of_terms

X = symbols("x0:3")
R = ring("x0, x1, x2", QQ)[0]


def terms_of(expr, gens):
    return [(exps, Fraction(int(c.p), int(c.q))) for exps, c in Poly(expr, *gens).terms()]


def some_factor(rng, gens):
    monomials = {tuple(rng.randrange(3) for _ in gens): rng.randrange(-4, 5) for _ in range(3)}
    return to_expr({exps: Fraction(c) for exps, c in monomials.items()}, gens)


def by_sympy(expr, gens):
    top, factors = Poly(expr, *gens).factor_list()
    return Fraction(int(top.p), int(top.q)), [
        (tuple(terms_of(f.as_expr(), gens)), k) for f, k in factors
    ]


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("seed", range(40))
def test_factors_are_those_of_sympy(width, seed):
    rng = random.Random(f"{width}.{seed}")
    gens = X[:width]
    factors = [some_factor(rng, gens) ** rng.choice([1, 1, 2]) for _ in range(rng.randrange(1, 4))]
    if rng.random() < 0.5:  # what weights have: factors in one variable, and monomials
        factors += [gens[0] - rng.randrange(3), 2 * gens[-1] + 1, gens[-1]]
    product = (Mul(*factors) * Rational(rng.randrange(1, 5), 6)).expand()
    if product != 0:
        assert factor_terms(terms_of(product, gens)) == by_sympy(product, gens)


def test_the_zero_polynomial():
    assert factor_terms([]) == (0, [])


@pytest.mark.parametrize("seed", range(60))
def test_factors_are_irreducible(seed):
    rng = random.Random(seed)
    gens = X[: rng.choice([2, 3])]
    product = (some_factor(rng, gens) * rng.choice([1, some_factor(rng, gens)])).expand()
    factors = factor_terms(terms_of(product, gens))[1] if product != 0 else []
    for f, _ in factors:
        by_definition = factor_list(to_expr(dict(f), gens), *gens)[1]
        assert len(by_definition) == 1
        assert by_definition[0][1] == 1


@pytest.mark.parametrize(
    "text", ["x0**2 - x1", "x0*x1 - x2**2", "x0**3 - x1*x2 + 1", "x0**4 + x1**4 + x2**4 + 1"]
)
def test_irreducible_polynomials_are_left_as_they_are(text):
    terms = terms_of(Poly(text, *X).as_expr(), X)
    assert factor_terms(terms) == (1, [(tuple(terms), 1)])


def as_expr(f):
    return to_expr({e: Fraction(int(c.numerator), int(c.denominator)) for e, c in f.items()}, X)


@pytest.mark.parametrize("seed", range(40))
def test_sums_over_a_common_denominator(seed):
    rng = random.Random(seed)
    x0, x1, x2 = R.gens
    factors = [x0, x0 - 1, x0 - x1, x0 * x1 - 1, x1**2 - x0, x1 + 1, x1**2 + 1, 2 * x2 - 3]
    for _ in range(2):
        parts, expected = {}, {}
        for key in range(rng.randrange(1, 3)):
            parts[key] = {}
            for _ in range(rng.randrange(1, 4)):
                chosen = [rng.choice(factors) for _ in range(rng.randrange(4))]
                below = R(rng.randrange(1, 4))
                for f in chosen:
                    below = below * f
                above = R(rng.randrange(-3, 4)) * rng.choice(factors) + rng.randrange(2)
                parts[key][below] = above
            expected[key] = Add(*(as_expr(p) / as_expr(q) for q, p in parts[key].items()))
        numerators, common = over_common_denominator(R, parts)
        for key, expr in expected.items():
            found = as_expr(numerators.get(key, {})) / as_expr(common)
            assert canonical(found) == canonical(expr)
        together = [Symbol(f"k{key}") * expr for key, expr in expected.items()]
        total = as_quotient(Add(*together))
        if numerators:
            # Nothing is left to be cancelled, monomials included.
            assert len(common) == len(total.denominator)


@pytest.mark.parametrize("seed", range(30))
def test_quotients_from_terms(seed):
    rng = random.Random(seed)
    T, N, beta = symbols("T, N, beta")
    gens = (beta, T, N, Pow(beta, T))
    above = {
        (rng.randrange(3), rng.randrange(-2, 3), rng.randrange(-2, 2), rng.randrange(2)): Fraction(
            rng.randrange(1, 9), rng.randrange(1, 5)
        )
        for _ in range(4)
    }
    k = rng.randrange(1, 4)
    below = rng.choice([{(0, 0, 0, 0): k}, {(1, 0, 0, 0): -k, (0, 0, 0, 0): k}])
    below = {exps: Fraction(c) for exps, c in below.items()}
    if sum(above.values()) == 0:
        return
    found = weight_of_terms(above, below, gens)
    assert found == canonical(found)
    assert found == canonical(to_expr(above, gens) / to_expr(below, gens))
    assert weight_of_terms({}, below, gens) == 0


@pytest.mark.parametrize("other", [1, X[1], 1 / X[1], 1 / (X[1] - 1)])
def test_a_denominator_that_is_0_is_refused(other):
    x = X[0]
    nothing = Pow(x**2 - 1 - (x - 1) * (x + 1), -1)
    with pytest.raises(RequestError, match="a denominator other than 0"):
        as_quotient(Add(other, nothing))


@pytest.mark.parametrize("digits", [5, 200, 2000])
def test_powers_of_numbers_are_powers_of_their_roots(digits):
    base, time = Rational(10**digits + 1, 10 ** (digits + 1)), Symbol("T")
    power = base**time
    assert canonical(power * (power + 1)) == canonical(power**2 + power)
    # Beyond the range of floats no roots are taken.
    difference = canonical((base**2) ** time - base ** (2 * time))
    assert difference.is_zero or digits > 100
