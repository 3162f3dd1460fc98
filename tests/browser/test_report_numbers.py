"""Numbers of a report in a real browser, at random settings: those of Python, errors and words too."""

import itertools
import json
import math
import random
from fractions import Fraction

import numpy as np
import pytest
from measurements import measured

from sgdiagrams import (
    SGD,
    SamplingError,
    Statistics,
    TailAverage,
    Values,
    judge_series,
    landscape,
    make_report,
)
from sgdiagrams.report.question import Question
from sgdiagrams.report.resummed_series import resummed_numbers

pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def answers(browser):
    """Answers of the page's own model: a function of its numbers and of settings."""
    context = browser.new_context()
    page = context.new_page()
    said = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.set_content(make_report(order=1).html())

    def of(numbers, settings):
        # By way of text, as the page has it; what is not finite becomes null.
        result = page.evaluate(
            "([data, settings]) => JSON.stringify(((predict) => settings.map((s) => predict(s)))"
            "(sgdiagrams.predictor(JSON.parse(data))))",
            [json.dumps(numbers), settings],
        )
        assert said == []
        return json.loads(result)

    yield of
    context.close()


def symmetric(rng, n, p, k):
    """Return samples of a derivative of order k."""
    array = rng.normal(0.3, 0.5, (n, *(p,) * k))
    orders = itertools.permutations(range(1, k + 1))
    total = sum(np.transpose(array, (0, *order)) for order in orders) / math.factorial(k)
    return total + 2 * np.eye(p) if k == 2 else total


def statistics(n, p, highest=4, role="sample", seed=1):
    rng = np.random.default_rng(seed)
    derivatives = {
        k: symmetric(rng, n, p, k) if k else rng.normal(1, 1, n) for k in range(highest + 1)
    }
    return Statistics.from_samples(derivatives, role=role)


def exact(number):
    value = Fraction(str(number))
    return int(value) if value.denominator == 1 else value


def positions(numbers, count, seed=0):
    """Return random places of all sliders, of so many digits that no number in words is a tie."""
    rng = random.Random(seed)
    settings = []
    for _ in range(count):
        at = {}
        for s in numbers["sliders"]:
            low, high = s["minimum"], s["maximum"]
            if s["logarithmic"]:
                x = float(f"{math.exp(rng.uniform(math.log(low), math.log(high))):.7g}")
            else:
                x = round(rng.uniform(low, high), 2)
            at[s["name"]] = round(x) if s["whole"] else x
        settings.append(at)
    return settings


def size(value):
    return float(np.linalg.norm(np.asarray(value, dtype=float)))


def near(one, two, scale):
    """Whether a number of Python's is that of the page, up to a small part of a scale."""
    if not math.isfinite(one):
        return two is None
    return two is not None and abs(one - two) <= scale


def check_series(estimate, shown, rounding):
    """Hold an estimate against a series of the page."""
    number = size if np.ndim(estimate.standard_error) else float
    scale = rounding * max(map(size, estimate.orders))
    for k, contribution in enumerate(estimate.orders):
        assert near(number(contribution), shown["orders"][k]["value"], scale), k
        error = size(estimate.order_standard_errors[k])
        assert near(error, shown["orders"][k]["error"], scale), k
    pairs = [
        (number(estimate.value), "value"), (size(estimate.standard_error), "error"),
        (number(estimate.change), "change"), (size(estimate.change_standard_error), "change_error"),
    ]  # fmt: skip
    for expected, name in pairs:
        assert near(expected, shown[name], 4 * scale), name
    assert shown["verdict"] == estimate.judgement
    assert shown["trustworthy"] == estimate.trustworthy
    missing = estimate.truncation_error
    if math.isfinite(missing):
        assert math.isclose(missing, shown["truncation"], rel_tol=1e-6, abs_tol=scale)
    else:
        assert shown["truncation"] is None


