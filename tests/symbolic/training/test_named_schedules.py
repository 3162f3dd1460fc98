"""Schedules by name against the libraries they are named for, update by update."""

import contextlib
import warnings
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import relaxed

from sgdiagrams.diagrams import SamplingError, SgdiagramsError
from sgdiagrams.symbolic.training.schedules.combined import SlowedSchedule
from sgdiagrams.symbolic.training.schedules.named_schedules import as_schedule, named_schedule
from sgdiagrams.symbolic.training.schedules.spoken_schedules import SPOKEN_SCHEDULES

RATE = 0.1


def factors(text, T):
    return [float(a) for a in named_schedule(text).multipliers(T)]


# PyTorch ------------------------------------------------------------------------------------------

torch = pytest.importorskip("torch")
schedulers = torch.optim.lr_scheduler


def rates(make, T, rate=RATE):
    """Return the learning rates of T updates under a scheduler, as PyTorch makes them."""
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=rate, momentum=0.9)
    scheduler = make(optimizer)
    seen = []
    for t in range(T):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if t < T - 1:
            scheduler.step()
    return seen


def sequential(optimizer):
    warm = schedulers.LinearLR(optimizer, total_iters=3)
    fall = schedulers.CosineAnnealingLR(optimizer, T_max=4)
    steps = schedulers.StepLR(optimizer, step_size=2, gamma=0.5)
    return schedulers.SequentialLR(optimizer, [warm, fall, steps], milestones=[3, 8])


def chained(optimizer):
    first = schedulers.ConstantLR(optimizer, factor=0.5, total_iters=4)
    return schedulers.ChainedScheduler(
        [first, schedulers.ExponentialLR(optimizer, gamma=0.9)], optimizer
    )


OF_TORCH = {
    "StepLR:step_size=3": lambda o: schedulers.StepLR(o, 3),
    "steplr:step_size=2,gamma=0.5": lambda o: schedulers.StepLR(o, 2, gamma=0.5),
    "MultiStepLR:milestones=2,5,5,9,gamma=0.5": lambda o: schedulers.MultiStepLR(
        o, [2, 5, 5, 9], gamma=0.5
    ),
    "MultiStepLR:gamma=0.2,milestones=0,4": lambda o: schedulers.MultiStepLR(o, [0, 4], gamma=0.2),
    "ConstantLR": schedulers.ConstantLR,
    "ConstantLR:factor=0.25,total_iters=2": lambda o: schedulers.ConstantLR(o, 0.25, 2),
    "LinearLR": schedulers.LinearLR,
    "LinearLR:start_factor=0.5,end_factor=0.2,total_iters=7": lambda o: schedulers.LinearLR(
        o, 0.5, 0.2, 7
    ),
    "ExponentialLR:gamma=0.9": lambda o: schedulers.ExponentialLR(o, 0.9),
    "PolynomialLR": schedulers.PolynomialLR,
    "PolynomialLR:total_iters=8,power=2.5": lambda o: schedulers.PolynomialLR(o, 8, 2.5),
    "CosineAnnealingLR:T_max=5": lambda o: schedulers.CosineAnnealingLR(o, 5),
    "CosineAnnealingLR:T_max=4,floor=0.2": lambda o: schedulers.CosineAnnealingLR(o, 4, 0.02),
    "CosineAnnealingWarmRestarts:T_0=3": lambda o: schedulers.CosineAnnealingWarmRestarts(o, 3),
    "CosineAnnealingWarmRestarts:T_0=2,T_mult=2,floor=0.1": (
        lambda o: schedulers.CosineAnnealingWarmRestarts(o, 2, 2, 0.01)
    ),
    "CyclicLR:peak=5,step_size_up=3": lambda o: schedulers.CyclicLR(o, RATE, 5 * RATE, 3),
    "CyclicLR:peak=5,step_size_up=2,step_size_down=3,mode=triangular2": (
        lambda o: schedulers.CyclicLR(o, RATE, 5 * RATE, 2, 3, mode="triangular2")
    ),
    "CyclicLR:peak=5,step_size_up=2,mode=exp_range,gamma=0.9": (
        lambda o: schedulers.CyclicLR(o, RATE, 5 * RATE, 2, mode="exp_range", gamma=0.9)
    ),
    "OneCycleLR:total_steps=14": lambda o: schedulers.OneCycleLR(o, RATE, 14),
    "OneCycleLR:total_steps=17,pct_start=0.4,anneal_strategy=linear,div_factor=10": (
        lambda o: schedulers.OneCycleLR(o, RATE, 17, None, None, 0.4, "linear", div_factor=10)
    ),
    "OneCycleLR:total_steps=15,three_phase=true,final_div_factor=100": (
        lambda o: schedulers.OneCycleLR(o, RATE, 15, three_phase=True, final_div_factor=100)
    ),
    "LinearLR:total_iters=3 until=3 then CosineAnnealingLR:T_max=4 until=8 then "
    "StepLR:step_size=2,gamma=0.5": sequential,
    "ConstantLR:factor=0.5,total_iters=4 times ExponentialLR:gamma=0.9": chained,
}


