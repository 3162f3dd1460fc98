"""Expansions in the noise along a run: what stays finite however long and fast training is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.messages import how_many
from sgdiagrams.symbolic.formula import check_holder

if TYPE_CHECKING:
    from sgdiagrams.symbolic.formula import Holder, Part, Result
    from sgdiagrams.symbolic.paths.path_terms import PathTerm
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["PathExpansion"]


@final
@dataclass(frozen=True, slots=True, repr=False)
class PathExpansion:
    """An expected observable as a series in the noise, along the run without noise.

    Made by ``expand(..., noise=m, along_path=True)``. Its terms are contractions of joint cumulants of
    derivatives along that run, whatever the learning rate: there is no power of eta to be small.

    Attributes
    ----------
    noise
        The highest order: the number of nodes less that of blocks.
    part
        What is expanded: the observable, the sampling and the optimiser.
    terms
        By noise, then by updates: see `sgdiagrams.symbolic.paths.path_terms`.

    Examples
    --------
    >>> from sgdiagrams.symbolic import expand
    >>> expansion = expand("test-loss", noise=1, along_path=True, sampling="one-pass")
    >>> [(term.noise, term.updates, str(term.weight)) for term in expansion.terms]
    [(0, 0, '1'), (1, 2, '1/2'), (1, 3, '-1/2')]
    """

    noise: int
    part: Part
    terms: tuple[PathTerm, ...]

    @property
    def observable(self) -> str:
        """The name of the observable."""
        return self.part.observable.name

    @property
    def sampling(self) -> Sampling:
        """The sampling scheme."""
        return self.part.training.sampling

    @property
    def optimizer(self) -> Optimizer:
        """The optimiser."""
        return self.part.optimizer

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the numbers that the scheme and the optimiser are still to be given."""
        return self.part.symbols

    @property
    def orders(self) -> tuple[tuple[PathTerm, ...], ...]:
        """The terms of noise 0, 1, ..., `noise`."""
        return tuple(
            tuple(term for term in self.terms if term.noise == k) for k in range(self.noise + 1)
        )

    def evaluate(self, values: Holder[Result], **numbers: Any) -> Result:
        """Return the expansion in numbers: whoever has tensors along the run knows how to contract them.

        Parameters
        ----------
        values
            A holder of tensors along the run, such as `sgdiagrams.numeric.PathTensors`.
        **numbers
            What the holder asks for.
        """
        check_holder(values)
        return values.evaluate(self, **numbers)

    def __repr__(self) -> str:
        return (
            f"<PathExpansion {self.part.observable.text} | {self.part.training.label} | "
            f"noise {self.noise} | {how_many(len(self.terms), 'term')}>"
        )
