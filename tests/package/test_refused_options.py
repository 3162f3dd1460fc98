"""Options that mean nothing with others are refused in one line; none is passed over."""

import pytest
from command_line import good, run

IGNORED = [
    "expand --order 2 --sampling epochs --coefficients binomial",
    "expand --order 2 --sampling with-replacement --coefficients binomial --format latex",
    "expand --order 2 --standalone",
    "expand --order 2 --standalone --format json",
    "expand --order 2 --eta tensor --format json",
    "expand --order 2 --eta scalar --format python",
    "expand --order 2 --coefficients expanded --format json",
    "expand --order 2 --digits 4 --format python",
    "expand --order 2 --width 8cm",
    "expand --order 2 --form stationary",
    "expand --order 2 --in-one-dimension",
    "expand --order 2 --on-tensors missing.json",
    "expand --through 2",
    "expand --order 2 --through 2 --resummed",
    "expand",
    "expand --noise 1",
    "expand --along-path",
    "expand --along-path --order 1",
    "expand --along-path --noise 1 --order 1",
    "expand --along-path --noise 1 --through 1",
    "expand --along-path --noise 1 --resummed",
    "expand --along-path --noise 1 --basis moment",
    "expand --along-path --noise 1 --eta scalar",
    "expand --along-path --noise 1 --coefficients expanded",
    "expand --along-path --noise 1 --digits 3",
    "expand --along-path --noise 1 --format python",
    "expand --along-path --noise 1 --form stationary",
    "expand --along-path --noise 1 --sampling sde",
    "expand --along-path --noise 1 --observable displacement:since=1",
    "expand --order 2 --resummed --eta tensor",
    "expand --order 2 --resummed --coefficients expanded",
    "expand --order 2 --resummed --differences short",
    "expand --order 2 --resummed --in-one-dimension --format json",
    "expand --order 2 --resummed --in-one-dimension --on-tensors missing.json",
    "list",
    "list --order 2 --noise 1",
    "list --noise 1 --linkless",
    "list --noise 1 --basis moment",
    "list --order 2 --count --draw sheet.svg",
    "list --order 2 --count --format json",
    "list --order 2 --count --basis moment",
    "list --order 2 --format text --basis cumulant",
]


@pytest.mark.parametrize("command", IGNORED)
def test_refused(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*command.split())
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("sgdiagrams: error: expected ")
    assert not list(tmp_path.iterdir())


def test_formulas_for_one_weight_and_on_tensors(tmp_path):
    options = ["--observable", "displacement", "--resummed", "--form", "stationary"]
    drift = good("expand", *options, "--through", "1", "--in-one-dimension")
    assert drift == "-C*J*eta/(4*H^2) + O(eta^2)\n"
    loss = ("expand", "--resummed", "--through", "1", "--form", "stationary", "--in-one-dimension")
    assert good(*loss) == "l + C*eta/4 + O(eta^2)\n"
    second = (
        "expand",
        "--resummed",
        "--through",
        "2",
        "--form",
        "stationary",
        "--in-one-dimension",
    )
    text, latex = good(*second), good(*second, "--format", "latex")
    assert text.startswith("l + C*eta/4 + C*H*eta^2/8 - C^2*K*eta^2/(32*H^2) + ")
    assert latex.startswith(r"l + \frac{C \eta}{4} + \frac{C H \eta^{2}}{8} - \frac{C^{2} K")
    path = tmp_path / "tensors.json"
    path.write_text('{"curvatures": ["c"], "tensors": {"C": [["1/2"]], "J": [[[3]]]}, "free": [0]}')
    valley = good("expand", *options, "--through", "1", "--on-tensors", path)
    assert valley == "-3*eta/(8*c^2) + O(eta^2)\n"
    for broken in ("[]", '{"curvatures": [1], "tensors": {"C": [[1, 2]]}}', '{"tensors": {}}', "x"):
        path.write_text(broken)
        result = run("expand", *options, "--through", "1", "--on-tensors", path)
        assert result.returncode == 2
        assert result.stderr.count("\n") == 1
