"""Expressions as JSON and pickles: nothing is lost, and nothing else is read."""

import json
import pickle
from importlib import resources

import pytest
from expressions import NAMES, coefficients, expressions
from hypothesis import given
from jsonschema import Draft202012Validator
from strategies import few, places

from sgdiagrams import Expression, FormatError, SgdiagramsError

EXAMPLE = Expression.parse("(N - 1)/(4 N) H_ab C_bc f_c - beta^T G_a + 2 eta G_b J_abc G~_c")


def validator():
    text = (resources.files("sgdiagrams") / "schemas" / "expression.json").read_text()
    Draft202012Validator.check_schema(json.loads(text))
    return Draft202012Validator(json.loads(text))


@few
@given(
    expressions(
        bases=("moment", "cumulant", "plug-in", "distinct"), names=NAMES, scalars=coefficients()
    )
)
def test_what_is_written_is_read_and_fits_the_schema(expression):
    text = expression.to_json(indent=None)
    validator().validate(json.loads(text))
    again = Expression.from_json(text)
    assert (again, hash(again)) == (expression, hash(expression))
    pickled = pickle.loads(pickle.dumps(expression))  # noqa: S301
    assert (pickled, hash(pickled)) == (expression, hash(expression))


def test_more_entries_fit_neither_schema_nor_reader():
    check = validator()
    for path in places(json.loads(EXAMPLE.to_json())):
        data = json.loads(EXAMPLE.to_json())
        home = data
        for key in path:
            home = home[key]
        if isinstance(home, dict) and path[-1:] not in (("powers",), ("exponent",)):
            home["more"] = 1
            assert not check.is_valid(data)
            with pytest.raises(FormatError):
                Expression.from_json(json.dumps(data))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rank": 2}, "2 free legs"),
        ({"rank": -1}, "a rank 0..100"),
        ({"rank": True}, "'rank'"),
        ({"version": 2}, "version 1"),
        ({"format": "sgdiagrams-expansion"}, "format='sgdiagrams-expression'"),
        ({"terms": {}}, "'terms'"),
        ({"terms": [{}]}, r"terms\[0\]"),
    ],
)
def test_what_is_no_expression_is_refused_in_a_line(change, words):
    data = {**json.loads(EXAMPLE.to_json()), **change}
    with pytest.raises(SgdiagramsError, match=words) as error:
        Expression.from_json(json.dumps(data))
    assert "\n" not in str(error.value)


def test_equal_terms_of_a_file_are_added():
    data = json.loads(Expression.parse("3 G_a G_a").to_json())
    data["terms"] *= 2
    assert Expression.from_json(json.dumps(data)) == Expression.parse("6 |G|^2")