GAUSS, HELIX = landscape("gauss").statistics(4), landscape("helix").statistics(4)
VALUES = Values(
    {"l": 1.5, "G_a G_a": (0.5, 0.1), "G_a H_ab G_b": (0.7, 0.2), "C_ab H_ab": (0.2, 0.1)}
)
ROWS = statistics(12, 3)
MEASURED = measured(
    ROWS, Question.of(order=2).expansion(), Question.of("shift", order=2).expansion()
)
PLAIN = {
    "gauss": (GAUSS, {"order": 3}),
    "order 2, judged by the next": (GAUSS, {"order": 2}),
    "epochs": (GAUSS, {"order": 3, "sampling": "epochs"}),
    "a gap": (GAUSS, {"order": 2, "sampling": "reshuffled-epochs", "observable": "gap"}),
    "momentum": (HELIX, {"order": 2, "optimizer": "momentum"}),
    "subsets": (HELIX, {"order": 2, "sampling": "subsets"}),
    "a vector": (HELIX, {"order": 3, "observable": "displacement"}),
    "a matrix": (HELIX, {"order": 2, "observable": "covariance", "sampling": "with-replacement"}),
    "a diffusion": (HELIX, {"order": 3, "sampling": "sde"}),
    "cumulants": (HELIX, {"order": 3, "basis": "cumulant", "sampling": "full-batch"}),
    "a sample": (ROWS, {"order": 3}),
    "hardly a sample": (statistics(4, 2), {"order": 3}),
    "vectors of a sample": (ROWS, {"order": 3, "observable": "displacement"}),
    "a table": (VALUES, {"order": 2}),
    "a measurement": (MEASURED, {"order": 2}),
    "a measurement in cumulants": (MEASURED, {"order": 2, "basis": "cumulant"}),
    "vectors that were measured": (MEASURED, {"order": 2, "observable": "displacement"}),
    "an average": (ROWS, {"order": 2, "optimizer": SGD(average=TailAverage(W=3))}),
    "weight decay": (
        Statistics(ROWS.samples, start=[1.0, 2.0, 3.0]),
        {"order": 2, "optimizer": SGD(weight_decay="1/10")},
    ),
    "an expression": (ROWS, {"order": 1, "observable": "expression:|G|^2"}),
    "a training set": (
        statistics(12, 2, role="training-set"),
        {"order": 2, "observable": "training-loss", "sampling": "reshuffled-epochs"},
    ),
}


@pytest.mark.parametrize("case", PLAIN)
def test_plain_series(answers, case):
    holder, question = PLAIN[case]
    numbers = make_report(statistics=holder, **question).data["numbers"]
    settings = positions(numbers, 15, seed=3)
    expansion = Question.of(**question).expansion()
    seen = 0
    for at, answer in zip(settings, answers(numbers, settings), strict=True):
        rest = {name: exact(x) for name, x in at.items()}
        eta = float(rest.pop("eta"))
        try:
            estimate = expansion.evaluate(holder, eta=eta, **rest)
        except SamplingError:
            assert answer["refused"]
            assert answer["series"] == []
            continue
        assert answer["refused"] is None, at
        check_series(estimate, answer["series"][0], 1e-12)
        seen += 1
    assert seen >= 2


BOTH = {
    "gauss": (GAUSS, {"order": 4}, 6),
    "helix": (HELIX, {"order": 3}, 12),
    "a quadratic": (landscape("mean").statistics(4), {"order": 2}, 6),
    "a diffusion": (HELIX, {"order": 2, "sampling": "sde"}, 12),
    "full batches": (HELIX, {"order": 2, "sampling": "full-batch", "observable": "gap"}, 8),
    "a training loss": (
        HELIX, {"order": 2, "sampling": "with-replacement", "observable": "training-loss"}, 8
    ),
    "momentum": (HELIX, {"order": 2, "optimizer": "momentum"}, 8),
    "a sample": (statistics(8, 2, 3), {"order": 2}, 6),
    "without third derivatives": (statistics(30, 2, 2, role="population"), {"order": 2}, 12),
}  # fmt: skip


@pytest.mark.parametrize("case", BOTH)
def test_both_series_and_the_verdict(answers, case):
    holder, question, count = BOTH[case]
    numbers = make_report(statistics=holder, **question).data["numbers"]
    settings = positions(numbers, count, seed=5)
    resummed = Question.of(**question).resummed_expansion()
    words = {"sampling": question.get("sampling", "one-pass"), "order": question["order"]}
    words["observable"] = question.get("observable", "test-loss")
    words["optimizer"] = question.get("optimizer", "sgd")
    # Memory near 1 takes digits: those of 1/(1 - beta)^2.
    rounding = 1e-7 if "optimizer" in question else 1e-9
    recommended = set()
    for at, answer in zip(settings, answers(numbers, settings), strict=True):
        rest = {name: exact(x) for name, x in at.items()}
        eta = float(rest.pop("eta"))
        validity = judge_series(holder, eta=eta, **words, **rest)
        plain, other = answer["series"]
        assert answer["recommended"] == validity.recommended, at
        assert (plain["verdict"], other["verdict"]) == (
            validity.plain_judgement, validity.resummed_judgement,
        ), at  # fmt: skip
        if validity.recommended != "neither":
            shown = {"plain": plain, "re-summed": other}[validity.recommended]
            expected = {"plain": validity.plain_next, "re-summed": validity.resummed_next}
            scale = max(validity.plain)
            assert near(expected[validity.recommended], shown["next"], rounding * scale)
        if np.isfinite(validity.resummed).all():
            check_series(resummed.evaluate(holder, eta=eta, **rest), other, rounding)
        recommended.add(validity.recommended)
    assert len(recommended) > 1 or case == "a quadratic"


