"""Published numbers: what is in a table, what follows from it, and files."""

import json
import math
import pickle
from fractions import Fraction

import numeric_slow as slow
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import garbage, relaxed

from sgdiagrams.diagrams.errors import DiagramError, FormatError, RequestError, StatisticsError
from sgdiagrams.numeric.estimates.known_values import KnownContractions
from sgdiagrams.numeric.measurement.values import Values
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.symbolic.algebra.conversions import in_cumulants, in_moments
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.theorem import expand

parse = Contraction.parse
POPULATION = Statistics(slow.symmetric_samples(2, n=4, p=2, orders=range(5)), "population")
EXACT = Evaluator(POPULATION)


def table(*expansions):
    contractions = {term.contraction for expansion in expansions for term in expansion.terms}
    return Values({c: EXACT.value(c) for c in contractions})


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
@pytest.mark.parametrize(
    ("observable", "sampling", "numbers"),
    [
        ("test-loss", "one-pass", {"T": 5}),
        ("generalisation-gap", "shuffled-epochs", {"N": 6, "B": 2, "E": 2}),
        ("training-loss", "with-replacement", {"N": 6, "B": 2, "T": 4}),
    ],
)
def test_exact_tables_give_exact_estimates_of_both_bases(observable, sampling, numbers, basis):
    eta = Fraction(1, 7)
    moments, cumulants = (
        expand(observable, order=3, sampling=sampling, basis=b) for b in ("moment", "cumulant")
    )
    expected = moments.evaluate(POPULATION, eta=eta, **numbers).orders
    values = table(moments if basis == "moment" else cumulants)
    for expansion in (moments, cumulants):
        estimate = expansion.evaluate(values, eta=eta, **numbers)
        assert estimate.orders == expected
        assert all(isinstance(x, Fraction) for x in estimate.orders)
        assert estimate.to_dict()["value"] == str(sum(expected))
    rounded = moments.evaluate(values, eta=1 / 7, **numbers).orders
    assert rounded == pytest.approx([float(x) for x in expected], rel=1e-12)
    assert all(isinstance(x, float) for x in rounded)


@relaxed
@given(st.data())
def test_what_follows_from_a_table_follows_exactly(data):
    """Any independent combination of what is known is solved back, and nothing else is."""
    skeleton = parse(
        data.draw(st.sampled_from(["G_a H_ab G_b", "G_a G_a G_b G_b", "H_ab G_a G_b l"]))
    )
    n = skeleton.node_count
    partitions = st.lists(st.integers(0, n - 1), min_size=n, max_size=n)
    bases = st.sampled_from(["moment", "cumulant"])

    def one():
        labels = data.draw(partitions)
        first = {}
        blocks = tuple(first.setdefault(x, len(first)) for x in labels)
        return skeleton.with_partition(blocks, data.draw(bases))

    known = [one() for _ in range(data.draw(st.integers(0, 8)))]
    wanted = one()
    moments = sorted({m for c in [*known, wanted] for m in in_moments(c)}, key=str)
    matrix = [[in_moments(c).get(m, 0) for m in moments] for c in [*known, wanted]]
    rank = np.linalg.matrix_rank
    follows = bool(known) and rank(np.array(matrix)) == rank(np.array(matrix[:-1]))
    solver = KnownContractions(known)
    if not follows:
        with pytest.raises(StatisticsError, match="expected a number for") as refused:
            solver.combination(wanted)
        assert "\n" not in str(refused.value)
        return
    total = dict.fromkeys(moments, Fraction(0))
    for contraction, factor in solver.combination(wanted).items():
        assert contraction in known
        for moment, number in in_moments(contraction).items():
            total[moment] += factor * number
    assert total == {m: in_moments(wanted).get(m, 0) for m in moments}


def test_both_directions_by_hand():
    values = Values({"C_ab H_ab": 2, "G_a H_ab G_b": "1/3"})
    assert values.value("M_a|b H_ab") == Fraction(7, 3)
    values = Values({"M_a|b H_ab": 2, "G_a H_ab G_b": "1/3"})
    assert values.value("C_ab H_ab") == Fraction(5, 3)
    values = Values({"M_a|b H_ab": 2, "C_ab H_ab": "1/3"})
    assert values.value("G_a H_ab G_b") == Fraction(5, 3)


def test_what_is_missing_is_named():
    with pytest.raises(
        StatisticsError, match=r"'M_a\|b H_ab'.*numbers for 'G_a H_ab G_b' it would"
    ):
        Values({"C_ab H_ab": 2}).value("M_a|b H_ab")
    with pytest.raises(StatisticsError, match=r"'C_aa'.*numbers for 'G_a G_a' it would"):
        Values({"M_a|a": 2}).value("C_aa")
    with pytest.raises(StatisticsError, match="'G_a G_a', got none; add it"):
        Values({"l": 2}).value("G_a G_a")
    expansion = expand("test-loss", order=2, sampling="one-pass")
    with pytest.raises(StatisticsError, match=r"'G_a G_a', got none.*\(for order 1\)"):
        expansion.evaluate(Values({"l": 2}), eta=0.1, T=3)


