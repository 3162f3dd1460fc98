"""The JSON Schemas that are installed describe what is written, and refuse what readers refuse."""

import json
from importlib import resources

import pytest
from command_line import good
from fuzzing.corpus import EXPANSIONS, GRIDS, MODIFIED, PATHS, RESUMMED, corpus
from jsonschema import Draft202012Validator
from strategies import places

from sgdiagrams import (
    SDE,
    SGD,
    ChangingMomentum,
    Cosine,
    Delayed,
    Epochs,
    EveryKthAverage,
    Expansion,
    Exponential,
    ExponentialAverage,
    FullBatch,
    GradientDescent,
    GradientFlow,
    Grid,
    Imitation,
    LookAhead,
    ModifiedEquation,
    ModifiedLoss,
    Momentum,
    Nesterov,
    OnePass,
    PathExpansion,
    Polynomial,
    QuasiHyperbolic,
    ResummedExpansion,
    ScheduleFree,
    SgdiagramsError,
    Step,
    TailAverage,
    WarmUp,
    WeightedAverage,
    WithReplacement,
    expand,
    symbols,
)

KINDS = {
    **dict.fromkeys(EXPANSIONS, "expansion"),
    **dict.fromkeys(RESUMMED, "resummed-expansion"),
    **dict.fromkeys(PATHS, "path-expansion"),
    **dict(zip(MODIFIED, ("modified-equation", "modified-loss", "imitation"), strict=True)),
    **dict.fromkeys(("exact.json", "weighted.json"), "statistics"),
    **dict.fromkeys(GRIDS, "grid"),
    "check.json": "simulation",
    "values.json": "values",
}


def validator(kind):
    text = (resources.files("sgdiagrams") / "schemas" / f"{kind}.json").read_text()
    schema = json.loads(text)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("name", KINDS)
def test_what_is_written_fits(name):
    validator(KINDS[name]).validate(json.loads(corpus()[name]))


OPTIMIZERS = [
    Momentum(),
    Nesterov(beta="1/3", schedule_scales="gradient", schedule=[1, 0.5, 0.25]),
    SGD(weight_decay=0.1, schedule=Cosine(0.1), average=TailAverage(2)),
    SGD(schedule=WarmUp(2, Step(every=1)), average=ExponentialAverage(0.9)),
    Momentum(schedule=Exponential(), average=TailAverage()),
    SGD(schedule=Polynomial()),
    SGD(schedule="CosineAnnealingLR:T_max=3 until=2 then CyclicLR:peak=2,step_size_up=1"),
    SGD(schedule="OneCycleLR times inverse:power=1/2 times LinearLR"),
    SGD(schedule="MultiStepLR:milestones=1,2,every=2 times cosine:over=3"),
    Momentum(dampening="1/3", average=WeightedAverage([1, "-1/2", 0])),
    QuasiHyperbolic(average=EveryKthAverage(start=1, every=2)),
    LookAhead(k=2, alpha=0.5, inner=Nesterov(), looks_at="fast"),
    Delayed(d=1, average=ExponentialAverage(0.9, first="copied")),
    ScheduleFree(r=1, weight_decay=0.1),
    ChangingMomentum(betas=[0, 0.5, 0.25], nesterov=True),
]
SAMPLINGS = [
    OnePass(),
    OnePass(T=3),
    OnePass(B=symbols.B),
    Epochs(),
    Epochs(shuffle="every-epoch"),
    WithReplacement(B=1),
    FullBatch(),
    GradientDescent(),
    GradientFlow(),
    GradientFlow(T="7/3", order=3),
    SDE(order=2),
    Grid([[0], [1], [0, 1]]),
]


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=repr)
def test_all_nouns_fit(sampling):
    plain, resummed = validator("expansion"), validator("resummed-expansion")
    fitted = 0
    for optimizer in ["sgd", *OPTIMIZERS]:
        for observable in ("displacement", "function:norm", "expression:eta |G|^2 - N l"):
            for door in (plain, resummed):
                options = {"resummed": door is resummed, "optimizer": optimizer}
                try:
                    found = expand(observable, order=2, sampling=sampling, **options)
                except SgdiagramsError:
                    continue
                door.validate(json.loads(found.to_json()))
                assert type(found).from_json(found.to_json()) == found
                fitted += 1
                if door is plain and found.symbols:
                    changed = found.subs({found.symbols[0]: "steps"}) * 3 - found
                    door.validate(json.loads(changed.to_json()))
                    assert Expansion.from_json(changed.to_json()) == changed
        if not sampling.is_continuous:
            options = {"noise": 1, "along_path": True, "optimizer": optimizer}
            along = expand("covariance", sampling=sampling, **options)
            validator("path-expansion").validate(json.loads(along.to_json()))
            assert PathExpansion.from_json(along.to_json()) == along
    assert fitted >= 2


READERS = {
    "expansion": Expansion,
    "resummed-expansion": ResummedExpansion,
    "path-expansion": PathExpansion,
    "modified-equation": ModifiedEquation,
    "modified-loss": ModifiedLoss,
    "imitation": Imitation,
}


@pytest.mark.parametrize("name", EXPANSIONS[:2] + RESUMMED[:1] + PATHS[:1] + MODIFIED)
def test_more_entries_fit_neither_schema_nor_reader(name):
    kind = READERS[KINDS[name]]
    check = validator(KINDS[name])
    for path in places(json.loads(corpus()[name])):
        data = json.loads(corpus()[name])
        home = data
        for key in path:
            home = home[key]
        if not isinstance(home, dict) or path[-1:] in (("powers",), ("exponent",)):
            continue
        home["more"] = 1
        assert not check.is_valid(data)
        with pytest.raises(SgdiagramsError):
            kind.from_json(json.dumps(data))


def test_output_of_commands_is_json():
    data = json.loads(good("judge", "--landscape", "gauss", "--set", "eta=0.1", "--set", "T=3",
                           "--format", "json"))  # fmt: skip
    assert data["recommended"]
