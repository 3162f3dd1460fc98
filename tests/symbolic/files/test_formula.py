"""JSON: round trips, and files that are broken or hostile."""

import copy
import dataclasses
import json
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import garbage, places, relaxed
from sympy import Rational, Symbol

from sgdiagrams.diagrams import FormatError, SgdiagramsError
from sgdiagrams.symbolic import Contraction, Epochs, Expansion, Grid, OnePass, Term, expand, symbols

OBSERVABLES = ["test-loss", "training-loss", "generalisation-gap"]
SAMPLINGS = {
    "one-pass": OnePass(),
    "one-pass of 7": OnePass(T=7),
    "fresh data": OnePass(B=symbols.B),
    "other letters": OnePass(T=Symbol("steps")),
    "epochs": Epochs(),
    "epochs, shuffled": Epochs(shuffle="once"),
    "epochs in numbers": Epochs(N=6, B=3, E=2),
    "epochs, some numbers": Epochs(B=3),
    "full batch": Epochs(B=symbols.N),
}


@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize("name", SAMPLINGS)
@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_round_trip(observable, name, basis):
    expansion = expand(observable, order=2, sampling=SAMPLINGS[name], basis=basis)
    again = Expansion.from_json(expansion.to_json())
    assert again == expansion
    assert again.terms == expansion.terms
    assert again.sampling == expansion.sampling
    assert again.text() == expansion.text()
    assert again.to_json() == expansion.to_json()
    assert Expansion.from_json(expansion.to_json(indent=None)) == expansion


def test_round_trip_of_algebra():
    a = expand("test-loss", order=3, sampling="one-pass")
    b = expand("test-loss", order=3, sampling="epochs", basis="cumulant")
    N = symbols.N
    for expansion in (
        a - b,
        a * 2 - b,
        a - a,
        a.with_metric("eta"),
        b.subs({"T": 3, "B": "N"}),
        b.subs({"B": N + 1}),  # quotients
        b.subs({"B": N * Symbol("x") ** 2}),
        expand("generalisation-gap", order=0, sampling="one-pass"),
    ):
        assert Expansion.from_json(expansion.to_json()) == expansion


def test_the_file_is_plain_data():
    data = json.loads(expand("test-loss", order=2, sampling="one-pass").to_json())
    assert data["format"] == "sgdiagrams-expansion"
    assert data["version"] == 2
    assert data["order"] == 2
    assert data["basis"] == "moment"
    assert data["parts"][0]["observable"] == "test-loss"
    assert data["parts"][0]["coefficient"] == "1"
    assert data["parts"][0]["sampling"]["name"] == "one-pass"
    # T (T - 1) G H G
    assert data["terms"][2]["weight"]["numerator"] == [
        {"coefficient": "1", "powers": {"T": 2}},
        {"coefficient": "-1", "powers": {"T": 1}},
    ]
    text = data["terms"][3]["contraction"]["text"]
    assert Contraction(text) == Contraction.build([(0, 1), (1, 2)], [[0, 2], [1]])


# Hostile files --------------------------------------------------------------------------------------


@cache
def good_text():
    return expand("generalisation-gap", order=2, sampling="epochs", basis="cumulant").to_json()


def good():
    return json.loads(good_text())


def replaced(path, value):
    data = good()
    place = data
    *way, last = path
    for key in way:
        place = place[key]
    if value is REMOVED:
        del place[last]
    else:
        place[last] = value
    return json.dumps(data)


REMOVED = Ellipsis  # the same name in every process, unlike an object of its own
WEIGHT = ("terms", 0, "weight", "numerator", 0)
VALUE = ("terms", 0, "contraction")
SAMPLING = ("parts", 0, "sampling")

