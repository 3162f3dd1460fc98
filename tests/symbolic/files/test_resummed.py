"""JSON of re-summed expansions: round trips, and files that are broken or hostile."""

import copy
import json
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import garbage, places, relaxed
from sympy import Symbol

from sgdiagrams.diagrams import FormatError
from sgdiagrams.symbolic import SGD, Cosine, Epochs, Expansion, Momentum, OnePass, expand, symbols
from sgdiagrams.symbolic.resummed import ResummedExpansion

CASES = [
    ("test-loss", "one-pass", None),
    ("test-loss", OnePass(T=7), SGD(weight_decay=symbols.lamda)),
    ("test-loss", OnePass(T=Symbol("steps"), B=symbols.B), Momentum()),
    ("training-loss", "epochs", None),
    ("generalisation-gap", Epochs(N=6, B=3, E=2), Momentum(beta="0.9")),
    ("generalisation-gap", "with-replacement", None),
    ("displacement", "full-batch", None),
    ("second-moment", "with-replacement", None),
    ("covariance", OnePass(T=5), SGD(schedule=Cosine())),
    ("variance", "reshuffled-epochs", None),
    ("function:other", "sde", None),
]


@pytest.mark.parametrize(("observable", "sampling", "optimizer"), CASES)
def test_round_trip(observable, sampling, optimizer):
    expansion = expand(observable, order=3, sampling=sampling, optimizer=optimizer, resummed=True)
    again = ResummedExpansion.from_json(expansion.to_json())
    assert again == expansion
    assert again.to_json() == expansion.to_json()
    assert ResummedExpansion.from_json(expansion.to_json(indent=None)) == expansion
    assert again.terms == expansion.terms


def test_round_trip_of_algebra_and_forms():
    a = expand("test-loss", order=2, sampling="one-pass", resummed=True)
    b = expand("test-loss", order=2, sampling="full-batch", resummed=True)
    d = expand("displacement", order=3, sampling="one-pass", resummed=True)
    for expansion in (
        a - b,
        a * 2 - b,
        a - a,
        a.at_minimum(),
        (a - b).continuous(),
        d.small_eta(flat=("a",)),
        a.at(T=10),
        expand("generalisation-gap", order=0, sampling="one-pass", resummed=True),
    ):
        assert ResummedExpansion.from_json(expansion.to_json()) == expansion


def test_the_file_is_plain_data():
    data = json.loads(expand("test-loss", order=2, sampling="one-pass", resummed=True).to_json())
    assert data["format"] == "sgdiagrams-resummed-expansion"
    assert data["version"] == 1
    assert (data["order"], data["form"], data["flat"]) == (2, "discrete", [])
    assert data["terms"][-1] == {
        "contraction": {"text": "(0-1.2)(0.1-0.2)", "basis": "cumulant"},
        "pieces": [
            {
                "coefficient": "1/2",
                "part": 0,
                "skeletons": [
                    {"diagram": "(01-2)(02-12)", "role": "population", "indices": [0, 1]}
                ],
            }
        ],
    }


def test_plain_and_resummed_files_are_told_apart():
    plain = expand("test-loss", order=1, sampling="one-pass").to_json()
    resummed = expand("test-loss", order=1, sampling="one-pass", resummed=True).to_json()
    with pytest.raises(FormatError, match="format='sgdiagrams-resummed-expansion'"):
        ResummedExpansion.from_json(plain)
    with pytest.raises(FormatError, match="format='sgdiagrams-expansion'"):
        Expansion.from_json(resummed)


# Hostile files --------------------------------------------------------------------------------------


@cache
def good_text():
    """The gap has roots of both roles; its last term has one index for each of two updates."""
    return expand(
        "generalisation-gap", order=2, sampling="with-replacement", resummed=True
    ).to_json()


def good():
    return json.loads(good_text())


REMOVED = Ellipsis  # the same name in every process, unlike an object of its own


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


