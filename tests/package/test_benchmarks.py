"""The benchmarks' tables, guards and brute force; what they measure is not run here."""

import importlib
import itertools
import random
import sys

import numpy as np
import pytest
from layout import ROOT

NAMES = (
    *("tables", "measure", "guards", "enumeration", "counting", "evaluation", "expansion"),
    *("truth", "calibration", "training", "measuring"),
    *("along_path", "path_problems", "path_runs", "path_calibration", "peers"),
)


@pytest.fixture(scope="module")
def benchmarks():
    """The modules of the folder, which is no package, and no trace of them afterwards."""
    known = set(sys.modules)
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        yield {name: importlib.import_module(name) for name in (*NAMES, "long_times", "run")}
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
        for name in set(sys.modules) - known:
            if "benchmarks" in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]


@pytest.fixture
def tables(benchmarks):
    return benchmarks["tables"]


@pytest.fixture
def guards(benchmarks):
    return benchmarks["guards"]


# Tables -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (4.2e-7, "0.420 us"),
        (1.23456e-5, "12.3 us"),
        (0.1234, "123 ms"),
        (1, "1.00 s"),
        (99.5, "99.5 s"),
        (1234.5, "1234 s"),
    ],
)
def test_durations_have_three_digits(tables, seconds, text):
    assert tables.duration(seconds) == text


def test_a_ratio_needs_equal_results(tables):
    assert tables.Peer("peer", 6.0, agrees=True).ratio(2.0) == 3
    assert tables.Peer("peer", 6.0, agrees=False).ratio(2.0) is None
    assert tables.Peer("peer", 6.0).ratio(2.0) is None
    assert tables.Peer("peer", note="over 5 s").ratio(2.0) is None


def test_rows_show_peers_ratios_and_targets(tables):
    row = tables.Row("S", "order 6", "5 diagrams", 0.5, 35.4)
    row.peers = [
        tables.Peer("one", 1.0, agrees=True),
        tables.Peer("two", 20.0, agrees=True),
        tables.Peer("three", note="absent: pip install three"),
    ]
    row.targets = [tables.below(row.seconds, 1, "s"), tables.above(7.0, 10, "a second")]
    assert row.cells() == [
        "order 6",
        "5 diagrams",
        "500 ms",
        "",
        "35 MiB",
        "one: 1.00 s; two: 20.0 s; three: absent: pip install three",
        "2.0; 40",
        "< 1 s: met; > 10 a second: MISSED",
    ]
    row.peers = [tables.Peer("fast", 0.01, agrees=True)]
    assert row.cells()[6] == "0.020"
    assert tables.missed([row]) == {"S: order 6": "> 10 a second"}


def test_different_results_are_shown_instead_of_a_ratio(tables):
    row = tables.Row("S", "w", seconds=0.5, peers=[tables.Peer("one", 1.0, agrees=False)])
    assert row.cells()[-2] == "RESULTS DIFFER"


def test_what_was_not_measured_misses_its_target(tables):
    row = tables.Row("S", "w", note="over 120 s")
    row.targets.append(tables.below(row.seconds, 1, "s"))
    assert row.cells()[2] == "over 120 s"
    assert not row.targets[0].met


def test_growth_is_within_a_series(tables):
    sizes = [("a", 1.0), ("b", 5.0), ("a", 3.0), ("", 9.0), ("b", None), ("b", 2.0)]
    rows = [tables.Row("S", "w", seconds=s, series=series) for series, s in sizes]
    growth = [row.growth for row in tables.with_growth(rows)]
    assert growth == [None, None, 3.0, None, None, None]


def test_tables_are_markdown_without_empty_columns(tables):
    found = tables.markdown([["work", "result", "time"], ["a", "", "1 s"], ["bcdef", "", "10 s"]])
    assert found.splitlines() == [
        "| work  | time |",
        "| ----- | ---- |",
        "| a     | 1 s  |",
        "| bcdef | 10 s |",
    ]
    assert tables.markdown([["a"], ["M_a|b"]]).endswith(r"| M_a\|b |")


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        ({"a": [1, 2]}, {"a": [1, 2]}, True),
        ({"a": [1, 2]}, {"a": [1, 2], "b": 1}, False),
        ([1.0, 2.0], [1.0 + 1e-12, 2.0], True),
        ([1.0], [1.0 + 1e-6], False),
        ([[1], [2]], [[1]], False),
        (["x"], ["y"], False),
    ],
)
def test_results_agree_exactly_or_to_nine_digits(tables, ours, theirs, same):
    assert tables.agree(ours, theirs) is same


# Guards -------------------------------------------------------------------------------------------


def test_guards_hold_up_to_their_bound_and_fail_beyond(guards):
    bounds = {"ratio": guards.Bound(10, is_least=True), "work": guards.Bound(100)}
    for ratio, work, failed in [(10, 100, []), (9.99, 100, ["ratio"]), (50, 101, ["work"])]:
        verdicts = guards.judge([{"ratio": ratio}, {"work": work}], bounds)
        assert [v.name for v in verdicts if v.failed] == failed


