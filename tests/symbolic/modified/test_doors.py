"""Modified equations, losses and imitations on paper, in files and as source."""

import json

import numpy as np
import pytest
from polynomial_fields import expression_at
from strategies import places
from sympy import Rational
from sympy import symbols as sympy_symbols

import sgdiagrams as sd
from sgdiagrams.diagrams.errors import FormatError, RequestError, SamplingError
from sgdiagrams.symbolic.symbols import B, E, N

ONE_PASS = sd.modified_equation(3, sampling="one-pass")
HEAVY = sd.modified_equation(2, sampling="one-pass", optimizer="momentum")
EPOCHS = sd.modified_loss(2, sampling="reshuffled-epochs", role="training-set")
DESCENT = sd.modified_loss(3, sampling="gradient-descent")
BATCHES = sd.imitate(sd.Training(sd.OnePass()), sd.Training(sd.FullBatch()), order=2)
FLOW = sd.imitate(sd.Training(sd.GradientDescent()), sd.Training(sd.GradientFlow()), order=3)
LAST = sd.modified_equation(
    2, sampling=sd.OnePass(T=3), optimizer=sd.SGD(schedule=sd.Exponential(gamma="1/2"))
)
DECAYED = sd.modified_equation(
    2, sampling=sd.FreshData(), optimizer=sd.Momentum(weight_decay="1/10"), basis="moment"
)
PLUGGED = sd.modified_equation(
    3, sampling=sd.Epochs(N=6, B=2, shuffle="every-epoch"), role="training-set", basis="plug-in"
)
ALL = {
    "one pass": ONE_PASS,
    "momentum": HEAVY,
    "last update": LAST,
    "weight decay": DECAYED,
    "plug-in": PLUGGED,
    "loss of epochs": EPOCHS,
    "loss of descent": DESCENT,
    "batches": BATCHES,
    "flow": FLOW,
}
every = pytest.mark.parametrize("made", ALL.values(), ids=ALL)


# For terminals ---------------------------------------------------------------------------------------


def test_an_equation_is_a_table_of_tensors():
    assert (
        ONE_PASS.text()
        == str(ONE_PASS)
        == """\
modified equation | one-pass B=1 | cumulant basis | order 3 | per update
  drift      eta^1  -1      G_a
             eta^2  -1/2    H_ab G_b
             eta^3  -1/3    H_ab H_bc G_c
                    -1/12   J_abc G_b G_c
                     1/4    J_abc C_bc
  diffusion  eta^2   1      C_ab
             eta^3   1/2    kappa_a|bc G_c
                     1/2    kappa_b|ac G_c
                     1/2    C_ac H_bc
                     1/2    H_ac C_cb
  tensor 3   eta^3  -1      S_abc"""
    )


def test_what_the_transient_leaves_is_shown():
    lines = HEAVY.text().splitlines()
    assert [line.split()[0] for line in lines[1:] if line[2] != " "] == [
        "drift",
        "diffusion",
        "shift",
    ]
    assert (
        lines[2].split(maxsplit=1)[1] == "-(1 + beta)/(2 (1 - beta)^3)                   H_ab G_b"
    )


def test_with_a_schedule_the_table_is_of_the_last_update():
    assert str(LAST).splitlines()[0].endswith("| order 2 | of the last update")
    assert "shift" not in str(LAST)
    # Its rate is 1/4 of the first.
    assert LAST.drift(1).coefficient("G_a") == Rational(-1, 4)
    assert LAST.diffusion(2).coefficient("C_ab") == Rational(1, 16)


def test_a_loss_is_a_table_with_what_is_no_gradient():
    assert (
        str(DESCENT)
        == """\
modified loss | gradient-descent | cumulant basis | order 3 | per update
drift = -eta (grad loss + obstruction), which is no gradient
  loss         eta^0   1      l
               eta^1   1/4    G_a G_a
               eta^2   5/36   G_a H_ab G_b
  obstruction  eta^2   1/18   H_ab H_bc G_c
                      -1/18   J_abc G_b G_c"""
    )
    assert "no gradient" not in str(EPOCHS)


