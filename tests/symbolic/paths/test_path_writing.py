"""Formulas along the path on paper: known ones, conditions of sums, and what their tensors say."""

import json
import pickle
import re
from collections import Counter
from fractions import Fraction
from itertools import pairwise, product

import pytest
from command_line import good, run

from sgdiagrams.diagrams import FormatError, RequestError, noise_diagrams
from sgdiagrams.symbolic import (
    SGD,
    Cosine,
    Epochs,
    Function,
    Grid,
    Momentum,
    Observable,
    OnePass,
    PathExpansion,
    Product,
    TailAverage,
    WithReplacement,
    expand,
)
from sgdiagrams.symbolic.layout.text import plain_text
from sgdiagrams.symbolic.observable import OBSERVABLES
from sgdiagrams.symbolic.paths.path_layout import path_factors, path_value
from sgdiagrams.symbolic.paths.path_terms import PathMean, Root
from sgdiagrams.symbolic.paths.times import END, Time, visits
from sgdiagrams.symbolic.training.sampling import course_of

SAMPLINGS = [
    "one-pass",
    "fresh-data",
    "epochs",
    "full-batch",
    "reshuffled-epochs",
    "with-replacement",
]


def along(observable, noise, sampling, optimizer=None):
    return expand(observable, noise=noise, along_path=True, sampling=sampling, optimizer=optimizer)


def rows(expansion):
    """Return the rows of the table, without what blanks align."""
    lines = expansion.text().splitlines()
    return [" ".join(line.split()) for line in lines if line.startswith("  ")]


# Known formulas ---------------------------------------------------------------------------------------


def test_one_pass():
    assert rows(along("test-loss", 1, "fresh-data")) == [
        "noise 0 1 l(phi_T)",
        "noise 1 eta^2/(2 B) sum_{t} H_ab(T) U_ac(T,t) U_bd(T,t) C_cd(t)",
        "-eta^3/(2 B) sum_{t<r} G_a(T) U_ab(T,r) J_bcd(r) U_ce(r,t) U_df(r,t) C_ef(t)",
    ]


def test_epochs_and_the_gap():
    assert rows(along("training-loss", 1, "epochs")) == [
        "noise 0 1 l(phi_T)",
        "noise 1 -eta/N sum_{t} C_ab(T,t) U_ab(T,t)",
        "eta^2/2 sum_{t,t'} w_tt' H_ab(T) U_ac(T,t) U_bd(T,t') C_cd(t,t')",
        "eta^2 sum_{t<t'} w_tt' G_a(T) U_ab(T,t') kappa_d|bc(t,t') U_cd(t',t)",
        "-eta^3/2 sum_{t,t'<r} w_tt' G_a(T) U_ab(T,r) J_bcd(r) U_ce(r,t) U_df(r,t') C_ef(t,t')",
    ]
    assert rows(along("generalisation-gap", 1, "epochs")) == [
        "noise 1 eta/N sum_{t} C_ab(T,t) U_ab(T,t)"
    ]
    [row] = rows(along("generalisation-gap", 1, OnePass(T=100, B=4)))
    assert row.startswith("noise 1 eta/400 sum_{t}")


def test_full_batches_share_all_rows():
    assert rows(along("variance", 1, "full-batch")) == [
        "noise 1 eta^2/N sum_{t,t'} G_a(T) U_ab(T,t) G_c(T) U_cd(T,t') C_bd(t,t')"
    ]
    assert rows(along("training-loss", 2, "full-batch"))[5].startswith("noise 2")
    tied = [r for r in rows(along("generalisation-gap", 2, "full-batch")) if "kappa" in r]
    assert any(
        row.startswith("noise 2 -eta^2/(2 N^2)")
        for row in rows(along("generalisation-gap", 2, "full-batch"))
    )
    assert all("N^2" in row for row in tied)


def test_coordinates_are_free_indices():
    assert rows(along("second-moment", 1, "fresh-data")) == [
        "noise 0 1 (phi_T - theta_0)_a (phi_T - theta_0)_b",
        "noise 1 eta^2/B sum_{t} U_ac(T,t) U_bd(T,t) C_cd(t)",
        "-eta^3/(2 B) (phi_T - theta_0)_a sum_{t<r} U_bc(T,r) J_cde(r) U_df(r,t) U_eg(r,t) C_fg(t)",
        "-eta^3/(2 B) (phi_T - theta_0)_b sum_{t<r} U_ac(T,r) J_cde(r) U_df(r,t) U_eg(r,t) C_fg(t)",
    ]


