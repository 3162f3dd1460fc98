r"""One update of an optimiser with linear memory, as numbers: what counting and simulating both run.

The state z is a row of vectors like the weights, all of them zero at the start. An update reads the
gradient at one point, carries the state on, and says where the weights are then:

.. math:: g = \nabla l_{\mathrm{batch}}(\theta_0 + r \cdot z), \qquad z \leftarrow A z - \eta\, b\, g,
    \qquad \theta = \theta_0 + c \cdot z.

Every run of this form rests without gradients. The same numbers say what an edge between two updates of
a diagram is worth: the update at s < t moves the point where gradient t is read by
:math:`K(s, t) = r_t A_{t-1} \cdots A_{s+1} b_s` times itself.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LinearMemory", "LinearRow", "LinearUpdate", "WeightPull", "following_the_weights"]

#: Fractions, or floats for simulations in floating point.
LinearRow: TypeAlias = tuple[Any, ...]


class WeightPull(NamedTuple):
    r"""Weight decay that goes past the gradient.

    .. math:: z \leftarrow \dots - \eta\, d\, \lambda\, (\theta_0 + p \cdot z)

    with z on the right as it is before the update.

    Attributes
    ----------
    read
        p: the point that is pulled.
    inject
        d: where the pull enters.
    """

    read: LinearRow
    inject: LinearRow


class LinearUpdate(NamedTuple):
    """What one update does to a state of M vectors.

    Attributes
    ----------
    read
        r: where the gradient is read, M numbers.
    inject
        b: what a gradient makes of the state.
    step
        A: what becomes of the state before, by rows.
    readout
        c: where the weights are after the update.
    pull
        Decoupled weight decay; None without it.
    """

    read: LinearRow
    inject: LinearRow
    step: tuple[LinearRow, ...]
    readout: LinearRow
    pull: WeightPull | None = None

    @property
    def states(self) -> int:
        """The number M of vectors."""
        return len(self.inject)

    def as_floats(self) -> LinearUpdate:
        """Return the update in floating point.

        Examples
        --------
        >>> half = Fraction(1, 2)
        >>> following_the_weights((half,), ((Fraction(1),),)).as_floats().inject
        (0.5,)
        """
        return LinearUpdate(
            _floats(self.read),
            _floats(self.inject),
            tuple(map(_floats, self.step)),
            _floats(self.readout),
            None if self.pull is None else WeightPull(*map(_floats, self.pull)),
        )


def _floats(row: LinearRow) -> LinearRow:
    return tuple(map(float, row))


class LinearMemory(Protocol):
    """What propagation asks of an optimiser."""

    def linear_updates(self, T: int) -> tuple[LinearUpdate, ...]:
        """Return what each of T updates does; updates that are alike are one object."""

    def iterate_weights(self, T: int) -> tuple[Fraction, ...] | None:
        """Return the weights of the iterates after 1, ..., T updates; None for the last alone."""


def following_the_weights(inject: Iterable[Fraction], step: Iterable[LinearRow]) -> LinearUpdate:
    """Return an update whose first vector is the weights, which gradients are read at.

    Examples
    --------
    >>> one = Fraction(1)
    >>> following_the_weights((one,), ((one,),)).readout
    (Fraction(1, 1),)
    """
    injected = tuple(inject)
    first = (Fraction(1), *(Fraction(0),) * (len(injected) - 1))
    return LinearUpdate(first, injected, tuple(step), first)
