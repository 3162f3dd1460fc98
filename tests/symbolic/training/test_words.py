"""Words that people type for schemes, optimisers, schedules, averages and observables."""

from fractions import Fraction

import pytest

from sgdiagrams.diagrams import RequestError, SamplingError
from sgdiagrams.numeric import PolynomialLandscape, exact_training, landscape
from sgdiagrams.symbolic import (
    SGD,
    Epochs,
    ExponentialAverage,
    FullBatch,
    Momentum,
    Nesterov,
    OnePass,
    TailAverage,
    Training,
    WithReplacement,
    expand,
)
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.training.names import named_average, named_optimizer, named_sampling
from sgdiagrams.symbolic.training.schedules.named_schedules import named_schedule
from sgdiagrams.symbolic.training.schedules.spoken_schedules import SPOKEN_SCHEDULES


@pytest.mark.parametrize(
    ("reader", "word", "meant"),
    [
        (named_sampling, "rr", Epochs(shuffle="every-epoch")),
        (named_sampling, "Random_Reshuffling", Epochs(shuffle="every-epoch")),
        (named_sampling, "shuffle-once", Epochs(shuffle="once")),
        (named_sampling, "fixed-order", Epochs()),
        (named_sampling, "iid", WithReplacement()),
        (named_sampling, "gd", FullBatch()),
        (named_sampling, "online", OnePass()),
        (named_optimizer, "heavy-ball:beta=0.9", Momentum(beta=0.9)),
        (named_optimizer, "heavy_ball:momentum=0.9", Momentum(beta=0.9)),
        (named_optimizer, "NAG:mu=1/2", Nesterov(beta="1/2")),
        (named_average, "ema:decay=0.99", ExponentialAverage(0.99)),
        (named_average, "swa:W=10", TailAverage(10)),
        (named_average, "polyak-ruppert", TailAverage()),
        (named_observable, "gap", named_observable("generalisation-gap")),
        (named_observable, "Generalization_Gap", named_observable("generalisation-gap")),
        (named_observable, "train-loss", named_observable("training-loss")),
        (named_observable, "shift:since=2", named_observable("displacement:since=2")),
    ],
)
def test_what_people_type(reader, word, meant):
    assert reader(word) == meant


def test_files_keep_one_name():
    text = expand("gap", order=1, sampling="gd", optimizer="heavy-ball").to_json()
    assert '"gd"' not in text
    assert '"momentum"' in text
    assert '"generalisation-gap"' in text


@pytest.mark.parametrize(
    ("reader", "slip", "nearest"),
    [
        (named_sampling, "epoch", "epochs"),
        (named_sampling, "one_pas", "one-pass"),
        (named_sampling, "random-reshufling", "random-reshuffling"),
        (named_optimizer, "momentun:beta=0.9", "momentum"),
        (named_optimizer, "heavyball", "heavy-ball"),
        (named_schedule, "exponental", "exponential"),
        (named_average, "tial", "tail"),
        (named_observable, "test_los", "test-loss"),
        (named_observable, "generalization", "generalization-gap"),
        (landscape, "gaus", "gauss"),
    ],
)
def test_slips_are_answered_by_the_nearest(reader, slip, nearest):
    with pytest.raises(RequestError) as error:
        reader(slip)
    assert str(error.value).endswith(f"; did you mean {nearest}?")


@pytest.mark.parametrize(
    ("word", "nearest"), [("Adam", "momentum:beta=0.9"), ("adagrad:lr=0.1", "inverse:power=1/2")]
)
def test_optimisers_that_are_not_linear(word, nearest):
    with pytest.raises(
        RequestError, match=f"linear in the gradients, got .*; the nearest is .*{nearest}"
    ):
        named_optimizer(word)


@pytest.mark.parametrize("slip", ["x" * 100_000, "?", "", 3, ["epochs"]])
def test_what_is_like_nothing_is_not_guessed(slip):
    with pytest.raises(RequestError) as error:
        named_sampling(slip)
    assert "did you mean" not in str(error.value)


def test_inverse_rates_are_exact():
    assert named_schedule("inverse:gamma=0.5,power=2").multipliers(3) == (
        1,
        Fraction(4, 9),
        Fraction(1, 4),
    )
    assert named_schedule("1/t:t0=3").multipliers(3) == (
        Fraction(1, 3),
        Fraction(1, 4),
        Fraction(1, 5),
    )