def test_an_imitation_says_how_it_is_compared():
    assert (
        str(BATCHES)
        == """\
imitation of one-pass B=1 by full-batch | cumulant basis | order 2 | N updates
  penalty  eta^1   (N - 1)/(4 N)   C_aa"""
    )
    large = sd.imitate(sd.Training(sd.OnePass()), sd.Training(sd.OnePass(B=4)), order=2)
    assert str(large).splitlines()[0].endswith("N updates by N/4 | learning rate 1/4 eta by eta")
    assert str(FLOW).count("unmended") == 2


# For print -------------------------------------------------------------------------------------------


def test_noise_that_is_brownian_makes_a_stochastic_differential_equation():
    latex = sd.modified_equation(2, sampling=sd.FreshData()).latex()
    assert (
        latex
        == r"""\begin{align*}
  d\theta_{\mu} ={}& b_{\mu}\, dt + \sigma_{\mu\nu}\, dW_{\nu} \\[1ex]
  b_{\mu} ={}& - \eta\, G_{\mu} \\
  & {}- \frac{1}{2}\, \eta^{2} H_{\mu\nu}\, G_{\nu} \\
  & {}+ O(\eta^{3}) \\[1ex]
  (\sigma\sigma^{T})_{\mu\nu} ={}& \eta^{2} \frac{1}{B}\, C_{\mu\nu} \\
  & {}+ O(\eta^{3})
\end{align*}"""
    )


def test_other_noise_and_shifts_make_a_generator():
    third = r"\frac{1}{6} \Sigma^{(3)}_{\mu\nu\lambda}\, s_{\mu\nu\lambda}"
    assert "L s ={}& b_{\\mu}\\, s_{\\mu} + \\frac{1}{2} \\Sigma" in ONE_PASS.latex()
    assert third in ONE_PASS.latex()
    assert r"\langle\text{s}(\theta_T)\rangle \simeq{}& S e^{T L} s" in HEAVY.latex()
    assert r"S s ={}& s" in HEAVY.latex()


def test_without_noise_the_velocity_is_what_there_is():
    latex = sd.modified_equation(2, sampling="gradient-descent").latex()
    assert latex.startswith(
        "\\begin{align*}\n  \\frac{d\\theta_{\\mu}}{dt} ={}& - \\eta\\, G_{\\mu}"
    )


def test_a_loss_that_is_none_says_what_is_left():
    assert r"b_{\mu} ={}& - \eta\, (\partial_{\mu}\, \tilde{\ell} + r_{\mu})" in DESCENT.latex()
    assert r"r_{\mu} ={}& \eta^{2} \Bigl[ \frac{1}{18}" in DESCENT.latex()
    assert "is no gradient: $r$ is left" in DESCENT.latex(standalone=True)
    assert "minus eta times its gradient" in EPOCHS.latex(standalone=True)
    assert r"\frac{N - B}{4 B (N - 1)}\, C_{\mu\mu}" in EPOCHS.latex()


@every
def test_lines_fit_a_column(made):
    assert len(made.latex(width="columnwidth").splitlines()) >= len(made.latex().splitlines())
    with pytest.raises(RequestError, match="width"):
        made.latex(width="wide")
    assert made._repr_latex_().startswith("$$\n\\begin{aligned}")
    page = made.mathml(standalone=True)
    assert page.startswith("<!DOCTYPE html>")


# Files -----------------------------------------------------------------------------------------------


@every
def test_files_bring_everything_back(made):
    assert type(made).from_json(made.to_json()) == made
    assert type(made).from_json(made.to_json(indent=None)).text() == made.text()


@pytest.mark.parametrize("made", [HEAVY, EPOCHS, FLOW], ids=lambda made: type(made).__name__)
def test_other_entries_are_refused(made):
    data = json.loads(made.to_json())
    for path in places(data):
        changed = json.loads(made.to_json())
        home = changed
        for key in path:
            home = home[key]
        if not isinstance(home, dict) or path[-1:] == ("powers",):
            continue
        home["more"] = 1
        with pytest.raises(FormatError, match="more"):
            type(made).from_json(json.dumps(changed))


def _changed(made, **entries):
    return json.dumps({**json.loads(made.to_json()), **entries})


