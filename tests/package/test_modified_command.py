"""``sgdiagrams modified``: what it prints and what it refuses."""

import json

import pytest
from command_line import good, run

import sgdiagrams as sd


def test_the_equation_is_what_the_library_says():
    equation = sd.modified_equation(3, sampling="one-pass")
    assert good("modified", "--order", 3) == f"{equation}\n"
    assert good("modified", "--order", 3, "--format", "latex") == f"{equation.latex()}\n"
    wide = good("modified", "--order", 3, "--format", "mathml", "--standalone", "--width", "20cm")
    assert wide == equation.mathml(standalone=True, width="20cm")
    assert (
        sd.ModifiedEquation.from_json(good("modified", "--order", 3, "--format", "json"))
        == equation
    )
    assert good("modified", "--order", 3, "--format", "python") == equation.python()


def test_options_reach_the_library():
    arguments = ("--sampling", "reshuffled-epochs", "--role", "training-set", "--per", "epoch")
    equation = sd.modified_equation(
        2,
        sampling=sd.Epochs(N=6, B=2, shuffle="every-epoch"),
        role="training-set",
        per="epoch",
        basis="plug-in",
    )
    numbers = ("--set", "N=6", "--set", "B=2")
    shown = good("modified", *arguments, *numbers, "--basis", "plug-in")
    assert shown == f"{equation}\n"
    loss = sd.modified_loss(2, sampling="reshuffled-epochs", role="training-set", per="epoch")
    assert good("modified", *arguments, "--loss") == f"{loss}\n"
    heavy = sd.modified_equation(
        2, sampling="fresh-data", optimizer=sd.Momentum(weight_decay="1/10")
    )
    options = ("--optimizer", "momentum", "--weight-decay", 0.1)
    assert good("modified", "--sampling", "fresh-data", *options) == f"{heavy}\n"
    last = good("modified", "--schedule", "step:every=2,factor=0.5", "--set", "T=5")
    assert "of the last update" in last


def test_imitation():
    assert good("modified", "--sampling", "full-batch", "--imitate", "one-pass") == (
        "imitation of one-pass B=1 by full-batch | cumulant basis | order 2 | N updates\n"
        "  penalty  eta^1   (N - 1)/(4 N)   C_aa\n"
    )
    imitation = sd.imitate(sd.Training(sd.OnePass(B=1)), sd.Training(sd.OnePass(B=4)), order=2)
    small = ("modified", "--sampling", "fresh-data", "--set", "B=4")
    assert good(*small, "--imitate", "fresh-data", "--imitate-set", "B=1") == f"{imitation}\n"
    heavy = ("modified", "--sampling", "gradient-flow", "--imitate", "gradient-descent,sgd")
    read = json.loads(good(*heavy, "--format", "json"))
    assert read["what"]["sampling"]["name"] == "gradient-descent"


def test_output_goes_to_a_file(tmp_path):
    good("modified", "--format", "json", "--output", "equation.json", cwd=tmp_path)
    text = (tmp_path / "equation.json").read_text()
    assert sd.ModifiedEquation.from_json(text) == sd.modified_equation(2, sampling="one-pass")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--order 8", "--order"),
        ("--order 0", "--order"),
        ("--sampling full-batch", "role='training-set'"),
        ("--sampling shuffled-epochs --role training-set", "no modified equation"),
        ("--role training-set", "role='population'"),
        ("--basis plug-in", "basis"),
        ("--schedule cosine", "give T="),
        ("--average tail:W=2 --set T=4", "last iterate"),
        ("--sampling gradient-descent --per epoch", "per='update'"),
        ("--set N=5", "got N=5"),
        ("--imitate one-pass --loss", "--loss"),
        ("--imitate one-pass --basis moment", "--basis"),
        ("--imitate one-pass --per epoch", "--per"),
        ("--imitate nonsense", "nonsense"),
        ("--imitate one-pass,adam", "adam"),
        ("--imitate one-pass --order 1", "2..5"),
        ("--imitate-set B=1", "--imitate"),
        ("--standalone", "--standalone"),
        ("--width 12cm --format json", "--width"),
        ("--format latex --width wide", "width"),
    ],
)
def test_what_is_asked_for_in_vain_is_refused_in_one_line(arguments, words):
    done = run("modified", *arguments.split())
    assert done.returncode == 2
    assert not done.stdout
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert len(done.stderr) < 500
