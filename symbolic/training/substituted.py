"""A sampling scheme whose symbols have been replaced: what its numbers must obey all the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, final

from sympy import Symbol

from sgdiagrams.symbolic.weights.substitution import value_at

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from sympy import Expr

    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["SubstitutedSampling"]


@final
@dataclass(frozen=True, slots=True)
class SubstitutedSampling:
    """A scheme with weights, rational functions of other symbols, in place of its free symbols.

    It counts nothing; it remembers which numbers are possible.

    Parameters
    ----------
    sampling
        The scheme as it was expanded.
    values
        Its free symbols by name, in its order, each with what stands in its place.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from sgdiagrams.symbolic.symbols import B, N
    >>> from sgdiagrams.symbolic.training.schemes.epochs import Epochs
    >>> full = SubstitutedSampling.of(Epochs()).replaced({B: N})
    >>> full.symbols, full.at({"N": Fraction(8), "E": Fraction(3)}).label
    (('N', 'E'), 'full-batch N=8 B=8 E=3')
    """

    sampling: Sampling
    values: tuple[tuple[str, Expr], ...]

    @classmethod
    def of(cls, sampling: Sampling) -> Self:
        """Return a scheme whose symbols stand for themselves."""
        own = {
            str(s): s
            for value in sampling.values.values()
            for s in sorted(value.free_symbols, key=str)
        }
        return cls(sampling, tuple((name, own[name]) for name in sampling.symbols))

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the symbols that are still to be given a number."""
        names = (str(s) for _, value in self.values for s in sorted(value.free_symbols, key=str))
        return tuple(dict.fromkeys(names))

    @property
    def updates(self) -> Expr:
        """The number of updates."""
        return self.sampling.updates.xreplace({Symbol(name): v for name, v in self.values})

    def replaced(self, table: Mapping[Symbol, Expr]) -> Self:
        """Return the scheme after one substitution more.

        Raises
        ------
        SamplingError
            When a number is impossible, whatever the others will be.
        """
        values = tuple((name, value.xreplace(dict(table))) for name, value in self.values)
        self.sampling.put(**{name: value for name, value in values if value.is_number})
        return type(self)(self.sampling, values)

    def at(self, numbers: Mapping[str, Fraction]) -> Sampling:
        """Return the scheme with numbers for all symbols.

        Raises
        ------
        SamplingError
            When they are impossible for it.
        """
        return self.sampling.put(**{name: value_at(value, numbers) for name, value in self.values})