def test_equal_values_are_powers():
    cube = Observable("cube", r"\langle\ell^3\rangle", "E[l^3]", (Product(1, (("loss",) * 3,)),))
    assert rows(along(cube, 1, "fresh-data"))[:3] == [
        "noise 0 1 l(phi_T)^3",
        "noise 1 3 eta^2/B l(phi_T) sum_{t} G_a(T) U_ab(T,t) G_c(T) U_cd(T,t) C_bd(t)",
        "3 eta^2/(2 B) l(phi_T)^2 sum_{t} H_ab(T) U_ac(T,t) U_bd(T,t) C_cd(t)",
    ]


def test_functions_have_their_names():
    assert rows(along(Function("f"), 0, "one-pass")) == ["noise 0 1 f(phi_T)"]
    assert "f_ab(T)" in along(Function("f"), 1, "one-pass").text()


# What holds for all of them ---------------------------------------------------------------------------

_FACTOR = re.compile(r"(\w+?)~?_([a-z0-9|]+)\(([^)]*)\)")


@pytest.mark.parametrize("sampling", ["one-pass", "with-replacement"])
@pytest.mark.parametrize("name", OBSERVABLES)
def test_every_index_joins_two_factors_or_is_free(name, sampling):
    expansion = along(name, 2, sampling)
    rank = OBSERVABLES[name].rank
    for term in expansion.terms:
        shown = [plain_text(node) for node in path_factors(term.means, expansion.sampling)]
        letters = Counter()
        propagators = 0
        for node in shown:
            match = _FACTOR.fullmatch(node)
            if match is None:
                letters.update(node[-1] for _ in range(node.startswith("(")))
                continue
            groups = match[2].split("|")
            letters.update(re.findall("[a-z][0-9]*", "".join(groups)))
            propagators += match[1] == "U"
            times = match[3].split(",")
            assert len(times) in (
                1,
                2 if match[1] in "UC" else 3 if match[1] == "S" else len(groups),
            )
        assert propagators == term.updates
        assert set(letters.values()) <= {1, 2}
        assert sum(n == 1 for n in letters.values()) == rank


@pytest.mark.parametrize("at_once", [True, False])
def test_sums_say_what_edges_say(at_once):
    """The order that conditions spell is the least that edges between different times ask for."""
    for term in along("test-loss", 2, "one-pass" if at_once else "epochs").terms:
        [mean] = term.means
        named = visits([mean], at_once=at_once)
        [times] = named.times
        wanted = set()
        for v, parent in enumerate(mean.parents, start=1):
            if parent:
                wanted.add((times[v], times[parent]))
        said = {
            (low, high)
            for chain in named.chains
            for before, after in pairwise(chain)
            for low in before
            for high in after
        }
        assert said <= wanted
        assert closure(said) == closure(wanted)
        assert all(closure(said - {pair}) != closure(said) for pair in said)
        summed = {time for chain in named.chains for group in chain for time in group}
        assert summed == set(times) - {END}


def closure(pairs):
    pairs = set(pairs)
    while more := {(a, d) for a, b in pairs for c, d in pairs if b == c} - pairs:
        pairs |= more
    return pairs


def test_blocks_that_wait_for_each_other_are_written():
    # Two blocks, each with a leaf below a node of the other.
    mean = PathMean((Root("loss"),), (0, 0, 1, 2), (0, 1, 2, 2, 1))
    shown = [plain_text(node) for node in path_factors([mean], Epochs())]
    assert shown[:4] == ["sum_{s'<t;t'<s}", "w_tt'", "w_ss'", "H_ab(T)"]
    assert sorted(x[0] for x in shown[4:]) == ["U", "U", "U", "U", "k", "k"]