def test_a_guard_without_a_value_is_said_and_does_not_fail(guards):
    [verdict] = guards.judge([{}], {"ratio": guards.Bound(10, is_least=True)})
    assert not verdict.failed
    assert verdict.cells() == ["ratio", "", ">= 10", "not measured"]


def test_a_value_needs_a_bound(guards):
    with pytest.raises(KeyError, match="got none for 'else'"):
        guards.judge([{"else": 1.0}], {})


def test_failed_guards_and_different_results_are_reasons_to_fail(
    benchmarks, tables, guards, capsys
):
    rows = [
        tables.Row("S", "good", seconds=1.0, peers=[tables.Peer("p", 2.0, agrees=True)]),
        tables.Row("S", "bad", seconds=1.0, peers=[tables.Peer("p", 2.0, agrees=False)]),
        tables.Row("S", "late", seconds=1.0, targets=[tables.below(1.0, 0.5, "s")]),
    ]
    verdicts = guards.judge([{"work": 7}], {"work": guards.Bound(6)})
    reasons = benchmarks["run"]._end(rows, verdicts)
    assert reasons == [
        "S: bad: results differ from those of p",
        "guard: work 7 <= 6 FAILED",
    ]
    assert "* S: late (< 0.5 s)" in capsys.readouterr().out


# Works --------------------------------------------------------------------------------------------


def test_every_work_can_be_called_by_name(benchmarks):
    for name in ("enumeration", "counting", "evaluation", "expansion", "long_times"):
        assert all(callable(work) for work in benchmarks[name].WORK.values())


def test_embeddings_one_by_one(benchmarks):
    embeddings = benchmarks["counting"].embeddings
    one_pass = tuple((t, t) for t in range(4))
    assert embeddings([1, 2], [[0], [1], [2]], one_pass) == 6  # pairs of times
    assert embeddings([2, 2], [[0, 1], [2]], one_pass) == 4
    assert embeddings([1, 2], [[0, 1], [2]], one_pass) == 0
    epochs = tuple((n, 2 * e + n) for e in range(2) for n in range(2))
    assert embeddings([1, 2], [[0, 1], [2]], epochs) == 2  # one of two rows, first before second


def test_random_trees_are_trees_and_uniform(benchmarks):
    draw = benchmarks["enumeration"]._random_parents
    rng = random.Random(5)
    found = [tuple(draw(4, rng.randrange)) for _ in range(3200)]
    counts = {tree: found.count(tree) for tree in set(found)}
    assert len(counts) == 4**2  # Cayley, with the last node as root
    assert all(140 < count < 260 for count in counts.values())


def test_random_pairs_come_with_isomorphic_copies(benchmarks):
    from sgdiagrams.diagrams import Diagram

    pairs = benchmarks["enumeration"]._random_pairs(6, 10)
    diagrams = [Diagram(parents, blocks) for parents, blocks in pairs]
    assert diagrams[::2] == diagrams[1::2]
    assert len(set(diagrams)) > 10


def test_counted_work_is_counted(benchmarks):
    counted = benchmarks["evaluation"].WORK["products"]("2", "2", "3")["result"]
    assert 0 < counted["different"] <= counted["asked"]
    assert benchmarks["expansion"].WORK["built"]("test-loss", "one-pass", "1")["result"] > 0


# Calibration --------------------------------------------------------------------------------------


def test_truths_are_those_of_all_training_sets(benchmarks):
    """One pass by functions that are carried back, against every training set followed by hand."""
    truth = benchmarks["truth"]
    derivatives = [[0.1, 0.5], [0.4, -0.6], [0.8, 1.2], [0.3, -0.5], [0.2, 0.6]]
    landscape = truth.Polynomials(
        [np.reshape(d, (2, *(1,) * k)) for k, d in enumerate(derivatives)]
    )
    loss = [
        np.polynomial.Polynomial(np.array(c) / [1, 1, 2, 6, 24])
        for c in zip(*derivatives, strict=True)
    ]
    changes, shifts, fits = [], [], []
    for rows in itertools.product(range(2), repeat=5):
        theta = 0.0
        for x in rows:
            theta -= 0.3 * loss[x].deriv()(theta)
        changes.append(sum(each(theta) - each(0) for each in loss) / 2)
        fits.append(np.mean([loss[x](theta) - loss[x](0) for x in rows]))
        shifts.append(theta)
    found = truth.truth(landscape, "one-pass", 0.3, {"T": 5})
    assert found["test-loss"] == pytest.approx(np.mean(changes), rel=1e-8)
    assert found["training-loss"] == pytest.approx(np.mean(fits), rel=1e-8)
    assert found["displacement"] == pytest.approx(np.mean(shifts), rel=1e-8)
    # The same datapoints, drawn anew at every step, are one pass for each training set.
    sets = truth.truth(landscape, "with-replacement", 0.3, {"N": 1, "B": 1, "T": 4})
    ends = []
    for each in loss:
        theta = 0.0
        for _ in range(4):
            theta -= 0.3 * each.deriv()(theta)
        ends.append(theta)
    assert sets["displacement"] == pytest.approx(np.mean(ends), rel=1e-8)