def test_errors_are_independent_and_shared_numbers_are_not():
    values = Values({"C_aa": (2, 0.3), "G_a G_a": (1, 0.4)})
    moment, cumulant, square = parse("M_a|a"), parse("C_aa"), parse("G_a G_a")
    assert values.standard_error([(1.0, moment)]) == pytest.approx(0.5)
    assert values.standard_error([(1.0, moment), (-1.0, square)]) == pytest.approx(0.3)
    assert values.standard_error([(2.0, moment), (1.0, cumulant)]) == pytest.approx(
        math.hypot(0.9, 0.8)
    )
    estimate = expand("test-loss", order=1, sampling="one-pass").evaluate(
        Values({"l": (1, 0.1), "G_a G_a": (2.0, 0.2)}), eta=0.5, T=2
    )
    assert estimate.order_standard_errors == pytest.approx((0.1, 0.2))
    assert estimate.standard_error == pytest.approx(math.hypot(0.1, 0.2))
    assert "independent" in str(estimate)
    assert estimate.degrees is None


@pytest.mark.parametrize(
    ("table", "error", "words"),
    [
        (5, StatisticsError, "a mapping"),
        ({5: 1}, DiagramError, "a contraction as text"),
        ({"G": 1}, DiagramError, "1 index"),
        ({"G_a": 1}, StatisticsError, "without free leg"),
        ({"G_a eta^ab G_b": 1}, StatisticsError, "without eta"),
        ({"V_a|a": 1}, StatisticsError, "moments or cumulants"),
        ({"G.G": 1, "G_a G_a": 1}, StatisticsError, "twice"),
        ({"l": None}, StatisticsError, "a finite number"),
        ({"l": True}, StatisticsError, "a finite number"),
        ({"l": math.nan}, StatisticsError, "a finite number"),
        ({"l": math.inf}, StatisticsError, "a finite number"),
        ({"l": 10**400}, StatisticsError, "a finite number"),
        ({"l": "1/0"}, StatisticsError, "a finite number"),
        ({"l": "x"}, StatisticsError, "a finite number"),
        ({"l": 1j}, StatisticsError, "a finite number"),
        ({"l": (1, -1)}, StatisticsError, "an error >= 0"),
        ({"l": (1, 1, 1)}, StatisticsError, "a number and its error"),
        ({"l": []}, StatisticsError, "a number and its error"),
    ],
)
def test_wrong_tables_are_refused(table, error, words):
    with pytest.raises(error, match=words) as refused:
        Values(table)
    assert "\n" not in str(refused.value)


def test_numbers_of_all_kinds():
    values = Values({"l": np.float32(0.5), "G.G": np.int64(3), "tr(C)": np.array([1.0, 0.25])})
    assert not values.is_exact
    assert values.value("l") == 0.5
    assert values.numbers[parse("C_aa")] == (1.0, 0.25)
    assert Values({"l": "0.25"}).value("l") == Fraction(1, 4)
    assert repr(values) == "<Values: 3 contractions, float>"
    assert pickle.loads(pickle.dumps(values)).value("M_a|a") == 4  # noqa: S301 - our own bytes


def test_plain_expansions_alone():
    resummed = expand("test-loss", order=2, sampling="one-pass", resummed=True)
    with pytest.raises(RequestError, match="eigenbasis"):
        resummed.evaluate(Values({"l": 1}), eta=0.1, T=3)
    shift = expand("displacement", order=1, sampling="one-pass")
    with pytest.raises(StatisticsError, match="numbers of weights"):
        shift.evaluate(Values({"l": 1}), eta=0.1, T=3)


def test_it_prints_as_a_table():
    values = Values({"G_a H_ab G_b": "1/3", "l": (2, 0.125)})
    assert str(values).split("\n") == [
        "contraction   value    +-",
        "G_a H_ab G_b    1/3     0",
        "l                 2  0.12",
    ]
    assert "<table" in values._repr_html_()
    assert values.to_dict()["l"] == {"value": "2", "standard_error": 0.125}


# Files --------------------------------------------------------------------------------------------------

NAMES = ["l", "G_a G_a", "C_ab H_ab", "M_a~|b H_ab", "kappa_a|bc G_b H_ac", "norm_a G_a"]
NUMBERS = st.fractions() | st.floats(allow_nan=False, allow_infinity=False)
ERRORS = st.floats(0, 1e300)


