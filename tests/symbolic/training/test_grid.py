"""What may be given as a grid, and what it means."""

import numpy as np
import pytest

from sgdiagrams.diagrams.errors import FormatError, RequestError, SamplingError
from sgdiagrams.symbolic import Grid
from sgdiagrams.symbolic.training.names import named_sampling
from sgdiagrams.symbolic.training.schedules.named_schedules import named_schedule

TABLE = [[True, False, True], [False, True, True]]
ROWS = ((0,), (1,), (0, 1))


@pytest.mark.parametrize(
    "given",
    [
        [[0], [1], [0, 1]],
        [(0,), (1,), (0, 1)],
        [np.array([0]), np.array([1]), np.array([0, 1])],
        [[np.int64(0)], [np.int32(1)], [0, np.uint8(1)]],
        TABLE,
        np.array(TABLE),
        [np.array(row) for row in TABLE],
        [list(np.array(row)) for row in TABLE],
    ],
    ids=str,
)
def test_nested_lists_are_lists_of_rows_and_truth_values_are_a_table(given):
    assert Grid(given) == Grid(ROWS, N=2)


def test_nested_lists_of_0_and_1_are_lists_of_rows():
    assert Grid([[0, 1], [1, 0]]).batches == ((0, 1), (1, 0))
    assert Grid(np.array([[0, 1], [2, 3]])).batches == ((0, 1), (2, 3))


@pytest.mark.parametrize("kind", [np.int64, np.int8, np.uint8, float])
@pytest.mark.parametrize("table", [[[0, 1], [1, 0]], [[0], [1]], [[1, 1]], [[0, 0]]])
def test_an_array_of_0_and_1_may_be_either(kind, table):
    with pytest.raises(SamplingError, match=r"may be either: give astype\(bool\)") as caught:
        Grid(np.array(table, dtype=kind))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        np.ma.array([[0, 2]], mask=[[0, 1]]),
        [[True, 0]],
        [[True], [False, True]],
        np.array([0, 1]),
        np.zeros((2, 2, 2), dtype=int),
        [[0.5]],
        "01",
        None,
        [],
        [[]],
    ],
    ids=repr,
)
def test_everything_else_is_refused(given):
    with pytest.raises(SamplingError) as caught:
        Grid(given)
    assert "\n" not in str(caught.value)


def test_files(tmp_path):
    rows, table, factors = tmp_path / "rows.json", tmp_path / "table.json", tmp_path / "factors.txt"
    rows.write_text("[[0], [1], [0, 1]]", encoding="utf-8")
    table.write_text("[[true, false, true], [false, true, true]]", encoding="utf-8")
    assert named_sampling(f"grid:{rows}") == named_sampling(f"grid:{table}") == Grid(ROWS, N=2)
    for text in ("1\n0.5\n1/4\n", "1, 0.5, 1/4", "1 0.5 1/4", "1,0.5,1/4\n"):
        factors.write_text(text, encoding="utf-8")
        assert list(map(str, named_schedule(f"file:{factors}").values)) == ["1", "1/2", "1/4"]
    for text in ("1\n0,5\n0,25\n", "1\n0,05", "1\n05\n"):
        factors.write_text(text, encoding="utf-8")
        with pytest.raises(RequestError, match="decimal point"):
            named_schedule(f"file:{factors}")


def test_a_recorded_order_is_read_from_text(tmp_path):
    path = tmp_path / "order.txt"
    path.write_text("0 1\n\n2, 0\n1\n")
    assert named_sampling(f"grid:{path}") == Grid([[0, 1], [2, 0], [1]])
    for text, message in (
        ("0 1\n2 x\n", "in line 2 of .*, got 'x'"),
        ("0 -1\n", "line 1 .* got '-1'"),
        ("1.5\n", "got '1.5'"),
        ("\n\n", "an empty file"),
        ("1" * 50, "line 1"),
    ):
        path.write_text(text)
        with pytest.raises(FormatError, match=message) as caught:
            named_sampling(f"grid:{path}")
        assert "\n" not in str(caught.value)
