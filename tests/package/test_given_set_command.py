"""Re-summed expansions on a given training set from the command line: formula, file, number."""

from command_line import good, run

from sgdiagrams.numeric import Statistics

REQUEST = ["expand", "--observable", "covariance", "--order", "2", "--sampling", "shuffled-epochs"]
ON_SET = ["--resummed", "--role", "training-set"]


def test_formula_file_and_number(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stationary = ["--at-minimum", "--form", "stationary"]
    numbers = ["--set", "N=4", "--set", "B=2", "--in-one-dimension"]
    assert good(*REQUEST, *ON_SET, *stationary, *numbers).strip() == "C*eta^2/(3*(-H*eta + 2)^2)"
    good(*REQUEST, *ON_SET, "--format", "json", "--output", "set.json")
    slopes = [[3.0], [-1.0], [-2.0], [0.0]]
    rows = Statistics.from_samples({0: [0.0] * 4, 1: slopes, 2: [[[0.5]]] * 4}, role="training-set")
    rows.save("rows.npz")
    given = ["--set", "eta=0.8", "--set", "N=4", "--set", "B=2", "--set", "E=60"]
    shown = good("evaluate", "set.json", "--statistics", "rows.npz", *given)
    limit = 0.8**2 * 3.5 / (3 * (2 - 0.4) ** 2)
    assert f"{limit:.6g}" in shown


def test_what_is_refused():
    for arguments, words in [
        ([*REQUEST, "--role", "training-set"], "only with --resummed"),
        ([*REQUEST[:-1], "epochs", *ON_SET], "nothing is averaged"),
        (["expand", "--order", "2", "--sampling", "full-batch", *ON_SET], "its own loss only"),
    ]:
        result = run(*arguments)
        assert result.returncode == 2
        assert words in result.stderr
        assert result.stderr.count("\n") == 1
