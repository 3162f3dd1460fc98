from fractions import Fraction

import pytest

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.written_numbers import read_numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("10", [10]),
        (" -0.05 ", [Fraction(-1, 20)]),
        ("1/20", [Fraction(1, 20)]),
        ("1e-05", [Fraction(1, 100_000)]),
        (".5", [Fraction(1, 2)]),
        ("0.05,0.02", [Fraction(1, 20), Fraction(1, 50)]),
        ("0, 5", [0, 5]),
        ("0,0.5", [0, Fraction(1, 2)]),
        ("0.0,5", [0, 5]),
        ("1,0,1", [1, 0, 1]),
    ],
)
def test_numbers(text, numbers):
    assert read_numbers("eta", text) == numbers


@pytest.mark.parametrize("text", ["0,05", "0,5", "-0,5", "1,000", "10,05", "010", "1/020", "00"])
def test_what_may_be_a_decimal_comma_is_refused(text):
    with pytest.raises(RequestError, match="decimal point and no leading zeros for eta"):
        read_numbers("eta", text)


@pytest.mark.parametrize(
    "text", ["", "nan", "inf", "1_0", "1,,2", "1/0", "1e99999", "9" * 5000, "\u0663", "0x10", "1 2"]
)
def test_what_is_no_number_is_refused(text):
    with pytest.raises(RequestError, match="expected a number such as") as caught:
        read_numbers("eta", text)
    assert len(str(caught.value)) < 300
