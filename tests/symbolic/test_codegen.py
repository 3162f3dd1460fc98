"""Generated NumPy source runs alone and agrees with nested loops."""

import json
import subprocess
import sys
from fractions import Fraction
from functools import cache
from itertools import cycle

import numpy as np
import pytest
import slow

from sgdiagrams.symbolic import Epochs, OnePass, expand, symbols

SAMPLES = slow.symmetric_samples(11, n=4, p=2, span=5)
NUMBERS = {"T": 5, "N": 6, "B": 3, "E": 2}
ETA = [[Fraction(1, 2), Fraction(-1, 4)], [Fraction(-1, 4), Fraction(1, 8)]]
ETAS = {
    "scalar": Fraction(1, 4),
    "diagonal": [Fraction(1, 2), Fraction(1, 8)],
    "matrix": ETA,
}

RUNNER = """
import json, sys
jobs = json.load(sys.stdin)
results = []
for job in jobs:
    space = {}
    exec(job["source"], space)
    derivatives = {int(k): v for k, v in job["derivatives"].items()}
    orders = space["orders"](space["tensors"](derivatives), eta=job["eta"], **job["numbers"])
    results.append(orders.tolist())
foreign = [m for m in ("sympy", "sgdiagrams", "scipy", "networkx", "opt_einsum") if m in sys.modules]
print(json.dumps([results, foreign]))
"""


@cache
def cases():
    found = {}
    for observable in ("test-loss", "training-loss", "generalisation-gap"):
        for basis in ("moment", "cumulant"):
            for sampling in (OnePass(B=symbols.B), Epochs()):
                key = (observable, str(sampling), basis)
                found[key] = expand(observable, order=3, sampling=sampling, basis=basis)
    moments = expand("test-loss", order=3, sampling="epochs")
    cumulants = expand("test-loss", order=3, sampling="one-pass", basis="cumulant")
    found["mixed"] = moments - cumulants * Fraction(2, 3)
    found["quotient"] = moments.subs({"B": symbols.N + 1})
    found["nothing"] = moments - moments
    found["order 0"] = expand("test-loss", order=0, sampling="one-pass")
    found["gap of order 0"] = expand("generalisation-gap", order=0, sampling="one-pass")
    found["order 4"] = expand("test-loss", order=4, sampling="one-pass", basis="cumulant")
    found["full batch"] = expand("test-loss", order=3, sampling="full-batch")
    return found


def plain(eta):
    if isinstance(eta, list):
        return [plain(row) for row in eta]
    return float(eta)


def full(eta):
    """Return a learning rate as a matrix of fractions."""
    if not isinstance(eta, list):
        return [[eta, 0], [0, eta]]
    if not isinstance(eta[0], list):
        return [[eta[0], 0], [0, eta[1]]]
    return eta


@cache
def value(contraction, kind):
    c = contraction
    return slow.value(c.edges, c.blocks, SAMPLES, basis=c.basis, eta=full(ETAS[kind]))


def expected(expansion, kind):
    orders = [Fraction(0)] * (expansion.order + 1)
    for term in expansion.terms:
        numbers = {str(s): NUMBERS[str(s)] for s in term.weight.free_symbols}
        orders[term.order] += slow.exact(term.weight, **numbers) * value(term.contraction, kind)
    return orders


def run(jobs):
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", RUNNER],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_the_source_runs_alone_and_agrees():
    derivatives = {k: array.tolist() for k, array in SAMPLES.items()}
    jobs = []
    answers = []
    kinds = cycle(ETAS)
    for name, expansion in cases().items():
        source = expansion.python()
        assert [line for line in source.splitlines() if "import" in line] == ["import numpy"]
        # All learning rates for some, one each for the others.
        for kind in ETAS if name in ("mixed", "order 0") else [next(kinds)]:
            eta = ETAS[kind]
            jobs.append(
                {
                    "source": source,
                    "derivatives": derivatives,
                    "eta": plain(eta),
                    "numbers": {name: NUMBERS[name] for name in expansion.symbols},
                }
            )
            answers.append([float(x) for x in expected(expansion, kind)])
    results, foreign = run(jobs)
    assert foreign == []
    assert len(results) == len(answers)
    for found, answer in zip(results, answers, strict=True):
        assert len(found) == len(answer)
        np.testing.assert_allclose(found, answer, rtol=1e-11, atol=1e-9)


@pytest.mark.parametrize("name", ["p", "result", "numpy", "tensors", "G", "l", "M_1_1", "d"])
def test_symbols_named_as_what_the_source_uses(name):
    # A user's own symbol must not collide with a local variable of the generated code.
    expansion = expand("test-loss", order=2, sampling="one-pass").subs({"T": name})
    space = {}
    exec(expansion.python(), space)
    tensors = space["tensors"]({k: array.tolist() for k, array in SAMPLES.items()})
    with np.errstate(all="raise"):
        found = space["orders"](tensors, eta=0.25, **{name: NUMBERS["T"]})
    answer = expected(expand("test-loss", order=2, sampling="one-pass"), "scalar")
    np.testing.assert_allclose(found, [float(x) for x in answer], rtol=1e-12)


def test_a_symbol_named_as_a_python_keyword():
    expansion = expand("test-loss", order=1, sampling="one-pass").subs({"T": "lambda"})
    compile(expansion.python(), "generated", "exec")