BAD_ENTRIES = [
    (("format",), "something-else"),
    (("format",), REMOVED),
    (("format",), ["sgdiagrams-expansion"]),
    (("version",), 0),
    (("version",), 3),
    (("version",), "1"),
    (("version",), True),
    (("version",), None),
    (("version",), REMOVED),
    (("order",), -1),
    (("order",), 10**9),
    (("order",), 1.5),
    (("order",), "2"),
    (("order",), True),
    (("order",), REMOVED),
    (("order",), 1),  # lower than that of the terms
    (("basis",), "moments"),
    (("basis",), None),
    (("basis",), ["moment"]),
    (("parts",), REMOVED),
    (("parts",), {}),
    (("parts",), "test-loss"),
    (("parts",), [None]),
    (("parts",), [[]]),
    (("parts", 0, "coefficient"), 1),
    (("parts", 0, "coefficient"), "0b10"),
    (("parts", 0, "coefficient"), "0x"),
    (("parts", 0, "coefficient"), "0x1/0x0"),
    (("parts", 0, "coefficient"), "1/0"),
    (("parts", 0, "coefficient"), "1e3"),
    (("parts", 0, "coefficient"), "nan"),
    (("parts", 0, "coefficient"), "1" * 5000),
    (("parts", 0, "coefficient"), "__import__('os')"),
    (("parts", 0, "coefficient"), REMOVED),
    (("parts", 0, "observable"), "weights"),
    (("parts", 0, "observable"), 3),
    (("parts", 0, "observable"), ["test-loss"]),
    (("parts", 0, "observable"), REMOVED),
    (SAMPLING, "epochs"),
    (SAMPLING, []),
    (SAMPLING, [["name", "epochs"]]),
    (SAMPLING, 5),
    (SAMPLING, {"name": "ito"}),
    (SAMPLING, {"name": []}),
    (SAMPLING, {"name": {}}),
    (SAMPLING, {"name": None}),
    (SAMPLING, {"N": 4}),
    (SAMPLING, {"name": "epochs", "N": 2, "B": 5}),
    (SAMPLING, {"name": "epochs", "N": 0}),
    (SAMPLING, {"name": "epochs", "N": -4}),
    (SAMPLING, {"name": "epochs", "B": 0}),
    (SAMPLING, {"name": "epochs", "N": 2.5}),
    (SAMPLING, {"name": "epochs", "N": [4]}),
    (SAMPLING, {"name": "epochs", "N": "4 + 4"}),
    (SAMPLING, {"name": "epochs", "N": "__import__('os').system('true')"}),
    (SAMPLING, {"name": "epochs", "N": "x" * 1000}),
    (SAMPLING, {"name": "epochs", "N": True}),
    (SAMPLING, {"name": "epochs", "N": None}),
    (SAMPLING, {"name": "epochs", "T": 4}),
    (SAMPLING, {"name": "epochs", "__class__": 4}),
    (SAMPLING, {"name": "epochs", "shuffle": "twice"}),
    (SAMPLING, {"name": "epochs", "shuffle": []}),
    (SAMPLING, {"name": "epochs", "shuffle": 1}),
    (("terms",), REMOVED),
    (("terms",), None),
    (("terms",), [1]),
    (("terms", 0), []),
    (("terms", 0, "weight"), REMOVED),
    (("terms", 0, "weight"), "T**2"),
    (("terms", 0, "weight"), []),
    (("terms", 0, "weight", "numerator"), REMOVED),
    (("terms", 0, "weight", "numerator"), {}),
    (("terms", 0, "weight", "numerator"), ["T"]),
    (("terms", 0, "weight", "denominator"), []),
    (("terms", 0, "weight", "denominator"), None),
    (("terms", 0, "weight", "denominator"), [{"coefficient": "0", "powers": {}}]),
    ((*WEIGHT, "coefficient"), 3),
    ((*WEIGHT, "coefficient"), "1/2/3"),
    ((*WEIGHT, "coefficient"), "T"),
    ((*WEIGHT, "coefficient"), "9**9**9"),
    ((*WEIGHT, "coefficient"), " 1"),
    ((*WEIGHT, "coefficient"), "1\n"),
    ((*WEIGHT, "coefficient"), "\u0661"),
    ((*WEIGHT, "powers"), REMOVED),
    ((*WEIGHT, "powers"), [["T", 1]]),
    ((*WEIGHT, "powers"), {"T": 10**6}),
    ((*WEIGHT, "powers"), {"T": -(10**6)}),
    ((*WEIGHT, "powers"), {"T": 1.5}),
    ((*WEIGHT, "powers"), {"T": "2"}),
    ((*WEIGHT, "powers"), {"T": True}),
    ((*WEIGHT, "powers"), {"T": {}}),
    ((*WEIGHT, "powers"), {"": 1}),
    ((*WEIGHT, "powers"), {"T + 1": 1}),
    ((*WEIGHT, "powers"), {"__import__('os')": 1}),
    ((*WEIGHT, "powers"), {"T; import os": 1}),
    ((*WEIGHT, "powers"), {"T\n": 1}),
    (VALUE, "G G"),
    (VALUE, REMOVED),
    (VALUE, []),
    ((*VALUE, "text"), REMOVED),
    ((*VALUE, "text"), ""),
    ((*VALUE, "text"), "(0-1)(0.1-0.2)"),
    ((*VALUE, "text"), "(0-1-2)(0.1-1.2-0.2)"),
    ((*VALUE, "text"), "(0-1)(0.5)"),
    ((*VALUE, "text"), "(0)(0.1)"),
    ((*VALUE, "text"), "(0-0)()"),
    ((*VALUE, "text"), "(0..1)(0.1)"),
    ((*VALUE, "text"), "(0-1)(0.1);import os"),
    ((*VALUE, "text"), "(0-1)(0.1)\n"),
    ((*VALUE, "text"), "(" + "1" * 20000 + ")()"),
    ((*VALUE, "text"), "(" + "-".join(map(str, range(2000))) + ")()"),
    ((*VALUE, "text"), 5),
    ((*VALUE, "basis"), "cumulants"),
    ((*VALUE, "basis"), REMOVED),
    ((*VALUE, "metric"), "euclidean"),
    ((*VALUE, "metric"), None),
    ((*VALUE, "labels"), "loss"),
    ((*VALUE, "labels"), ["loss", "loss"]),
    ((*VALUE, "labels"), "loss,__import__('os').system('true')"),
    ((*VALUE, "labels"), "loss,x = 1; import os"),
    ((*VALUE, "labels"), "loss,\n"),
    ((*VALUE, "labels"), "loss,"),
    ((*VALUE, "labels"), "loss,\\input{/etc/passwd}"),
    ((*VALUE, "free"), "5"),
    ((*VALUE, "free"), "-1"),
    ((*VALUE, "free"), "x"),
    ((*VALUE, "free"), [0]),
    (("terms", 0, "indices"), "mu"),
    (("terms", 0, "indices"), [1]),
    (("terms", 0, "indices"), REMOVED),
]