@relaxed
@given(
    st.dictionaries(st.sampled_from(NAMES), st.tuples(NUMBERS, ERRORS)),
    st.sampled_from([".json", ".csv"]),
)
def test_what_is_saved_is_loaded(tmp_path_factory, numbers, ending):
    path = tmp_path_factory.mktemp("values") / f"v{ending}"
    values = Values(numbers)
    values.save(path)
    again = Values.load(path)
    assert dict(again.numbers) == dict(values.numbers)
    kinds = [[type(v) for v, _ in one.numbers.values()] for one in (values, again)]
    assert kinds[0] == kinds[1]


def test_files_are_what_people_write(tmp_path):
    path = tmp_path / "values.json"
    path.write_text(json.dumps({
        "format": "sgdiagrams-values", "version": 1,
        "values": {"G_a G_a": 1.5, "G.H.G": [0.2, 0.01], "l": "1/3"},
    }))  # fmt: skip
    values = Values.load(path)
    assert values.value("G_a H_ab G_b") == 0.2
    path.write_text("Contraction, Value\nl, 1/3\n\nG_a G_a, 2\n")
    assert Values.load(path).is_exact
    path.write_bytes("contraction,value,error\r\nl,0.5,\r\ntr(C),1e-3,0.25\r\n".encode("utf-16"))
    assert dict(Values.load(path).numbers) == {parse("l"): (0.5, 0.0), parse("C_aa"): (0.001, 0.25)}


HEAD = '{"format": "sgdiagrams-values", "version": 1, "values": '


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "contraction,value,error first"),
        ("{", "JSON"),
        ("[]", "an object with format"),
        ('{"format": "sgdiagrams-statistics"}', "an object with format"),
        ('{"format": "sgdiagrams-values", "version": 2, "values": {}}', "version=2"),
        ('{"format": "sgdiagrams-values", "version": true, "values": {}}', "version=True"),
        (HEAD + "[]}", "an object under 'values'"),
        (HEAD + '{}, "more": 1}', "the entries"),
        (HEAD + '{"l": 1, "l": 2}}', "twice"),
        (HEAD + '{"G": 1}}', "1 index"),
        (HEAD + '{"l": NaN}}', "a finite number"),
        (HEAD + '{"l": {}}}', "a finite number"),
        (HEAD + '{"l": [1, 2, 3]}}', "a number and its error"),
        (HEAD + '{"l": [[1], 2]}}', "a finite number"),
        (HEAD + '{"G.G": 1, "G_a G_a": 1}}', "twice"),
        ("a,b\nl,1\n", "contraction,value,error first"),
        ("contraction,value\nl\n", "2 entries on every line"),
        ("contraction,value\nl,1,2\n", "2 entries on every line"),
        ("contraction,value\nl,x\n", "numbers"),
        ("contraction,value\nl,nan\n", "numbers"),
        ("contraction,value\nl,1e999\n", "a finite number"),
        ("contraction,value\nl,\n", "a number"),
        ("contraction,value,error\nl,1,-1\n", "an error >= 0"),
        ("contraction,value\nl,1\nl,2\n", "twice"),
        ('contraction,value\n"l,1\n', "CSV"),
        ("contraction,value\nG,1\n", "1 index"),
    ],
)
def test_wrong_files_are_refused(tmp_path, text, words):
    path = tmp_path / "v.json"
    path.write_text(text)
    with pytest.raises(FormatError, match=words) as refused:
        Values.load(path)
    assert "\n" not in str(refused.value)


@relaxed
@given(garbage("sgdiagrams-values", "G_a G_a", "1/3"), st.booleans())
def test_garbage_is_refused_in_one_line(tmp_path_factory, data, is_inside):
    path = tmp_path_factory.mktemp("values") / "v.json"
    document = {"format": "sgdiagrams-values", "version": 1, "values": data}
    path.write_text(json.dumps(document if is_inside else data))
    words = ""
    try:
        Values.load(path)
    except FormatError as error:
        words = str(error)
    assert "\n" not in words
    assert len(words) < 700


def test_names_end_as_what_they_are(tmp_path):
    with pytest.raises(FormatError, match=r"ends in \.json or \.csv"):
        Values({"l": 1}).save(tmp_path / "v.npz")
    with pytest.raises(FormatError, match="No such file"):
        Values.load(tmp_path / "nowhere.csv")


def test_changes_of_basis_have_limits():
    wide = Contraction.build([(0, i) for i in range(1, 11)], [list(range(11))], basis="cumulant")
    for change in (in_moments, in_cumulants):
        given = wide if change is in_moments else wide.with_partition(wide.partition, "moment")
        with pytest.raises(StatisticsError, match="at most 10 nodes"):
            change(given)
    with pytest.raises(StatisticsError, match="plug-in value"):
        in_moments(parse("V_a|a"))
