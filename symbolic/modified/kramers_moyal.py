"""What machinery sees of a modified equation: its tensors, of every number of legs, by powers of eta."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.modified.generators import is_for_all_steps, repetition_of
from sgdiagrams.symbolic.modified.operators import ACTED_ON, tensor_of_rank

if TYPE_CHECKING:
    from sgdiagrams.symbolic.modified.operators import OperatorSeries
    from sgdiagrams.symbolic.training.training import Training
    from sgdiagrams.symbolic.vocabulary import SetRole, Unit

__all__ = ["KramersMoyal"]


class KramersMoyal(ABC):  # noqa: B024 - fields of the class above take the place of what is declared
    """The generator of training as tensors: a base without fields, for writers and readers.

    `sgdiagrams.symbolic.modified.equation.ModifiedEquation` describes the attributes.
    """

    __slots__ = ()

    # Declared for type checkers alone: fields of dataclasses take their place.
    if TYPE_CHECKING:

        @property
        def order(self) -> int:
            """The highest power of eta."""

        @property
        def training(self) -> Training:
            """Sampling and optimiser."""

        @property
        def role(self) -> SetRole:
            """What values are averages over."""

        @property
        def per(self) -> Unit:
            """The unit of time."""

        @property
        def basis(self) -> str:
            """The basis of the contractions."""

        @property
        def operators(self) -> OperatorSeries:
            """The generator, by powers of eta."""

        @property
        def shifts(self) -> OperatorSeries:
            """The shift, by powers of eta."""

    def operator(self, k: int) -> Expression:
        """Return the part of the generator at order `k` of eta.

        Raises
        ------
        RequestError
            When the equation does not go to that order.
        """
        self._check_order(k)
        return self.operators[k]

    def shift(self, k: int) -> Expression:
        """Return the part of the shift at order `k` of eta; for order 0 the function itself."""
        self._check_order(k, least=0)
        return self.shifts[k]

    def tensor(self, m: int, k: int) -> Expression:
        """Return the Kramers-Moyal tensor with `m` legs at order `k` of eta, symmetric.

        Raises
        ------
        RequestError
            When the equation does not go to that order, or `m` is no whole number from 1 on.
        """
        self._check_order(k)
        if not is_whole(m, least=1):
            raise RequestError(f"expected a whole number of legs, 1 or more, got m={shown(m)}")
        return tensor_of_rank(self.operators[k], m)

    def drift(self, k: int) -> Expression:
        """Return the drift at order `k` of eta, a vector."""
        return self.tensor(1, k)

    def diffusion(self, k: int) -> Expression:
        """Return the diffusion matrix at order `k` of eta."""
        return self.tensor(2, k)

    def total(self, m: int) -> Expression:
        """Return the tensor with `m` legs to all orders, powers of eta in the coefficients."""
        parts = (self.tensor(m, k) * symbols.eta**k for k in range(1, self.order + 1))
        return sum(parts, Expression((), m))

    @property
    def ranks(self) -> tuple[int, ...]:
        """The numbers of legs of the tensors that are not zero."""
        contractions = (k for part in self.operators for k in part.contractions)
        return tuple(sorted({k.legs[k.labels.index(ACTED_ON)] for k in contractions}))

    @property
    def is_stationary(self) -> bool:
        """Whether it is that of all steps; with a schedule it is that of the last one, by number."""
        return is_for_all_steps(self.training, repetition_of(self.training, self.role))

    @property
    def has_shift(self) -> bool:
        """Whether a transient leaves a shift."""
        return self.is_stationary and any(not part.is_zero for part in self.shifts[1:])

    def _check_order(self, k: object, *, least: int = 1) -> None:
        if not is_whole(k, least=least, most=self.order):
            raise RequestError(
                f"expected an order {least}..{self.order} of this equation, got k={shown(k)}"
            )
