"""The judgement of an expansion in the noise: what is missing, and what is said of other strengths."""

from fractions import Fraction

import pytest

from sgdiagrams.numeric.path.trust import judge_noise


def judged(**changes):
    numbers = {
        "excess": 1.0,
        "standard_error": 0.01,
        "remainder": 0.1,
        "remainder_error": 0.02,
        "noise": 1,
        "ratio": Fraction(1),
        "diverged": 0,
    }
    return judge_noise(**{**numbers, **changes})


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "trustworthy"),
        ({"remainder": -0.1}, "trustworthy"),
        ({"remainder": 0.17}, "borderline"),
        ({"remainder": 0.14, "standard_error": 0.05}, "borderline"),
        ({"remainder": 0.14, "standard_error": 0.04}, "trustworthy"),
        ({"standard_error": 0.16}, "cannot tell"),
        ({"remainder": 0.1, "remainder_error": 0.3}, "cannot tell"),
        ({"remainder": 0.7}, "diverging"),
        ({"diverged": 1}, "diverging"),
        ({"remainder": float("nan"), "remainder_error": float("nan")}, "diverging"),
        ({"excess": 0.0, "remainder": 0.0, "remainder_error": 0.0}, "trustworthy"),
    ],
)
def test_words_follow_from_what_is_missing_and_from_errors(changes, word):
    verdict = judged(**changes)
    assert verdict.words.startswith(word)
    assert verdict.trustworthy == (word == "trustworthy")


@pytest.mark.parametrize("noise", [1, 2])
def test_what_is_missing_at_other_strengths_is_more_than_the_next_order_says(noise):
    here = judged(noise=noise).missing
    assert here == pytest.approx(0.14)
    for ratio in (Fraction(1, 4), Fraction(4)):
        there = judged(noise=noise, ratio=ratio, excess=float(ratio)).missing
        assert there > float(ratio) ** (noise + 1) * here
    # Yet noise that is weak enough is trusted, and the forecast joins what was measured.
    weak = Fraction(1, 1000)
    assert judged(noise=noise, ratio=weak, excess=1e-3, standard_error=1e-5).trustworthy
    assert judged(noise=noise, ratio=Fraction(999, 1000)).missing == pytest.approx(here, rel=0.01)
    assert judged(noise=noise, ratio=Fraction(1001, 1000)).missing == pytest.approx(here, rel=0.01)


def test_where_most_of_the_excess_may_be_missing_nothing_is_said_of_weaker_noise():
    weaker = {"ratio": Fraction(1, 64), "excess": 1 / 64, "standard_error": 1e-4}
    assert judged(remainder=0.6, measured_excess=1.0, **weaker).trustworthy
    verdict = judged(remainder=0.7, measured_excess=1.0, **weaker)
    assert verdict.words.startswith("cannot tell")
    assert "measure with noise of this strength" in verdict.words
