"""A sampling scheme and an optimiser together: how training is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Self, final

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.checks import check_updates
from sgdiagrams.symbolic.training.optimizer import Optimizer
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.sampling import Sampling

if TYPE_CHECKING:
    from sympy import Expr

    from sgdiagrams.symbolic.training.dressing import Dressing
    from sgdiagrams.symbolic.training.facts.rounds import Rounds

__all__ = ["Training"]

#: What counting does not need among the numbers of optimisers.
_PENALTIES = ("weight_decay", "decoupled_decay", "strength")


@final
@dataclass(frozen=True, slots=True)
class Training:
    """How training is done: which datapoints are used when, and what the optimiser makes of gradients.

    Parameters
    ----------
    sampling
        Says which datapoints are used when.
    optimizer
        What the gradients are used for; plain SGD when left out.

    Raises
    ------
    RequestError
        When they do not go together: a limit in continuous time is one of steps at a constant rate.

    Examples
    --------
    >>> from sgdiagrams.symbolic.training.optimizers.momentum import Momentum
    >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
    >>> heavy = Training(OnePass(B=2), Momentum())
    >>> heavy.label, heavy.symbols
    ('one-pass B=2, momentum', ('T', 'beta'))
    >>> heavy.at(T=10, beta="9/10").label
    'one-pass T=10 B=2, momentum beta=9/10'
    """

    sampling: Sampling
    optimizer: Optimizer = field(default_factory=SGD)

    def __post_init__(self) -> None:
        if not isinstance(self.sampling, Sampling):
            raise RequestError(
                f"expected a scheme such as OnePass() or Epochs(), got sampling={shown(self.sampling)}"
            )
        if not isinstance(self.optimizer, Optimizer):
            raise RequestError(
                f"expected an optimiser such as SGD() or Momentum(), "
                f"got optimizer={shown(self.optimizer)}"
            )
        # Whose numbers can be used at all is asked here, for classes of a user's own.
        _ = self.sampling.values, self.optimizer.values
        if self.is_continuous and not (self.optimizer.is_plain or self._has_flow):
            raise RequestError(
                "expected SGD, momentum or Nesterov at a constant rate, without average, for "
                f"{self.sampling.name}, a limit of small steps, got optimizer={self.optimizer.label}"
            )

        if self.is_continuous and self.optimizer.decoupled_decay != 0:
            raise RequestError(
                f"expected coupled weight decay for {self.sampling.name}, a limit of small steps, got "
                f"optimizer={self.optimizer.label}; take weight_decay"
            )

    @property
    def _has_flow(self) -> bool:
        """Whether a limit is that of an optimiser with memory: all kernels tend to one constant."""
        optimizer = self.optimizer
        if optimizer.schedule is not None or optimizer.average is not None:
            return False
        kernel = optimizer.kernel
        is_known = kernel is not None and self.sampling.cut is not None
        return is_known and all(mode.power == 0 or mode.base != 1 for mode in kernel or ())

    def check_discrete(self) -> None:
        """Raise a RequestError for a limit in continuous time, which has no updates to count."""
        if self.sampling.is_continuous:
            raise RequestError(
                f"expected a scheme of discrete updates, got {self.sampling.label}, a continuous limit"
            )

    def check_counted_by_number(self) -> None:
        """Raise a SamplingError where a number is missing that counting by number needs."""
        missing = self.needed_symbols
        if missing:
            raise SamplingError(
                f"expected numbers for {', '.join(missing)}: {self.optimizer.label} with "
                f"{self.sampling.label} is counted by number; fix {missing[0]}=... before expanding"
            )

    def check_resummed(self) -> None:
        """Raise a RequestError for what has no re-summed form: some limits, penalties and sums."""
        self.sampling.check_means()
        if self.optimizer.decoupled_decay != 0:
            raise RequestError(
                "expected coupled weight decay for a re-summed expansion, got "
                f"optimizer={self.optimizer.label}; take weight_decay, or the plain expansion"
            )
        if self.optimizer.penalty is not None:
            _ = self.optimizer.penalty.function_name  # says that expressions are for plain ones
        cut = self.sampling.cut
        if cut is not None and (cut.order != 1 or not self.optimizer.is_plain):
            raise RequestError(
                "expected order=1 and plain SGD for a re-summed expansion in continuous time, got "
                f"{self.label}; take the plain expansion"
            )

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the symbols that are still to be given a number."""
        return tuple(dict.fromkeys((*self.sampling.symbols, *self.optimizer.symbols)))

    @property
    def needed_symbols(self) -> tuple[str, ...]:
        """Those that counting needs: all but those of penalties."""
        values = self.optimizer.values
        counted = (values[name] for name in values if name not in _PENALTIES)
        rest = dict.fromkeys(
            str(s) for value in counted for s in sorted(value.free_symbols, key=str)
        )
        return (*self.sampling.symbols, *rest)

    @property
    def label(self) -> str:
        """Both names with the numbers that are fixed; plain SGD is not named."""
        if self.optimizer.is_default:
            return self.sampling.label
        return f"{self.sampling.label}, {self.optimizer.label}"

    @property
    def updates(self) -> Expr:
        """The number of updates T."""
        return self.sampling.updates

    @property
    def is_continuous(self) -> bool:
        """Whether it is a limit in continuous time."""
        return self.sampling.is_continuous

    @property
    def dressing(self) -> Dressing | None:
        """How links dress an edge in closed form: with steps that are alike and a constant optimiser."""
        steps = self.sampling.steps
        return None if steps is None or steps.numbers_below else self.optimizer.dressing

    @property
    def rounds(self) -> Rounds | None:
        """What is drawn at once on a given set, where links dress edges in closed form."""
        dressing, rounds = self.optimizer.dressing, self.sampling.rounds
        has_form = dressing is not None and not dressing.more
        return rounds if rounds is not None and rounds.are_even and has_form else None

    def at(self, /, **numbers: object) -> Self:
        """Return this training with numbers for some of its free symbols.

        Raises
        ------
        SamplingError
            When a number belongs to neither, or is impossible.
        """
        for name, value in numbers.items():
            if name not in self.symbols:
                raise SamplingError(
                    f"expected numbers for {', '.join(self.symbols) or 'no symbol'}, "
                    f"got {name}={shown(value)}"
                )
        own = {name: numbers[name] for name in self.sampling.symbols if name in numbers}
        return type(self)(
            self.sampling.at(**own),  # type: ignore[arg-type]
            self.optimizer.at(**numbers),
        )

    def iterate_weights(self, at: int) -> tuple[Fraction, ...]:
        """Return the weights of the iterates that the observable sees after `at` updates.

        Raises
        ------
        SamplingError
            When the number of updates is not known, or less than `at`.
        """
        missing = self.sampling.symbols
        if missing:
            raise SamplingError(
                f"expected numbers for {', '.join(missing)}: increments are counted by number; "
                f"fix {missing[0]}=... before expanding"
            )
        T = int(self.updates)
        check_updates(T)
        if at > T:
            raise SamplingError(f"expected an increment since one of T={T} updates, got since={at}")
        average = self.optimizer.average
        if average is not None:
            weights = self.optimizer.iterate_weights(at) or ()
        else:
            weights = (Fraction(0),) * (at - 1) + (Fraction(1),) if at else ()
        return weights + (Fraction(0),) * (T - at)