def test_two_equal_roots_of_momentum(answers):
    """At h = (1 - beta^(1/2))^2 the two roots of an edge are one; nothing divides by their distance."""
    holder = Statistics.from_samples(
        {0: [0.0] * 2, 1: [[2.0], [-1.0]], 2: [[[1.0]]] * 2}, role="population"
    )
    numbers = make_report(order=2, statistics=holder, optimizer="momentum").data["numbers"]
    settings = [{"eta": 0.25, "T": T, "beta": 0.25} for T in (1, 2, 3, 50)]
    settings += [{"eta": 0.25 + 1e-9, "T": 5, "beta": 0.25}]
    resummed = Question.of(order=2, optimizer="momentum").resummed_expansion()
    for at, answer in zip(settings, answers(numbers, settings), strict=True):
        estimate = resummed.evaluate(holder, eta=at["eta"], T=at["T"], beta=exact(at["beta"]))
        check_series(estimate, answer["series"][1], 1e-12)


def test_equal_eigenvalues(answers):
    """Divided differences whose nodes coincide, or nearly do."""
    hessian = np.diag([1.0, 1.0 + 1e-9, 1.0])[None].repeat(2, axis=0)
    gradients = np.array([[1.0, 2.0, -1.0], [-1.0, 0.5, 1.0]])
    holder = Statistics.from_samples({0: [0.0, 0.0], 1: gradients, 2: hessian}, role="population")
    numbers = make_report(order=2, statistics=holder).data["numbers"]
    settings = [{"eta": eta, "T": T} for eta in (1e-9, 0.3, 1.0, 1.7) for T in (1, 2, 1000)]
    resummed = Question.of(order=2).resummed_expansion()
    for at, answer in zip(settings, answers(numbers, settings), strict=True):
        estimate = resummed.evaluate(holder, eta=at["eta"], T=at["T"])
        check_series(estimate, answer["series"][1], 1e-9)


@pytest.mark.parametrize(
    ("question", "at", "words"),
    [
        ({"sampling": "epochs"}, {"eta": 0.1, "N": 10, "B": 3, "E": 1}, "B that divides N"),
        ({"sampling": "epochs"}, {"eta": 0.1, "N": 10, "B": 20, "E": 1}, "B that divides N"),
        ({"sampling": "subsets"}, {"eta": 0.1, "N": 3, "B": 5, "T": 1}, "-B + N"),
        ({}, {"eta": 0.1, "T": 2.5}, "whole number"),
        ({}, {"eta": 0.1, "T": -1}, "whole number"),
        ({"optimizer": "momentum"}, {"eta": 0.1, "T": 3, "beta": 1}, "[0, 1)"),
        ({"optimizer": "qhm"}, {"eta": 0.1, "T": 3, "beta": 0.5, "nu": 0.5}, None),
    ],
)
def test_impossible_numbers_are_refused(answers, question, at, words):
    numbers = make_report(order=2, statistics=GAUSS, **question).data["numbers"]
    [answer] = answers(numbers, [at])
    if words is None:
        assert answer["refused"] is None
    else:
        assert words in answer["refused"]
        assert answer["series"] == []


def test_many_updates_with_momentum(answers):
    """Weights whose terms cancel to nothing in doubles, and powers that vanish."""
    numbers = make_report(order=2, statistics=HELIX, optimizer="momentum").data["numbers"]
    settings = [
        {"eta": 1e-3, "T": T, "beta": beta}
        for T in (0, 1, 2, 9999)
        for beta in (0, 0.5, 0.9, 0.999999)
    ]
    expansion = Question.of(order=2, optimizer="momentum").expansion()
    for at, answer in zip(settings, answers(numbers, settings), strict=True):
        estimate = expansion.evaluate(HELIX, eta=at["eta"], T=at["T"], beta=exact(at["beta"]))
        check_series(estimate, answer["series"][0], 1e-12)


def test_numbers_in_words(browser):
    """Two digits as Python writes them, in every range and in ties."""
    rng = random.Random(0)
    given = [rng.uniform(-9, 9) * 10.0 ** rng.randint(-12, 12) for _ in range(300)]
    given += [0.125, 0.375, 2.5, 25.0, 250.0, 99.5, 0.0, 1e-5, 9.96e-5, 100.0, 1e22, 123456.0]
    page = browser.new_page()
    page.set_content(make_report(order=1).html())
    written = page.evaluate("(xs) => xs.map((x) => sgdiagrams.judgement.general(x, 2))", given)
    page.close()
    assert written == [f"{x:.2g}" for x in given]


def test_what_a_page_does_not_evaluate_is_said():
    said = make_report(order=2, sampling="epochs", statistics=GAUSS).data["numbers"]["refused"]
    assert "closed form" in said["re-summed"]
    assert (
        "eigenbasis"
        in make_report(order=2, statistics=VALUES).data["numbers"]["refused"]["re-summed"]
    )


def test_sizes_are_bounded(monkeypatch):
    monkeypatch.setattr("sgdiagrams.report.resummed_series._MOST_DOUBLES", 10)
    numbers = make_report(order=3, statistics=HELIX).data["numbers"]
    assert "too many values" in numbers["refused"]["re-summed"]
    assert numbers["resummed"] is None
    assert resummed_numbers.__module__ == "sgdiagrams.report.resummed_series"