def refused(text):
    with pytest.raises(FormatError) as error:
        Expansion.from_json(text)
    message = str(error.value)
    assert message
    assert "\n" not in message
    assert len(message) < 500


@pytest.mark.parametrize("bad", BAD_ENTRIES, ids=lambda bad: f"{bad[0]}: {str(bad[1])[:30]}")
def test_bad_entries(bad):
    assert Expansion.from_json(good_text())
    refused(replaced(*bad))


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("terms", 2, "weight", "numerator", 0, "coefficient"), "x", "terms[2].numerator[0]"),
        (("terms", 1, "contraction", "text"), "(0", "terms[1]"),
        (("parts", 0, "sampling", "B"), 0, "parts[0]"),
        (("order",), "2", ""),
    ],
)
def test_errors_say_where(path, value, place):
    with pytest.raises(FormatError) as error:
        Expansion.from_json(replaced(path, value))
    message = str(error.value)
    assert message.startswith("expected ")
    assert (message.endswith(f" (in {place})")) == bool(place), message
    assert ("(in " in message) == bool(place)


HUGE = "1" * 5000


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "null",
        "1",
        "[]",
        "{}",
        '"sgdiagrams-expansion"',
        "NaN",
        "{",
        "not json",
        "[" * 100_000,
        '{"format": "sgdiagrams-expansion"' * 1000,
        '{"a": ' * 5000 + "1" + "}" * 5000,
        HUGE,
        f'{{"format": "sgdiagrams-expansion", "version": {HUGE}}}',
        "\ufeff{}",
        "__import__('os').system('true')",
    ],
    ids=lambda text: text[:30],
)
def test_what_is_no_expansion(text):
    refused(text)