def test_what_does_not_go_together_is_refused():
    kind = sd.ModifiedEquation
    data = json.loads(ONE_PASS.to_json())
    for entries, words in (
        ({"order": 2}, "3 lists of terms in operators"),
        ({"order": 0}, "order of 1"),
        ({"role": "training-set"}, "come back to a given training set"),
        ({"per": "year"}, "update or epoch"),
        ({"basis": "plug-in"}, "contractions of the plug-in basis"),
        ({"sampling": None}, "sampling"),
        ({"operators": data["operators"][::-1]}, "operators of order 0"),
        ({"shifts": data["operators"]}, "identity"),
        ({"operators": [[], data["operators"][1] * 2, *data["operators"][2:]]}, "once"),
        ({"format": "sgdiagrams-expansion"}, "sgdiagrams modified --format json"),
        ({"version": 2}, "version 1"),
    ):
        with pytest.raises(FormatError, match=words):
            kind.from_json(_changed(ONE_PASS, **entries))


def test_a_loss_is_that_of_its_drift():
    data = json.loads(EPOCHS.to_json())
    data["losses"][2][0]["coefficient"]["numerator"][0]["coefficient"] = "1/5"
    with pytest.raises(FormatError, match=r"losses\[2\]"):
        sd.ModifiedLoss.from_json(json.dumps(data))


def test_penalties_are_scalars_and_what_is_left_acts_on_a_function():
    data = json.loads(FLOW.to_json())
    for key, name in (("penalties", "scalars"), ("obstructions", "operators")):
        other = {"penalties": data["obstructions"], "obstructions": data["penalties"]}[key]
        with pytest.raises(FormatError, match=name):
            sd.Imitation.from_json(json.dumps({**data, key: other}))


def test_what_has_no_end_of_its_own_ends_with_what_imitates_it():
    descent = sd.Training(sd.GradientDescent())
    for by, updates in ((sd.OnePass(), N), (sd.FreshData(), N / B), (sd.FullBatch(E=4), 4)):
        imitation = sd.imitate(descent, sd.Training(by), order=2)
        assert imitation.updates == (updates, updates)
        assert imitation.rate == 1
    # Many epochs by one are no more updates.
    epochs = sd.imitate(sd.Training(sd.Epochs(B=1)), sd.Training(sd.OnePass()), order=2)
    assert epochs.updates == (E * N, N)


def test_training_that_imitates_nothing_is_refused():
    plain = sd.Training(sd.OnePass())
    decayed = sd.Training(sd.OnePass(), sd.SGD(weight_decay="1/10"))
    for pair in ((plain, decayed), (decayed, plain), (decayed, decayed)):
        with pytest.raises(RequestError, match="without weight decay"):
            sd.imitate(*pair, order=2)
    for pair in ((sd.Training(sd.OnePass(T=0)), plain), (plain, sd.Training(sd.OnePass(T=0)))):
        with pytest.raises(SamplingError, match="an update at least"):
            sd.imitate(*pair, order=2)


def test_powers_of_a_number_are_recognised():
    heavy = sd.Training(sd.FreshData(), sd.Momentum(beta="9/10"))
    imitation = sd.imitate(heavy, sd.Training(sd.FullBatch()), order=2)
    assert imitation.obstruction(2).contractions == (sd.Contraction.parse("C_ab s_ab"),)
    symbolic = sd.imitate(
        sd.Training(sd.FreshData(), sd.Momentum()), sd.Training(sd.FullBatch()), order=2
    )
    assert imitation.penalty == symbolic.penalty.subs("beta", Rational(9, 10))
    assert imitation.obstruction(2) == symbolic.obstruction(2).subs("beta", Rational(9, 10))
    # SymPy writes (9/10)^N as 10^-N 3^(2 N) in products.
    for sampling in (sd.FullBatch(), sd.FreshData()):
        plain = sd.Training(sd.OnePass())
        numbers = sd.imitate(plain, sd.Training(sampling, sd.Momentum(beta="9/10")), order=2)
        general = sd.imitate(plain, sd.Training(sampling, sd.Momentum()), order=2)
        assert numbers.is_exact == general.is_exact
        assert numbers.obstruction(2) == general.obstruction(2).subs("beta", Rational(9, 10))


