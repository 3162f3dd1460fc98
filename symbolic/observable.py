"""Observables: what stands at the root of the diagrams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sgdiagrams.symbolic.sampling import RootRole, check_choice

if TYPE_CHECKING:
    from sgdiagrams.diagrams.enumeration import RootMode

__all__ = ["GAP", "OBSERVABLES", "TEST_LOSS", "TRAINING_LOSS", "Observable", "observable"]


@dataclass(frozen=True, slots=True)
class Observable:
    r"""A function of the final weights whose expectation is expanded.

    Attributes
    ----------
    name
        The name on the command line and in files.
    latex
        The left side of the formula: the expectation at the end of training.
    text
        The same for the terminal.
    parts
        Pairs (sign, role of the root): the observable is the signed sum of losses, each at the root as
        the population's (test) loss or as the training set's.
    """

    name: str
    latex: str
    text: str
    parts: tuple[tuple[int, RootRole], ...]


TEST_LOSS = Observable(
    "test-loss", r"\mathbb{E}\,\ell(\theta_T)", "E[test loss]", ((1, "population"),)
)
TRAINING_LOSS = Observable(
    "training-loss",
    r"\mathbb{E}\,\hat{\ell}(\theta_T)",
    "E[training loss]",
    ((1, "training"),),
)
GAP = Observable(
    "generalisation-gap",
    r"\mathbb{E}\bigl[\ell(\theta_T) - \hat{\ell}(\theta_T)\bigr]",
    "E[test loss - training loss]",
    ((1, "population"), (-1, "training")),
)

OBSERVABLES = {o.name: o for o in (TEST_LOSS, TRAINING_LOSS, GAP)}


def observable(which: str | Observable) -> Observable:
    """Return an observable by its name, or the observable itself.

    Raises
    ------
    RequestError
        When the name is unknown.

    Examples
    --------
    >>> observable("generalisation-gap").parts
    ((1, 'population'), (-1, 'training'))
    """
    if isinstance(which, Observable):
        return which
    check_choice("observable", which, tuple(OBSERVABLES))
    return OBSERVABLES[which]


def root_mode(role: RootRole) -> RootMode:
    """Return how diagrams are enumerated for a role of the root."""
    return "isolated" if role == "population" else "in-partition"
