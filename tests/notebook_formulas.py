"""Formulas of every kind that notebooks show, one or more of each layout."""

from sgdiagrams import (
    Contraction,
    Diagram,
    FullBatch,
    OnePass,
    Training,
    expand,
    imitate,
    known_result,
    modified_equation,
    modified_loss,
)
from sgdiagrams.symbolic import Expression, symbols

EXPANSIONS = (
    ("test-loss", 5, {"sampling": "one-pass"}),
    ("generalisation-gap", 3, {"sampling": "epochs"}),
    ("second-moment", 3, {"sampling": "reshuffled-epochs", "basis": "cumulant"}),
    ("displacement", 3, {"sampling": "with-replacement", "optimizer": "momentum"}),
    ("covariance", 2, {"sampling": "epochs", "visits": "fresh"}),
    ("test-loss", 2, {"sampling": "fresh-data", "visits": "gaussian"}),
    ("test-loss", 3, {"sampling": "sde"}),
    ("test-loss", 2, {"sampling": "poisson"}),
    ("training-loss", 3, {"sampling": "with-replacement", "resummed": True}),
    ("displacement", 3, {"sampling": "one-pass", "resummed": True, "optimizer": "nesterov"}),
    ("displacement", 2, {"sampling": "subsets", "resummed": True, "role": "training-set"}),
)
RESULTS = ("takeuchi", "polyak-ruppert", "label-noise", "helix-velocity", "gauss-bias")
CONTRACTIONS = ("(0-1-2)(02-12)", "(01-2-3)(02-13-23)", "(01-2)(01-12)")


def formulas():
    """Yield names and nouns."""
    for observable, order, options in EXPANSIONS:
        words = f"{observable} {order} {options}"
        made = expand(observable, order=order, **options)
        yield words, made
        yield f"the last term of {words}", made.terms[-1]
    long = expand("displacement", order=3, sampling="one-pass", resummed=True)
    for form in ("continuous", "stationary", "small-eta"):
        yield form, long.with_form(form, flat=("a",))
        yield f"{form} at a minimum", long.at_minimum().with_form(form)
    for noise, sampling in ((2, "epochs"), (1, "one-pass")):
        path = expand("training-loss", noise=noise, sampling=sampling, along_path=True)
        yield f"noise {noise} {sampling}", path
    for optimizer in ("sgd", "momentum"):
        yield optimizer, modified_equation(4, sampling="one-pass", optimizer=optimizer)
    equation = modified_equation(2, sampling="one-pass")
    yield "drift", equation.drift(2)
    yield "loss", modified_loss(2, sampling="one-pass")
    yield "imitation", imitate(Training(OnePass()), Training(FullBatch(N=symbols.T)), order=2)
    for name in RESULTS:
        yield name, known_result(name)
    for text in CONTRACTIONS:
        for basis in ("moment", "cumulant"):
            yield f"{text} {basis}", Contraction.from_diagram(Diagram.parse(text), basis=basis)
    expression = Expression.parse("C_aa")
    yield "expression", expression.gradient()
    yield "estimator", expression.estimator()