PART = ("parts", 0)
SAMPLING = ("parts", 0, "sampling")
TERM = ("terms", -1)
VALUE = (*TERM, "contraction")
PIECE = (*TERM, "pieces", 0)
SKELETON = (*PIECE, "skeletons", 0)

BAD_ENTRIES = [
    (("format",), "sgdiagrams-expansion"),
    (("format",), REMOVED),
    (("format",), ["sgdiagrams-resummed-expansion"]),
    (("version",), 0),
    (("version",), 2),
    (("version",), "1"),
    (("version",), True),
    (("version",), REMOVED),
    (("order",), -1),
    (("order",), 1),  # lower than that of the terms
    (("order",), 101),
    (("order",), 1.5),
    (("order",), "2"),
    (("order",), True),
    (("order",), REMOVED),
    (("form",), "exact"),
    (("form",), None),
    (("form",), ["discrete"]),
    (("form",), REMOVED),
    (("flat",), REMOVED),
    (("flat",), "a"),
    (("flat",), [0]),
    (("flat",), ["a"]),  # the gap has no free index
    (("flat",), ["a", "a"]),
    (("parts",), REMOVED),
    (("parts",), []),
    (("parts",), {}),
    (("parts",), [None]),
    ((*PART, "coefficient"), 1),
    ((*PART, "coefficient"), "1/0"),
    ((*PART, "coefficient"), "__import__('os')"),
    ((*PART, "coefficient"), REMOVED),
    ((*PART, "observable"), "weights"),
    ((*PART, "observable"), "displacement"),  # of another rank
    ((*PART, "observable"), "generalisation-gap:since=2"),
    ((*PART, "observable"), REMOVED),
    ((*PART, "optimizer"), "sgd"),
    ((*PART, "optimizer"), {"name": "adam"}),
    (SAMPLING, None),
    (SAMPLING, REMOVED),
    (SAMPLING, {"name": "ito"}),
    (SAMPLING, {"name": "sde"}),  # has no discrete form
    (SAMPLING, {"name": "epochs", "N": 2, "B": 5}),
    (SAMPLING, {"name": "epochs", "N": "4 + 4"}),
    (("terms",), REMOVED),
    (("terms",), None),
    (("terms",), [1]),
    (TERM, []),
    (VALUE, REMOVED),
    (VALUE, "C_ab H_ab"),
    ((*VALUE, "text"), REMOVED),
    ((*VALUE, "text"), "(0-1)(0.5)"),
    ((*VALUE, "text"), "(0-1)(0.1);import os"),
    ((*VALUE, "text"), "(0-1)(0.1)"),  # of another order
    ((*VALUE, "text"), "(0-1)(0.1-0.1)"),  # a circle
    ((*VALUE, "text"), "(" + "1" * 20000 + ")()"),
    ((*VALUE, "basis"), "moment"),
    ((*VALUE, "basis"), "plug-in"),
    ((*VALUE, "basis"), REMOVED),
    ((*VALUE, "metric"), "eta"),
    ((*VALUE, "labels"), "loss,\\input{/etc/passwd}"),
    ((*VALUE, "free"), "0"),  # one free index too many
    ((*VALUE, "free"), "x"),
    ((*TERM, "pieces"), REMOVED),
    ((*TERM, "pieces"), []),
    ((*TERM, "pieces"), "1/2"),
    ((*PIECE, "coefficient"), "0"),
    ((*PIECE, "coefficient"), "0.5"),
    ((*PIECE, "coefficient"), 2),
    ((*PIECE, "coefficient"), REMOVED),
    ((*PIECE, "part"), 1),
    ((*PIECE, "part"), -1),
    ((*PIECE, "part"), True),
    ((*PIECE, "part"), "0"),
    ((*PIECE, "part"), REMOVED),
    ((*PIECE, "skeletons"), REMOVED),
    ((*PIECE, "skeletons"), []),
    ((*PIECE, "skeletons"), [3]),
    ((*SKELETON, "diagram"), REMOVED),
    ((*SKELETON, "diagram"), 5),
    ((*SKELETON, "diagram"), ""),
    ((*SKELETON, "diagram"), "(0-1-2)(01-12)"),  # a link
    ((*SKELETON, "diagram"), "(0-1)(01)"),  # of another order
    ((*SKELETON, "diagram"), "(01-2)(02-12);import os"),
    ((*SKELETON, "diagram"), "(" + "-".join(map(str, range(10))) + ")()"),
    ((*SKELETON, "diagram"), "(" + "0" * 20000 + ")()"),
    ((*SKELETON, "role"), "root"),
    ((*SKELETON, "role"), None),
    ((*SKELETON, "role"), REMOVED),
    ((*SKELETON, "indices"), REMOVED),
    ((*SKELETON, "indices"), [0]),
    ((*SKELETON, "indices"), [0, 0]),
    ((*SKELETON, "indices"), [0, 2]),
    ((*SKELETON, "indices"), [-1, 0]),
    ((*SKELETON, "indices"), [0, 1, 2]),
    ((*SKELETON, "indices"), [0, True]),
    ((*SKELETON, "indices"), [0, 1.0]),
    ((*SKELETON, "indices"), ["a", "b"]),
    ((*SKELETON, "indices"), [0, 10**400]),
]


