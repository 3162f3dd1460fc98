"""Values of a wrong kind at public doors: one line of the package's own, never Python's own words."""

from fractions import Fraction

import numpy as np
import pytest

import sgdiagrams as sd
from sgdiagrams.diagrams import (
    automorphisms,
    coarsenings,
    contact_sheet_svg,
    diagram_svg,
    is_refinement,
    moebius,
    quotient,
    refinements,
)
from sgdiagrams.numeric import PolynomialLandscape, grid_schedule
from sgdiagrams.numeric import evaluate as dense_evaluate
from sgdiagrams.symbolic import ArraySchedule

WRONG = [5, 1.5, None, b"x", object(), np.float64(2), np.array(2.0), Fraction(1, 3), 10**400]
TREE = sd.Diagram.parse("(01-2)(02-12)")
EXPANSION = sd.expand("test-loss", order=1, sampling="one-pass")
RESUMMED = sd.expand("test-loss", order=1, sampling="one-pass", resummed=True)
GAUSS = sd.landscape("gauss").statistics(2)
VALUES = sd.Values({"l": 1, "G_a G_a": 2})
DOORS = {
    "Diagram": lambda x: sd.Diagram(x, x),
    "Diagram blocks": lambda x: sd.Diagram([1], [x]),
    "parse": sd.Diagram.parse,
    "isomorphic": TREE.is_isomorphic,
    "automorphisms": lambda x: list(automorphisms(x)),
    "quotient": quotient,
    "svg": diagram_svg,
    "sheet": lambda x: contact_sheet_svg([x]),
    "sheet of": contact_sheet_svg,
    "coarsenings": coarsenings,
    "refinements": refinements,
    "is_refinement": lambda x: is_refinement(x, (0,)),
    "moebius": lambda x: moebius((0, 1), x),
    "linkless": lambda x: list(sd.enumerate_diagrams(2, linkless=x)),
    "root": lambda x: list(sd.enumerate_diagrams(2, root=x)),
    "count": sd.OnePass().count,
    "value": sd.Contraction.from_diagram,
    "Function": sd.Function,
    "factors": ArraySchedule,
    "polynomial": sd.Polynomial,
    "scaling": sd.scaling,
    "through": lambda x: sd.scaling(EXPANSION, x or 1),
    "subs": EXPANSION.subs,
    "evaluate": lambda x: EXPANSION.evaluate(x, eta=0.1, T=2),
    "evaluate re-summed": lambda x: RESUMMED.evaluate(x, eta=0.1, T=2),
    "formula": lambda x: GAUSS.evaluate(x, eta=0.1, T=2),
    "from_json": sd.Expansion.from_json,
    "from_json re-summed": sd.ResummedExpansion.from_json,
    "from_json modified": sd.ModifiedEquation.from_json,
    "from_json modified loss": sd.ModifiedLoss.from_json,
    "from_json imitation": sd.Imitation.from_json,
    "modified sampling": lambda x: sd.modified_equation(1, sampling=x),
    "modified optimiser": lambda x: sd.modified_loss(1, sampling="one-pass", optimizer=x or 1),
    "modified role": lambda x: sd.modified_equation(1, sampling="one-pass", role=x),
    "modified per": lambda x: sd.modified_equation(1, sampling="one-pass", per=x),
    "imitate": lambda x: sd.imitate(x, x, order=2),
    "flat": lambda x: RESUMMED.stationary(flat=x),
    "landscape": sd.landscape,
    "check_landscape": sd.check_landscape,
    "polynomial landscape": PolynomialLandscape,
    "polynomial of": lambda x: PolynomialLandscape([x]),
    "grid_schedule": grid_schedule,
    "save": GAUSS.save,
    "load": sd.Statistics.load,
    "contraction": sd.Contraction.parse,
    "table": sd.Values,
    "table load": sd.Values.load,
    "table save": VALUES.save,
    "table formula": lambda x: VALUES.evaluate(x, eta=0.1, T=2),
    "table value": VALUES.value,
    "measured load": sd.Measured.load,
    "drift": lambda x: sd.drift(x, eta=0.1),
    "judge": lambda x: sd.judge_series(x, eta=0.1, T=2),
    "numbers of a comparison": lambda x: sd.compare("mean", values=x or 0, runs=5, eta=0.1, T=2),
    "evaluate dense": lambda x: dense_evaluate(EXPANSION, x, eta=0.1, T=2),
}