@pytest.mark.parametrize("text", OF_TORCH)
def test_schedulers_of_torch(text):
    T = 14
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = [rate / RATE for rate in rates(OF_TORCH[text], T)]
    assert factors(text, T) == pytest.approx(wanted, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("text", ["StepLR:step_size=1,gamma=0.5", "CosineAnnealingLR:T_max=3"])
def test_a_step_once_an_epoch(text):
    slow = f"{text},every=3"
    assert factors(slow, 8) == [a for a in factors(text, 3) for _ in range(3)][:8]
    assert isinstance(named_schedule(slow), SlowedSchedule)


def test_the_last_part_of_one_cycle_is_the_last_update():
    assert named_schedule("OneCycleLR").multipliers(9)[-1] == Fraction(1, 250_000)
    with pytest.raises(SamplingError, match="at most total=4 updates"):
        named_schedule("OneCycleLR:total_steps=4").multipliers(5)


# optax and scikit-learn ---------------------------------------------------------------------------

OF_OPTAX = {
    "constant": lambda o: o.constant_schedule(1.0),
    "exponential_decay:transition_steps=3,decay_rate=0.5": lambda o: o.exponential_decay(1, 3, 0.5),
    "exponential_decay:transition_steps=3,decay_rate=0.5,staircase=true": (
        lambda o: o.exponential_decay(1, 3, 0.5, staircase=True)
    ),
    "cosine_decay_schedule:decay_steps=6,alpha=0.1": lambda o: o.cosine_decay_schedule(1, 6, 0.1),
    "warmup_cosine_decay:warmup_steps=3,decay_steps=9,init=0.2,end=0.1": (
        lambda o: o.warmup_cosine_decay_schedule(0.2, 1, 3, 9, 0.1)
    ),
    "piecewise_constant:boundaries=2,5,scales=0.5,0.1": (
        lambda o: o.piecewise_constant_schedule(1, {2: 0.5, 5: 0.1})
    ),
}


@pytest.mark.parametrize("text", OF_OPTAX)
def test_schedules_of_optax(text):
    optax = pytest.importorskip("optax")
    theirs = OF_OPTAX[text](optax)
    wanted = [float(theirs(t)) for t in range(11)]
    assert factors(text, 11) == pytest.approx(wanted, rel=1e-5, abs=1e-7)  # JAX's single precision


@pytest.mark.parametrize(
    ("rule", "text", "first"),
    [
        ("constant", "constant", 0.01),
        ("invscaling", "invscaling", 0.01),
        ("invscaling", "inverse:power=0.25", 0.01),
        ("optimal", "optimal:alpha=0.1", 0.1**-0.25),
    ],
)
def test_rates_of_scikit_learn(rule, text, first):
    """A model of one weight on datapoints 1, 2, ...: each moves it by its rate."""
    linear = pytest.importorskip("sklearn.linear_model")
    model = linear.SGDRegressor(
        learning_rate=rule, eta0=0.01, alpha=0.1, penalty="l2", fit_intercept=False, shuffle=False
    )
    x, y = [0.3, -0.2, 0.5, 0.1, 0.4], [1.0, 2.0, -1.0, 0.5, 3.0]
    weight = 0.0
    for rate, a, b in zip(factors(text, 5), x, y, strict=True):
        weight -= first * rate * ((weight * a - b) * a + 0.1 * weight)
        model.partial_fit([[a]], [b])
    assert model.coef_[0] == pytest.approx(weight, rel=1e-12)


@given(st.sampled_from(list(OF_TORCH)), st.integers(0, 12))
@relaxed
def test_a_schedule_does_not_depend_on_the_end(text, T):
    assert factors(text, T) == factors(text, 13)[:T]


@pytest.mark.parametrize("name", SPOKEN_SCHEDULES)
def test_what_is_missing_is_an_error_of_one_line(name):
    """Every name with one of its entries, and with none."""
    for entries in ("", *(f":{key}=2" for key in SPOKEN_SCHEDULES[name].numbers)):
        with contextlib.suppress(SgdiagramsError):
            as_schedule(name + entries)
