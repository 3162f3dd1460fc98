"""Noise that is fresh at every visit, on the command line."""

import json

import numpy as np
import pytest
from command_line import good, run

from sgdiagrams import Expansion, Statistics, expand


def test_listing():
    lines = good("list", "--order", "2", "--visits", "fresh", "--format", "text").splitlines()
    assert lines[:2] == ["(01-|2)(01-12)", "(0|1-|2)(01-12)"]
    assert good("list", "--order", "4", "--visits", "fresh", "--count").strip() == "380"
    done = run("list", "--order", "3", "--visits", "fresh", "--check", "--root", "in-partition")
    assert done.returncode == 0
    assert "101 diagrams checked" in done.stderr
    table = good("list", "--order", "2", "--visits", "fresh", "--sampling", "epochs")
    assert "(0|1-|2)(02-12)        2  M_a;b H_ab      E N (E - 1)" in table


def test_expanding_and_evaluating(tmp_path):
    options = ("--order", "2", "--sampling", "epochs", "--visits", "fresh")
    text = good("expand", *options, "--format", "json")
    assert json.loads(text)["parts"][0]["visits"] == "fresh"
    expansion = expand("test-loss", order=2, sampling="epochs", visits="fresh")
    assert Expansion.from_json(text) == expansion
    assert r"M_{\mu;\nu}\, H_{\mu\nu}" in good("expand", *options, "--format", "latex")
    (tmp_path / "e.json").write_text(text)
    rng = np.random.default_rng(0)
    hessians = rng.normal(size=(8, 3, 2, 2))
    derivatives = {
        0: rng.normal(size=(8, 3)),
        1: rng.normal(size=(8, 3, 2)),
        2: hessians + hessians.swapaxes(2, 3),
    }
    statistics = Statistics.from_samples(derivatives, visits="sample")
    statistics.save(tmp_path / "s.npz")
    settings = ("--set", "eta=0.1", "--set", "N=4", "--set", "B=2", "--set", "E=3")
    done = good(
        "evaluate", "e.json", "--statistics", "s.npz", *settings, "--format", "json", cwd=tmp_path
    )
    value = expansion.evaluate(statistics, eta=0.1, N=4, B=2, E=3).value
    assert json.loads(done)["value"] == pytest.approx(value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("expand", "--order", "2", "--visits", "fresh", "--resummed"), "--visits"),
        (("expand", "--visits", "fresh", "--along-path", "--noise", "1"), "--visits"),
        (("expand", "--order", "2", "--visits", "often"), "'often'"),
        (("list", "--noise", "1", "--visits", "fresh"), "--visits"),
        (("expand", "--order", "2", "--visits", "fresh", "--sampling", "sde"), "discrete updates"),
    ],
)
def test_what_is_refused(arguments, words):
    done = run(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