def refused(text):
    with pytest.raises(FormatError) as error:
        ResummedExpansion.from_json(text)
    message = str(error.value)
    assert message
    assert "\n" not in message
    assert len(message) < 500


@pytest.mark.parametrize("bad", BAD_ENTRIES, ids=lambda bad: f"{bad[0]}: {str(bad[1])[:30]}")
def test_bad_entries(bad):
    assert ResummedExpansion.from_json(good_text())
    refused(replaced(*bad))


def test_errors_say_where():
    bad = replaced(("terms", 1, "pieces", 0, "skeletons", 0, "diagram"), "nothing")
    with pytest.raises(FormatError) as error:
        ResummedExpansion.from_json(bad)
    assert str(error.value).endswith(" (in terms[1].pieces[0].skeletons[0])")


HUGE = "1" * 5000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "NaN",
        "{",
        "not json",
        "[" * 100_000,
        '{"a": ' * 5000 + "1" + "}" * 5000,
        HUGE,
        f'{{"format": "sgdiagrams-resummed-expansion", "version": {HUGE}}}',
        "__import__('os').system('true')",
    ],
    ids=lambda text: text[:30],
)
def test_what_is_no_expansion(text):
    refused(text)


def test_the_same_contraction_twice():
    data = good()
    data["terms"].append(data["terms"][-1])
    refused(json.dumps(data))


def test_momentum_of_a_flow():
    text = expand("displacement", order=1, sampling="gradient-flow", resummed=True).to_json()
    data = json.loads(text)
    data["parts"][0]["optimizer"] = {"name": "momentum", "beta": "1/2"}
    refused(json.dumps(data))


def test_very_wide_terms():
    # 990 leaves on one node: deeper than Python's recursion allows, and of too high an order.
    leaves = 990
    blocks = "-".join(map(str, range(leaves + 1)))
    edges = "-".join(f"0.{v}" for v in range(1, leaves + 1))
    refused(replaced((*VALUE, "text"), f"({blocks})({edges})"))


def test_truncated_files():
    text = good_text()
    for cut in range(0, len(text) - 1, 97):
        refused(text[:cut])


@relaxed
@given(st.data())
def test_garbage_anywhere_is_refused_or_harmless(data):
    tree = copy.deepcopy(good())
    path = data.draw(st.sampled_from([p for p in places(tree) if p]))
    text = replaced(
        path, data.draw(garbage("T", "1/2", "training", "stationary", "(0-1)(01)", 0, 1))
    )
    try:
        expansion = ResummedExpansion.from_json(text)
    except FormatError:
        refused(text)
    else:
        assert ResummedExpansion.from_json(expansion.to_json()) == expansion
