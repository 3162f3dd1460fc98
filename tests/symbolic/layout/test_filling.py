"""Lines are broken at breaks, between terms first, and hold no more than they should."""

from hypothesis import given
from hypothesis import strategies as st
from strategies import relaxed

from sgdiagrams.symbolic.layout.documents import Equation, Order, Signed
from sgdiagrams.symbolic.layout.filling import chunks, filled
from sgdiagrams.symbolic.layout.formulas import Group, Sum
from sgdiagrams.symbolic.layout.nodes import (
    BREAK,
    SPACE,
    THIN,
    Break,
    Numeral,
    Operator,
    Row,
    Scripts,
    Sign,
    Symbol,
    joined,
    power,
)
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
    assert [p.width for p in cut] == [1, 3, 6, 1]
    assert sum(p.width for p in cut) == row.width


def test_a_break_with_a_limit_keeps_narrow_neighbours_together():
    for limit, count in ((5, 1), (4, 2)):
        row = Row((Numeral("11"), Break(limit), Numeral("222")))
        assert len(chunks(row)) == count


def test_terms_are_broken_only_where_they_are_too_long():
    short = chunks(Row((Sign(1), Numeral("1" * 7))))
    assert shown(filled([short, short, short], 20)) == [
        (0, "+ 1111111+ 1111111"),
        (1, "+ 1111111"),
    ]
    long = chunks(joined(words(9, 9, 9), BREAK, THIN))
    assert shown(filled([long], 20, inner_indent=2)) == [
        (0, "111111111 111111111"),
        (2, "111111111"),
    ]


def test_lines_start_without_a_gap():
    [first, second] = filled([chunks(Row((SPACE, Sign(1), *words(9))))] * 2, 12)
    assert first.row == second.row == Row((Sign(1), *words(9)))


@relaxed
@given(
    st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=6), max_size=6), st.integers(12, 60)
)
def test_lines_hold_all_and_not_more_than_they_should(terms, limit):
    rows = [chunks(joined(words(*numbers), BREAK)) for numbers in terms]
    lines = filled(rows, limit)
    assert [n.width for line in lines for n in line.row.items] == [n for t in terms for n in t]
    for line in lines:
        *before, _ = (node.width for node in line.row.items)
        # Only the last chunk of a line that is nearly empty may be too wide.
        assert sum(before) + 2 * line.indent <= max(limit, 8) or not before


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
