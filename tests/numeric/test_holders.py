"""Files of numbers are told apart by what is in them."""

import numpy as np
import pytest
from fuzzing.corpus import STATISTICS, TABLES, corpus

from sgdiagrams.diagrams.errors import FormatError
from sgdiagrams.numeric.holders import read_holder
from sgdiagrams.numeric.measurement.measured import Measured
from sgdiagrams.numeric.measurement.values import Values
from sgdiagrams.numeric.statistics import Statistics

KINDS = {
    **dict.fromkeys(STATISTICS, Statistics),
    **dict.fromkeys(TABLES, Values),
    "measured.npz": Measured,
}


@pytest.mark.parametrize("name", KINDS)
def test_the_content_decides(tmp_path, name):
    path = tmp_path / "numbers"
    path.write_bytes(corpus()[name])
    assert type(read_holder(path)) is KINDS[name]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "something else"),
        (b"hello", "something else"),
        (b"[1]", "something else"),
        (b"{}", "sgdiagrams-statistics"),
        (b"PK", "cannot read"),
        (b"\xff\xff", "UTF-8"),
        (b'{"format": "sgdiagrams-values"}', "version=1"),
        (b"contraction,numbers\n", "contraction,value,error"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, content, words):
    path = tmp_path / "numbers"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=words) as refused:
        read_holder(path)
    assert "\n" not in str(refused.value)


def test_archives_of_something_else(tmp_path):
    path = tmp_path / "numbers.npz"
    np.savez(path, x=np.zeros(3))
    with pytest.raises(FormatError, match="sgdiagrams-statistics"):
        read_holder(path)
    np.savez(path, header=np.zeros(3))
    with pytest.raises(FormatError, match="of a measurement"):
        read_holder(path)