@pytest.mark.parametrize(
    ("text", "T"),
    [
        ("CyclicLR:peak=2,step_size_up=1,mode=triangular2", 10**5),
        ("CyclicLR:peak=2,step_size_up=1,mode=exp_range,gamma=2", 10**5),
        ("inverse:t0=1e-200,power=5/2", 3),
    ],
)
def test_numbers_that_are_too_long_are_refused(text, T):
    with pytest.raises(SamplingError):
        named_schedule(text).multipliers(T)


def test_strings_are_schedules():
    by_name = expand("test-loss", order=2, sampling=OnePass(T=3), optimizer=SGD(schedule="inverse"))
    by_factors = SGD(schedule=[1, Fraction(1, 2), Fraction(1, 3)])
    given_factors = expand("test-loss", order=2, sampling=OnePass(T=3), optimizer=by_factors)
    assert [t.weight for t in by_name.terms] == [t.weight for t in given_factors.terms]


BOWLS = PolynomialLandscape([{(2,): 1, (1,): -1}, {(3,): Fraction(1, 3), (1,): 2, (0,): 1}])


@pytest.mark.parametrize(
    "text",
    [
        "inverse:gamma=1/2",
        "MultiStepLR:milestones=1,3,gamma=1/2",
        "LinearLR:total_iters=3",
        "CyclicLR:peak=3,step_size_up=2",
        "OneCycleLR:anneal_strategy=linear,pct_start=1/2",
        "LinearLR:total_iters=2 until=2 then inverse",
        "ConstantLR:total_iters=2 times ExponentialLR:gamma=1/3",
        "inverse:every=2",
    ],
)
def test_schedules_against_training_itself(text):
    training = Training(Epochs(N=2, B=1, E=2), Momentum(beta="1/2", schedule=text))
    found = expand(
        "training-loss", order=3, sampling=training.sampling, optimizer=training.optimizer
    )
    wanted = exact_training(BOWLS, training, observable="training-loss", order=3)
    assert list(found.evaluate(BOWLS.statistics(3), eta=1).orders) == list(wanted)


@pytest.mark.parametrize("name", SPOKEN_SCHEDULES)
def test_every_name_says_what_it_takes(name):
    with pytest.raises(RequestError, match=f"^expected {name} with .*=|^expected {name}:"):
        named_schedule(f"{name}:nonsense=1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("StepLr2", "did you mean StepLR?"),
        ("cosin", "did you mean cosine?"),
        ("Cosine_Anealing_LR:T_max=3", "did you mean CosineAnnealingLR?"),
        ("nonsense", "file:PATH; got schedule='nonsense'"),
        ("ReduceLROnPlateau", "depends on the run itself"),
        ("LambdaLR", "is a function: give its factors"),
        ("SequentialLR", "A until=N then B"),
        ("CosineAnnealingLR:T_max=3,eta_min=0.1", "with T_max=..., floor=..."),
        ("CosineAnnealingLR:T_max=3,eta_min=0.1", "give floor, which is eta_min over"),
        ("CyclicLR:max_lr=0.1", "give peak, which is max_lr over base_lr"),
        ("StepLR:step_size=3,every=0", "expected a whole number >= 1 for every"),
        ("cosine until=x then cosine", "expected a whole number of updates, got 'x'"),
        ("cosine until=3 then cosine until=2 then cosine", "milestones in order"),
        ("OneCycleLR:three_phase=perhaps", "expected true or false"),
        ("OneCycleLR:pct_start=2", "expected a number in (0, 1] for rise"),
        ("CyclicLR:peak=2,mode=saw", "expected mode to be one of"),
        ("MultiStepLR:milestones=2,x", "expected a rational number for milestones"),
        ("inverse:power=0", "expected a number in (0, 100] for power"),
        ("PolynomialLR:power=101", "expected a number in (0, 100] for power"),
        ("inverse:t0=-1", "expected a number > 0 for t0"),
        ("inverse:gamma=-1", "expected a number >= 0 for gamma"),
        ("piecewise-constant:boundaries=1,2,scales=3", "expected 3 values for 2 boundaries"),
    ],
)
def test_what_cannot_be_meant(text, message):
    with pytest.raises((RequestError, SamplingError)) as error:
        named_schedule(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