def test_judgements_on_some_random_landscapes(benchmarks):
    """A small part of the grid whose table stands in docs/benchmarks.md."""
    calibration = benchmarks["calibration"]
    tallies = calibration.calibrated(calibration.one_weight(8, seed=3))
    assert {order for _, order in tallies} == {2, 3, 4}
    assert sum(tally.trusted for tally in tallies.values()) > 50
    assert not any(tally.false for tally in tallies.values())
    trusted = sum(tally.trusted for tally in tallies.values())
    assert sum(tally.covered for tally in tallies.values()) >= 0.95 * trusted
    right = sum(tally.right for tally in tallies.values())
    assert sum(tally.kept for tally in tallies.values()) >= 0.75 * right


# Along the path -----------------------------------------------------------------------------------


def test_runs_of_one_program_are_those_of_the_package(benchmarks):
    """Two ways to derivatives of whole runs: nested ones of all updates, and update by update."""
    pytest.importorskip("jax")
    from sgdiagrams.numeric.models.choice import model_of
    from sgdiagrams.numeric.path.along import along_path_of_model
    from sgdiagrams.symbolic.training.optimizers.momentum import Nesterov
    from sgdiagrams.symbolic.training.schemes.epochs import Epochs
    from sgdiagrams.symbolic.training.training import Training

    family = benchmarks["path_problems"].FAMILIES["double well, p=2, n=12"]
    start, data = family.make(np.random.default_rng(3))
    training = Training(Epochs(N=4, B=2, E=2, shuffle="every-epoch"), Nesterov(beta=0.5))
    runs = benchmarks["path_runs"].PathRuns(family.loss, 5)
    fixed = runs.fixed(start, data, training, 0.2)
    full, first, second = runs.samples("single", fixed, training, 8, (0, 1))
    [pairs] = runs.samples("pair", fixed, training, 2, (0, 2))
    for k, name in [(1, "training-loss")]:
        estimate = along_path_of_model(
            model_of(family.loss, start, data),
            training,
            observable=name,
            eta=0.2,
            noise=2,
            samples=8,
        )
        at_end = runs.noiseless(fixed)[1, k], second[:, 1, k].mean() / 2, pairs[:, 1, k].mean()
        assert np.allclose(estimate.orders, at_end, rtol=1e-9)
        left = (full - first - second / 2)[:, 1, k].mean() - pairs[:, 1, k].mean()
        assert np.allclose(estimate.remainder, left, rtol=1e-8)


def test_a_judgement_that_trusts_what_is_off_is_counted(benchmarks):
    module = benchmarks["path_calibration"]
    noise = np.random.default_rng(0).standard_normal((256, 2, 4))
    record = {
        "noiseless": np.zeros((2, 4)),
        "second": 1 + 0.1 * noise,
        "left": 0.05 + 0.01 * noise,
        "pairs": 0.05 + 0.01 * noise,
        "exact": np.ones((2, 4)),
        "true": np.array([[x * np.ones((2, 4)), 0.01 * np.ones((2, 4)), np.zeros((2, 4))]
                          for x in (1.05, 2.0, 0.5)]),
        "words": np.array('{"training": "", "eta": 1, "strengths": ["1", "1", "1/2"]}'),
    }  # fmt: skip
    counts = module.Counts()
    for one in module.readings(record, noise=1, samples=64):
        counts.add(one)
    assert counts.cells()[:3] == ["24", "24", "8 (33.33 %)"]
    assert (counts.kept, counts.right, counts.inside) == (16, 16, 16)
    record["true"][:, 2] = 1  # all runs diverged
    for one in module.readings(record, noise=1, samples=64):
        assert one.known
        assert one.off == np.inf


# Peers --------------------------------------------------------------------------------------------


def test_what_is_timed_beside_peers_is_the_same(benchmarks, monkeypatch):
    """With PyTorch by hand; other peers may be installed or not, and are left out."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    peers, threads = benchmarks["peers"], torch.get_num_threads()
    monkeypatch.setattr(peers, "find_spec", lambda _: None)
    monkeypatch.setattr(peers, "SIZES", (64, 2, 10))
    try:
        assert [work() for _, _, work in peers.trees()] == [719]
        network = peers.Network()
        network.x, network.y = network.x[:40], network.y[:40]
        for ways in (network.curved(), network.noisy(), network.mixed()):
            ours, by_hand = (work() for _, _, work in ways)
            assert ours == pytest.approx(by_hand, rel=1e-8)
    finally:
        torch.set_num_threads(threads)
