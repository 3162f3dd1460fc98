"""The labels of nodes: what a tensor is a derivative of."""

from __future__ import annotations

import re
from typing import Literal

__all__ = [
    "GROUP_DECAY",
    "L2",
    "LOSS",
    "NOISE_ALSO",
    "PENALISED",
    "TRAINING",
    "UPDATE",
    "WEIGHTS",
    "Basis",
    "Coefficients",
    "EtaStyle",
    "NoiseModel",
    "RootRole",
    "SetRole",
    "Sharing",
    "TooLong",
    "Unit",
    "is_function",
]


RootRole = Literal["population", "training"]


#: What is averaged over: training sets, or the orders of a given one.
SetRole = Literal["population", "training-set"]


#: A step that training repeats: an update, or an epoch of several.
Unit = Literal["update", "epoch"]


Basis = Literal["moment", "cumulant"]


#: Which updates share a row: none with another, those with equal batches, all, or as a schedule says.
Sharing = Literal["none", "equal-batches", "all", "scheduled"]


#: What noise a datapoint has at its visits: the same at all, fresh at each, or fresh and added to its
#: gradient independent of datapoint and weights, with any cumulants or with a covariance alone.
NoiseModel = Literal["same", "fresh", "additive", "gaussian"]
#: Other words for them.
NOISE_ALSO: dict[str, NoiseModel] = {
    "augmentation": "fresh",
    "dropout": "fresh",
    "label-noise": "fresh",
    "sgld": "gaussian",
    "dp-sgd": "gaussian",
}


EtaStyle = Literal["scalar", "tensor"]


Coefficients = Literal["factored", "expanded", "binomial"]


#: What becomes of weights that nobody would read: an error, or a few words in their place.
TooLong = Literal["refuse", "describe", "write"]


#: The loss of a datapoint, or its mean.
LOSS = "loss"
#: The loss of an update with an L2 penalty (weight decay); its tensors carry a tilde.
PENALISED = "penalised-loss"
#: The loss of an update to which a penalty is added, until it is written out; no function of a user
#: has this name.
UPDATE = "U"
#: Half the squared length of the weights: what decoupled weight decay pulls along the gradient of.
L2 = "L2"
#: The same with a strength for every weight: weight decay per group of parameters.
GROUP_DECAY = "decay"
#: At the root only: the mean loss of the training set, and a coordinate of the displacement.
TRAINING = "training-loss"
WEIGHTS = "weights"

_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,60}")
# Letters that formulas use for tensors of the loss.
_TENSORS = re.compile(r"[GHJKCSMVUl]|D[0-9]+|eta|kappa|varkappa")


def is_function(label: object) -> bool:
    """Tell whether a label may name a user's function.

    Examples
    --------
    >>> is_function("other-task"), is_function("loss"), is_function("G"), is_function("2")
    (True, False, False, False)
    """
    known = (LOSS, PENALISED, TRAINING, WEIGHTS)
    if not isinstance(label, str):
        return False
    return bool(_LABEL.fullmatch(label)) and label not in known and not _TENSORS.fullmatch(label)