# Source ----------------------------------------------------------------------------------------------

X = sympy_symbols("x0:2")
LOSSES = [X[0] ** 2 * X[1] / 2 + X[1] ** 3 - X[0], 2 * X[0] * X[1] - X[1] + X[0] ** 4 / 3]
START = dict(zip(X, (Rational(1, 2), Rational(-1, 3)), strict=True))


def derivatives():
    arrays = {}
    for k in range(4):
        entries = [
            float((loss.diff(*(X[i] for i in legs)) if legs else loss).subs(START))
            for loss in LOSSES
            for legs in np.ndindex(*[2] * k)
        ]
        arrays[k] = np.array(entries).reshape(2, *[2] * k)
    return arrays


def value(expression, numbers, free=()):
    at = expression_at(expression.subs(numbers) if numbers else expression, LOSSES, X, free)
    return float(at.subs(START))


def run(made, name, **numbers):
    space = {}
    exec(made.python(), space)
    return space[name](space["tensors"](derivatives()), **numbers)


@pytest.mark.parametrize(
    ("equation", "numbers"),
    [
        (ONE_PASS, {}),
        (HEAVY, {"beta": Rational(3, 4)}),
        (sd.modified_equation(2, sampling="reshuffled-epochs", role="training-set"), {"N": 6, "B": 2}),
    ],
)  # fmt: skip
def test_source_is_the_tensors_by_definition(equation, numbers):
    eta = 0.1
    given = {name: float(n) if name == "beta" else n for name, n in numbers.items()}
    for m in equation.ranks:
        name = {1: "drift", 2: "diffusion"}.get(m, f"tensor_{m}")
        found = run(equation, name, eta=eta, **given)
        for free in np.ndindex(*[2] * m):
            orders = range(1, equation.order + 1)
            wanted = sum(eta**k * value(equation.tensor(m, k), numbers, free) for k in orders)
            assert found[free] == pytest.approx(wanted, rel=1e-12)


def test_source_of_losses_and_penalties():
    eta = 0.1
    wanted = sum(eta ** (k - 1) * value(DESCENT.term(k), {}) for k in (1, 2, 3))
    assert run(DESCENT, "loss", eta=eta) == pytest.approx(wanted, rel=1e-12)
    rest = [-(eta**3) * value(DESCENT.obstruction(3), {}, (i,)) for i in range(2)]
    assert run(DESCENT, "obstruction", eta=eta) == pytest.approx(rest, rel=1e-12)
    penalty = eta * value(BATCHES.term(2), {"N": 5})
    assert run(BATCHES, "penalty", eta=eta, N=5) == pytest.approx(penalty, rel=1e-12)


def test_source_takes_learning_rates_of_every_shape_and_checks_numbers():
    drift = run(ONE_PASS, "drift", eta=0.1)
    for eta in ([0.1, 0.1], [[0.1, 0], [0, 0.1]]):
        assert run(ONE_PASS, "drift", eta=eta) == pytest.approx(drift)
    equation = EPOCHS.equation
    with pytest.raises(ValueError, match="N/B"):
        run(equation, "drift", eta=0.1, N=5, B=2)
    with pytest.raises(ValueError, match="beta"):
        run(HEAVY, "drift", eta=0.1, beta=1)


def test_source_says_the_same_in_every_basis():
    drifts = [
        run(
            sd.modified_equation(
                3, sampling="reshuffled-epochs", role="training-set", basis=basis, per="epoch"
            ),
            "drift",
            eta=0.1,
            N=4,
            B=2,
        )
        for basis in ("cumulant", "moment", "plug-in")
    ]
    assert drifts[1] == pytest.approx(drifts[0], rel=1e-12)
    assert drifts[2] == pytest.approx(drifts[0], rel=1e-12)


def test_numbers_that_source_cannot_name_are_refused():
    with pytest.raises(RequestError, match="call it otherwise"):
        sd.modified_equation(2, sampling=sd.OnePass(B=sympy_symbols("lambda"))).python()
