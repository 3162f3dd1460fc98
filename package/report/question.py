"""What a report is about: an observable, an order, a way to train, and a basis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, final

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.names import named_optimizer, named_sampling
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from sgdiagrams.symbolic.expansion import Expansion
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.resummed import ResummedExpansion
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = ["Question"]

#: A page of more diagrams is no page: order 5 has 1,000 of them.
_MOST = 4


@final
@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes
    ----------
    observable, training
        What is expanded, and how training is done.
    order
        The highest order, up to 4.
    basis
        Of the plain expansion.

    Examples
    --------
    >>> Question.of("gap", order=2, sampling="epochs").words["observable"]
    'generalisation-gap'
    """

    observable: Observable
    training: Training
    order: int
    basis: Basis

    @classmethod
    def of(
        cls,
        observable: Any = "test-loss",
        *,
        order: int,
        sampling: Any = "one-pass",
        optimizer: Any = "sgd",
        basis: Any = None,
    ) -> Self:
        """Return the question that names or objects ask.

        Raises
        ------
        RequestError, SamplingError
            As from `sgdiagrams.expand`; and when the order is not 0 to 4.
        """
        if not is_whole(order, least=0, most=_MOST):
            raise RequestError(
                f"expected an order from 0 to {_MOST} for a report, whose page shows every diagram, got "
                f"order={shown(order)}; 'sgdiagrams list' and 'expand' have no such end"
            )
        training = Training(named_sampling(sampling), named_optimizer(optimizer))
        return cls(
            named_observable(observable),
            training,
            int(order),
            training.sampling.check_basis(basis),
        )

    def expansion(self) -> Expansion:
        """Return the plain expansion."""
        expansion: Expansion = expand(
            self.observable,
            order=self.order,
            sampling=self.training.sampling,
            optimizer=self.training.optimizer,
            basis=self.basis,
        )
        return expansion

    def resummed_expansion(self) -> ResummedExpansion:
        """Return the re-summed expansion.

        Raises
        ------
        RequestError
            When there is none.
        """
        return expand(
            self.observable,
            order=self.order,
            sampling=self.training.sampling,
            optimizer=self.training.optimizer,
            resummed=True,
        )

    @property
    def words(self) -> dict[str, Any]:
        """The question in words, by what is asked."""
        scheme = self.training.sampling
        words = {
            "observable": self.observable.name,
            "order": self.order,
            "sampling": scheme.label,
            "optimizer": self.training.optimizer.label,
            "basis": self.basis,
        }
        return words | ({"assumption": scheme.assumption} if scheme.assumption else {})