def test_times_have_names_however_many_there_are():
    mean = PathMean((Root("loss"),), (0,) * 40, (0, *(i // 2 for i in range(2, 42))))
    [times] = visits([mean], at_once=True).times
    assert len(set(times)) == 21
    assert times[1:3] == (Time("t"), Time("t"))
    assert Time("t", 1) in times


def test_values_of_diagrams():
    assert [path_value(d, None) for d in noise_diagrams(1, root="in-partition")] == [
        "C_ab(T,t) U_ab(T,t)",
        "G_a(T) U_ab(T,t') kappa_d|bc(t,t') U_cd(t',t)",
        "H_ab(T) U_ac(T,t) U_bd(T,t') C_cd(t,t')",
        "G_a(T) U_ab(T,r) J_bcd(r) U_ce(r,t) U_df(r,t') C_ef(t,t')",
    ]


# Legends ----------------------------------------------------------------------------------------------


def test_legends_say_what_occurs():
    assert (
        "U(s,t) the product over t < r < s of 1 - eta H(r)"
        in along("test-loss", 1, "one-pass").text()
    )
    assert "U(s,t)" not in along("test-loss", 0, "one-pass").text()
    decayed = along("test-loss", 1, "one-pass", SGD(weight_decay="1/10")).text()
    assert "phi_(t+1) = phi_t - eta (G(phi_t) + 1/10 phi_t)" in decayed
    assert "of 1 - eta (H(r) + 1/10)" in decayed
    for method in (Momentum(), SGD(schedule=Cosine()), SGD(average=TailAverage())):
        text = along("test-loss", 1, OnePass(T=4), method).text()
        assert "the run of this optimiser on the mean gradient" in text
        assert "U(s,t) = -(1/eta) d phi_s/d g_t" in text
        assert ("phi_T its average" in text) == (method.average is not None)
    assert (
        "w_tt'... = B^(1-k) for k updates on the same rows (equal modulo N/B)"
        in along("test-loss", 1, "epochs").text()
    )
    drawn = along("variance", 2, "with-replacement").text()
    assert "the expected sum over n of a_n(t) a_n(t')" in drawn
    assert "w_tt'|ss'" in drawn
    assert "with bars the expected product" in drawn
    grid = along("test-loss", 2, Grid([[0, 1], [1]])).text()
    assert "w_tt'... = sum over n of a_n(t) a_n(t')" in grid
    assert "w_tt' w_ss'" in grid


def test_schemes_say_whether_chance_decides():
    numbers = {"N": 2, "B": 1, "E": 2}
    for scheme in (
        OnePass(T=2, B=2),
        Epochs(**numbers),
        Epochs(**numbers, shuffle="every-epoch"),
        Epochs(N=2, B=2, E=2, shuffle="every-epoch"),
        WithReplacement(N=2, B=1, T=2),
        Grid([[0], [1]]),
    ):
        assert scheme.is_random == (len(list(course_of(scheme).all_batches())) > 1)
        same, other = (along(name, 2, scheme) for name in ("variance", "test-loss"))
        assert (len(same.orders[2]) > 30) == scheme.is_random
        assert len(other.orders[2]) == (34 if isinstance(scheme, OnePass) else 78)


def test_pairs_of_updates_share_rows_as_legends_say():
    for scheme in (
        Epochs(N=4, B=2, E=2, shuffle="every-epoch"),
        WithReplacement(N=3, B=2, T=2),
        WithReplacement(N=2, B=1, T=3),
    ):
        course, pairs = course_of(scheme), scheme.pair_shares
        a_epoch = course.rows // course.sizes[0] if pairs.in_one_epoch is not None else 1
        for t, s in product(range(course.updates), repeat=2):
            expected = sum(
                chance * Fraction(batches[t].count(n) * batches[s].count(n), len(batches[t]) ** 2)
                for chance, batches in course.all_batches()
                for n in range(course.rows)
            )
            is_near = pairs.in_one_epoch is not None and t // a_epoch == s // a_epoch
            said = pairs.at_once if t == s else pairs.in_one_epoch if is_near else pairs.otherwise
            assert expected == said
    drawn = along("test-loss", 1, "with-replacement").text()
    assert "w_tt' = (B + N - 1)/(B*N) for t = t', 1/N otherwise." in drawn
    assert "a_n(t)" not in drawn
    shuffled = along("training-loss", 1, "reshuffled-epochs").text()
    assert "w_tt' = 1/B for t = t', 0 for others in one epoch, 1/N otherwise." in shuffled
    assert "a_n(t)" in along("test-loss", 2, "reshuffled-epochs").text()


def test_what_is_left_out():
    assert r"O(B^{-2})" in along("test-loss", 1, "fresh-data").latex()
    assert r"O(N^{-3})" in along("test-loss", 2, "full-batch").latex()
    assert r"O(\text{noise}^{2})" in along("test-loss", 1, "epochs").latex()


# Doors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "sampling"),
    [
        *((name, "reshuffled-epochs") for name in (*OBSERVABLES, "function:f")),
        *(("training-loss", sampling) for sampling in (*SAMPLINGS, Grid([[0, 1], [1]]))),
    ],
)
def test_json_and_pickles_bring_them_back(name, sampling):
    expansion = along(name, 2, sampling, Momentum(beta="1/3"))
    again = PathExpansion.from_json(expansion.to_json())
    assert again == expansion
    assert again.text() == expansion.text()
    assert pickle.loads(pickle.dumps(expansion)) == expansion  # noqa: S301
    assert hash(again) == hash(expansion)
    assert expansion != along(name, 1, sampling, Momentum(beta="1/3"))
    assert [t for order in expansion.orders for t in order] == list(expansion.terms)


BROKEN = [
    (lambda d: d.update(noise=-1), "noise of 0 to 100"),
    (lambda d: d.update(sampling={"name": "sde"}), "discrete updates"),
    (lambda d: d.update(observable="test-loss:since=1"), "at the end of training"),
    (lambda d: d.update(more=1), "no entries but"),
    (lambda d: d["terms"][1].update(weight="0"), "a weight other than 0"),
    (lambda d: d["terms"][1].update(weight="0.5"), "a rational number"),
    (lambda d: d.update(noise=0), "noise up to 0"),
    (lambda d: d["terms"].append(d["terms"][1]), "every product of expectations once"),
    (lambda d: d["terms"][1]["means"][0].update(parents=[0]), "one parent an update"),
    (lambda d: d["terms"][1]["means"][0].update(parents=[0, 5]), "parents before their children"),
    (lambda d: d["terms"][1]["means"][0].update(blocks=[0, 2, 2]), "canonical numbering"),
    (lambda d: d["terms"][1]["means"][0].update(blocks=[0, 1, 2]), "two children at least"),
    (lambda d: d["terms"][1]["means"][0].update(blocks=[0, 0, 0]), "a root in a block of its own"),
    (lambda d: d["terms"][1]["means"][0].update(parents=[0, True]), "whole numbers"),
    (lambda d: d["terms"][1]["means"][0].update(roots=[{"factor": "f"}]), "factors of test-loss"),
    (lambda d: d["terms"][1]["means"][0]["roots"][0].update(leg="0"), "of type int"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN)
def test_broken_files_are_refused_in_one_line(change, message):
    data = json.loads(along("test-loss", 1, "one-pass").to_json())
    change(data)
    with pytest.raises(FormatError, match=message) as error:
        PathExpansion.from_json(json.dumps(data))
    assert "\n" not in str(error.value)


def test_legs_are_those_of_the_observable():
    data = json.loads(along("covariance", 1, "one-pass").to_json())
    data["terms"][0]["means"][0]["roots"][0]["leg"] = 1
    with pytest.raises(FormatError, match=r"every leg 0\.\.1 once|canonical"):
        PathExpansion.from_json(json.dumps(data))


def test_holders_of_numbers_about_the_start_refuse_them():
    from sgdiagrams import Statistics

    expansion = along("test-loss", 1, "one-pass")
    statistics = Statistics.from_samples({0: [1.0], 1: [[1.0]]}, role="population")
    with pytest.raises(RequestError, match="an expansion"):
        expansion.evaluate(statistics, eta=0.1)
    with pytest.raises(RequestError, match="another holder"):
        expansion.evaluate({})


def test_the_command_prints_what_the_library_says(tmp_path):
    call = ("expand", "--along-path", "--noise", 1, "--sampling", "epochs", "--set", "B=4")
    expansion = along("test-loss", 1, Epochs(B=4))
    assert good(*call) == expansion.text() + "\n"
    assert good(*call, "--format", "latex", "--standalone") == expansion.latex(standalone=True)
    assert good(*call, "--format", "mathml") == expansion.mathml() + "\n"
    text = good(*call, "--format", "json")
    assert PathExpansion.from_json(text) == expansion
    (tmp_path / "path.json").write_text(text)
    for command in (
        ("evaluate", "path.json", "--statistics", "none.npz", "--set", "eta=0.1"),
        ("measure", "nowhere.py:model", "path.json", "--output", "x.npz"),
    ):
        refused = run(*command, cwd=tmp_path)
        assert refused.returncode == 2
        assert refused.stderr.count("\n") == 1


def test_the_diagrams_of_a_noise_on_the_command_line(tmp_path):
    assert good("list", "--noise", 2, "--count") == "78\n"
    assert good("list", "--noise", 1, "--format", "text") == "".join(
        f"{d}\n" for d in noise_diagrams(1)
    )
    lines = good("list", "--noise", 1, "--sampling", "fresh-data").splitlines()
    assert lines[1].split() == [
        "(01-2)(02-12)", "2", "T", "B", "H_ab(T)", "U_ac(T,t)", "U_bd(T,t)", "C_cd(t)"
    ]  # fmt: skip
    checked = run("list", "--noise", 2, "--root", "in-partition", "--count", "--check")
    assert (checked.stdout, checked.returncode) == ("100\n", 0)
    assert "100 diagrams checked" in checked.stderr
    good("list", "--noise", 2, "--format", "text", "--draw", "sheet.svg", cwd=tmp_path)
    assert "78 diagrams of noise 2" in (tmp_path / "sheet.svg").read_text()
