"""Lines are broken at breaks, between terms first, and hold no more than they should."""

from hypothesis import given
from hypothesis import strategies as st
from strategies import relaxed

from sgdiagrams.symbolic.layout.documents import Equation, Order, Signed
from sgdiagrams.symbolic.layout.filling import chunks, filled
from sgdiagrams.symbolic.layout.formulas import Group, Sum, Times
from sgdiagrams.symbolic.layout.nodes import (
    BREAK,
    SIGN_BREAK,
    SPACE,
    THIN,
    Fraction,
    Index,
    Numeral,
    Operator,
    Row,
    Scripts,
    Sign,
    Symbol,
    Text,
    joined,
    power,
)
from sgdiagrams.symbolic.layout.quantities import DressedEmbeddings, SumOver
from sgdiagrams.symbolic.layout.ruler import printed_width
from sgdiagrams.symbolic.layout.text import plain_text


def words(*numbers):
    return [Numeral("1" * n) for n in numbers]


def shown(lines):
    return [(line.indent, plain_text(line.row)) for line in lines]


def test_pieces_are_cut_at_breaks_inside_brackets():
    inside = Sum(((-1, Symbol("x")), (1, Symbol("y"))), is_breakable=True)
    row = Row((Symbol("a"), BREAK, power(Group(inside, "big"), 2), BREAK, THIN, Symbol("b")))
    cut = chunks(row)
    assert [plain_text(Row(p.nodes)) for p in cut] == ["a", "(-x", " + y)^2", " b"]
    assert [p.tears for p in cut] == [False, True, False, True]
    assert [p.width for p in cut] == [printed_width(Row(p.nodes)) for p in cut]
    assert abs(sum(p.width for p in cut) - printed_width(row)) < 1


def test_terms_are_broken_only_where_they_are_too_long():
    short = chunks(Row((Sign(1), Numeral("1" * 7))))
    assert shown(filled([short, short, short], 10_000)) == [
        (0, "+ 1111111+ 1111111"),
        (1, "+ 1111111"),
    ]
    long = chunks(joined(words(9, 9, 9), SIGN_BREAK, THIN))
    assert shown(filled([long], 10_000, inner_indent=2)) == [
        (0, "111111111 111111111"),
        (2, "111111111"),
    ]


def test_products_wider_than_a_line_go_on_with_a_sign():
    product = chunks(joined(words(9, 9, 9), BREAK, THIN))
    assert shown(filled([product], 10_000, inner_indent=2)) == [
        (0, "111111111 111111111"),
        (2, "× 111111111"),
    ]
    # What fits a line of its own is not torn, however much room the line before has.
    start = chunks(Row((Sign(1), Numeral("1"))))
    factors = chunks(joined(words(5, 5), BREAK, THIN))
    assert shown(filled([start, factors], 6500)) == [(0, "+ 1"), (1, "11111 11111")]


def test_a_sum_sign_stays_with_what_is_summed():
    inner = Sum(((1, Numeral("1" * 12)), (1, Numeral("2" * 12))), is_breakable=True)
    row = Row((SumOver((Index(0),)), SPACE, Group(inner, "Big")))
    assert [plain_text(line.row) for line in filled([chunks(row)], 9000)] == [
        "∑_a (111111111111",
        "+ 222222222222)",
    ]


def test_what_does_not_fit_a_line_is_taken_apart():
    sum_ = Sum(((1, Symbol("T")), (-1, Symbol("B"))))
    wide = Fraction(Times((*words(9), Group(sum_))), Times((*words(9, 9),)))
    [first, *others] = filled([chunks(Row((Sign(1), wide)))], 9000)
    assert plain_text(first.row) == "+ 111111111/111111111"
    assert [plain_text(line.row) for line in others] == ["× 1/111111111", "× (T - B)"]
    words_ = Row((Text("a number of words"),))
    assert [plain_text(line.row) for line in filled([chunks(words_)], 6000)] == [
        "a number of ",
        "words",
    ]


def test_lines_start_without_a_gap():
    [first, second] = filled([chunks(Row((SPACE, Sign(1), *words(9))))] * 2, 6000)
    assert first.row == second.row == Row((Sign(1), *words(9)))


def test_products_are_broken_between_factors_and_not_inside_of_one():
    eigenvalue = Times((Symbol("eta"), Symbol("H")))
    weight = DressedEmbeddings("(01-2)(02-12)", (eigenvalue,))
    row = Row((Sign(-1, is_unary=True), weight, THIN, weight, THIN, weight))
    lines = filled([chunks(row)], 2 * printed_width(weight) + 2500)
    assert [plain_text(line.row) for line in lines] == [
        "-W[(01-2)(02-12)](eta H) W[(01-2)(02-12)](eta H)",
        "× W[(01-2)(02-12)](eta H)",
    ]
    [line] = filled([chunks(Row((weight,)))], printed_width(weight) // 2)
    assert line.row == Row((weight,))


@relaxed
@given(
    st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=6), max_size=6),
    st.integers(6000, 30_000),
)
def test_lines_hold_all_and_not_more_than_they_should(terms, limit):
    rows = [chunks(joined(words(*numbers), SIGN_BREAK)) for numbers in terms]
    lines = filled(rows, limit)
    assert [n.width for line in lines for n in line.row.items] == [n for t in terms for n in t]
    for line in lines:
        width = 1000 * line.indent + printed_width(line.row)
        # Only what stands alone may be too wide.
        assert width <= limit or len(line.row.items) == 1


def test_orders_in_brackets_turn_the_signs_inside():
    terms = tuple(Signed(sign, Row((Symbol(name),))) for sign, name in ((-1, "x"), (1, "y")))
    front = Row((Symbol("eta"), THIN))
    equation = Equation(("",), Symbol("f"), Operator("="), 1, (Order(terms, front),))
    assert shown(equation.lines(78)) == [(0, "-eta [ x - y ]")]
    bare = Equation(("",), Symbol("f"), Operator("="), 1, (Order(terms), Order(terms[1:])))
    assert shown(bare.lines(78)) == [(0, "-x + y"), (0, "+ y")]
    none = Equation(("",), Symbol("f"), Operator("="), None, (), Scripts(Symbol("O"), Numeral("2")))
    assert shown(none.lines(78)) == [(0, "O_2")]
    assert shown(Equation(("",), Symbol("f"), Operator("="), 1, ()).lines(78)) == [(0, "0")]