@pytest.mark.parametrize(
    "door",
    [
        lambda x: sd.drift(x, eta=0.1),
        lambda x: dense_evaluate(EXPANSION, x, eta=0.1, T=2),
    ],
)
def test_tables_are_no_tensors(door):
    with pytest.raises(sd.RequestError, match="expected Statistics, got"):
        door(VALUES)


@pytest.mark.parametrize("value", WRONG, ids=lambda value: repr(value)[:12])
@pytest.mark.parametrize("door", DOORS.values(), ids=list(DOORS))
def test_a_wrong_kind_is_named_in_one_line(door, value):
    with pytest.raises(sd.SgdiagramsError, match="expected") as caught:
        door(value)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "number",
    [sd.SDE, lambda x: sd.Momentum(beta=x), sd.GradientFlow, sd.ExponentialAverage, sd.Exponential],
)
def test_an_array_is_no_number(number):
    with pytest.raises(sd.SamplingError, match="expected a rational number"):
        number(np.array([1, 2]))


def test_an_expansion_holds_no_numbers():
    with pytest.raises(sd.RequestError, match="expected Statistics"):
        EXPANSION.evaluate(EXPANSION, eta=0.1)


@pytest.mark.parametrize("name", ["gauss", "helix", "mean", "digits"])
@pytest.mark.parametrize("order", [13, 10**18, 10**400])
def test_orders_of_derivatives_are_bounded(name, order):
    if name == "digits":
        pytest.importorskip("sklearn")
    with pytest.raises(sd.RequestError, match=r"0\.\.12 for the order"):
        sd.landscape(name).statistics(order)
    with pytest.raises(sd.RequestError, match=r"expected an order 1\.\.10"):
        sd.compare(name, order=order, eta=0.1, T=2)


def test_partitions_of_many_blocks_are_refused():
    with pytest.raises(sd.DiagramError, match="12"):
        coarsenings(range(13))


def test_a_rate_beyond_floats_is_named():
    with pytest.raises(sd.RequestError, match="range of floats"):
        EXPANSION.evaluate(GAUSS, eta=10**400, T=2)
    exact = sd.landscape("gauss").statistics(2, exact=True)
    assert EXPANSION.evaluate(exact, eta=10**400, T=2).value == Fraction(1, 2)


def test_any_name_that_a_folder_takes_can_be_written(tmp_path):
    path = tmp_path / ("é" * 125 + ".npz")
    GAUSS.save(path)
    GAUSS.save(path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_names_of_files_are_bounded(tmp_path):
    with pytest.raises(sd.FormatError, match="at most 255 bytes"):
        sd.compare("mean", order=1, eta=0.1, T=2, runs=2, checkpoint=tmp_path / ("x" * 300))


@pytest.mark.parametrize("answer", [None, {0: 1.0}, [1.0], 1 / 3])
def test_statistics_of_a_users_landscape_are_statistics(monkeypatch, answer):
    ground = sd.landscape("mean")
    monkeypatch.setattr(type(ground), "statistics", lambda *_: answer)
    with pytest.raises(sd.RequestError, match="expected Statistics from statistics of mean"):
        sd.compare(ground, order=1, eta=0.1, T=2, runs=2)
    with pytest.raises(sd.RequestError, match="expected Statistics from statistics of mean"):
        sd.check_landscape(ground)


def test_errors_of_a_users_statistics_are_one_line(monkeypatch):
    ground = sd.landscape("mean")
    monkeypatch.setattr(type(ground), "statistics", lambda *_: 1 / 0)
    with pytest.raises(sd.RequestError, match="ZeroDivisionError"):
        sd.compare(ground, order=1, eta=0.1, T=2, runs=2)