def test_huge_numbers():
    many = 10**400
    assert many == Expansion.from_json(replaced((*SAMPLING, "N"), many)).parts[0].sampling.N
    refused(good_text().replace('"order": 2', f'"order": {HUGE}'))


def test_very_wide_contractions():
    # 990 leaves on one node: deeper than Python's recursion allows.
    leaves = 990
    blocks = "-".join(map(str, range(leaves + 1)))
    edges = "-".join(f"0.{v}" for v in range(1, leaves + 1))
    data = json.loads(replaced((*VALUE, "text"), f"({blocks})({edges})"))
    data["order"] = 1000
    refused(json.dumps(data))


def test_truncated_files():
    text = good_text()
    for cut in range(0, len(text) - 1, 97):
        refused(text[:cut])


@relaxed
@given(st.data())
def test_garbage_anywhere_is_refused_or_harmless(data):
    tree = copy.deepcopy(good())
    path = data.draw(st.sampled_from([p for p in places(tree) if p]))
    text = replaced(path, data.draw(garbage("T", "1/2", "moment", "epochs", "(0-1)(0.1)")))
    try:
        expansion = Expansion.from_json(text)
    except FormatError:
        refused(text)
    else:
        assert Expansion.from_json(expansion.to_json()) == expansion


def test_labels_that_are_names_are_kept():
    data = good()
    data["terms"][0]["contraction"]["labels"] = "loss,speed"
    try:
        expansion = Expansion.from_json(json.dumps(data))
    except SgdiagramsError:
        return
    assert Expansion.from_json(expansion.to_json()) == expansion


@pytest.mark.parametrize(
    "request_",
    [
        {"observable": "test-loss", "order": 2, "sampling": "one-pass", "optimizer": "momentum"},
        {"observable": "displacement", "order": 2, "sampling": Grid([[0], [1]])},
        {"observable": "test-loss", "order": 2, "sampling": "epochs", "resummed": True},
    ],
    ids=["plain", "grid", "re-summed"],
)
def test_an_unknown_or_misspelt_entry_is_an_error_everywhere(request_):
    expansion = expand(**request_)
    text = expansion.to_json()
    for path in places(json.loads(text)):
        for change in ("add", "misspell"):
            data = json.loads(text)
            home = data
            for key in path:
                home = home[key]
            # Powers are by the names of symbols, which may be any.
            if not isinstance(home, dict) or not home or path[-1:] in (("powers",), ("exponent",)):
                continue
            if change == "add":
                home["more"] = 1
            else:
                first = next(iter(home))
                home[first + "s"] = home.pop(first)
            with pytest.raises(FormatError):
                type(expansion).from_json(json.dumps(data))


def test_weights_that_are_not_in_lowest_terms_come_back_equal():
    T, N, beta = symbols.T, symbols.N, symbols.beta
    expansion = expand("test-loss", order=1, sampling="one-pass")
    contraction = expansion.terms[1].contraction
    weights = [
        T * (T - 1),
        (2 * T + 2) / (4 * N + 4),
        (N**2 - 1) / (N - 1),
        1 / (N - 1) + 1 / (N + 1),
        beta ** (2 * T) / (1 - beta**T),
        Rational(1, 2) ** (T + 1),
        T - T,
    ]
    for weight in weights:
        mine = dataclasses.replace(expansion, terms=(Term(weight, contraction),))
        assert Expansion.from_json(mine.to_json()) == mine
        assert hash(Expansion.from_json(mine.to_json()).terms[0]) == hash(mine.terms[0])
        other = dataclasses.replace(expansion, terms=(Term(weight + 1, contraction),))
        assert Expansion.from_json(mine.to_json()) != other
