"""Messages show numbers as people write them, and little of what was given."""

import ast
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layout import ROOT

from sgdiagrams import Momentum, OnePass
from sgdiagrams.diagrams.messages import MOST, plain_number, shortened, shown


@dataclass
class Pair:
    first: object
    second: object


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(9, 10), "0.9"),
        (Fraction(-1, 3), "-1/3"),
        (Fraction(5, 1), "5"),
        (Fraction(-1, 8), "-0.125"),
        (np.float64(0.5), "0.5"),
        (np.int64(3), "3"),
        (np.bool_(True), "True"),
        (True, "True"),
        ([Fraction(1, 2), 0.25, "x"], "[0.5, 0.25, 'x']"),
        ((Fraction(1, 2),), "(0.5,)"),
        ({"a": Fraction(1, 20)}, "{'a': 0.05}"),
        (np.array([1, 2]), "[1, 2]"),
        (np.zeros((300, 4)), "an array of shape (300, 4)"),
        (10**50, "a number of 167 bits"),
        (Fraction(1, 3**200), "1/a number of 317 bits"),
        ([1] * 9, "[1, 1, 1, 1, 1, 1, 1, 1, …]"),
        ("two\nlines", r"'two\nlines'"),
        (Pair(Fraction(9, 10), [Fraction(1, 4)]), "Pair(first=0.9, second=[0.25])"),
        (Momentum(beta=Fraction(9, 10)), "momentum beta=9/10"),
        (OnePass(T=3), "one-pass T=3 B=1"),
    ],
)
def test_values_as_people_write_them(value, text):
    assert shown(value) == text


@given(st.fractions(min_value=-(10**20), max_value=10**20, max_denominator=10**20))
def test_a_number_is_shown_exactly(number):
    assert Fraction(plain_number(number)) == number


@given(
    st.recursive(
        st.text() | st.integers() | st.floats() | st.fractions() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_nothing_is_long_or_broken_over_lines(value):
    text = shown(value)
    assert len(text) <= MOST
    assert text == " ".join(text.split())


def test_what_cannot_be_shown_does_not_hide_the_error():
    class Broken:
        def __repr__(self):
            raise RuntimeError

    assert shown(Broken()) == "a Broken"
    assert shown("x" * 10**7).startswith("'xxx")
    assert shortened("short", most=5) == "short"


# Mistakes of programmers, not of what was given.
PYTHONS_OWN = {"AttributeError", "NotImplementedError", "TypeError"}


def test_no_error_shows_a_value_by_its_repr():
    # `shown` bounds what is echoed, and writes 0.9 and not Fraction(9, 10).
    offenders = []
    for room in ("diagrams", "symbolic", "numeric", "package"):
        for path in (ROOT / room).rglob("*.py"):
            raised = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Raise)]
            raised = [n for n in raised if ast.unparse(n.exc or n).split("(")[0] not in PYTHONS_OWN]
            pieces = [p for n in raised for p in ast.walk(n) if isinstance(p, ast.FormattedValue)]
            offenders += [
                f"{path.relative_to(ROOT)}:{p.lineno}: write {{shown(...)}}"
                for p in pieces
                if p.conversion == ord("r")
            ]
    assert not offenders, "\n".join(offenders)
