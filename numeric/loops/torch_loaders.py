"""What a PyTorch data loader draws, as a sampling scheme: its attributes are read, nothing is drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast, final

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.checks import rational
from sgdiagrams.symbolic.training.schemes.epochs import Epochs
from sgdiagrams.symbolic.training.schemes.grid import Grid
from sgdiagrams.symbolic.training.schemes.one_pass import FreshData
from sgdiagrams.symbolic.training.schemes.subsets import Poisson, Subsets
from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["LoaderRounds"]

_RECORD = "record the rows of its batches and give Grid(batches)"
_POISSON = "UniformWithReplacementSampler"  # Opacus's, of batches


@final
@dataclass(frozen=True, slots=True)
class LoaderRounds:
    """What one round through a data loader is.

    Attributes
    ----------
    kind
        ``"reshuffled"``, ``"rows"`` (always the same), ``"drawn"`` (with replacement), ``"poisson"`` or
        ``"fresh"``.
    datapoints
        N, of which rows are drawn.
    drawn
        How many rows a round draws; of Poisson's, batches.
    batch
        Rows in a batch.
    drop_last
        Whether a smaller last batch is left out.
    rows
        The rows in their order, for ``"rows"``.
    chance
        With which a row is drawn, for ``"poisson"``.
    """

    kind: str
    datapoints: int = 0
    drawn: int = 0
    batch: int = 1
    drop_last: bool = False
    rows: tuple[int, ...] = ()
    chance: Fraction = Fraction(1)

    @classmethod
    def of(cls, loader: Any) -> LoaderRounds:
        """Read a data loader.

        Raises
        ------
        RequestError
            When its draws are no scheme that is known; the message names the nearest.
        """
        if loader is None:
            return cls("fresh")
        from torch.utils import data

        if not isinstance(loader, data.DataLoader):
            raise RequestError(
                f"expected a torch.utils.data.DataLoader, got dataloader={shown(loader)}"
            )
        if isinstance(loader.dataset, data.IterableDataset):
            raise RequestError(
                "expected a data set whose rows have numbers, got an IterableDataset; leave the data "
                "loader out for fresh datapoints at every update"
            )
        sampler, batch, drop_last = _sampler_of(loader, data)
        source: Any = loader.dataset
        drawn = _round_of(sampler, len(source), data)
        return replace(drawn, batch=drawn.batch * batch, drop_last=bool(drop_last))

    @property
    def updates(self) -> int | None:
        """The number of updates in a round; None where there are no rounds."""
        if self.kind == "fresh":
            return None
        return self.drawn // self.batch if self.drop_last else -(-self.drawn // self.batch)

    def scheme(self, epochs: int | None, updates: int | None) -> Sampling:
        """Return the scheme of so many epochs or updates; None leaves a symbol.

        Raises
        ------
        RequestError
            When updates are no whole epochs, or batches are of other sizes than the scheme has.
        """
        if self.kind == "fresh":
            if epochs is not None:
                raise RequestError("expected updates=... without a data loader, got epochs=...")
            return FreshData(T=updates)
        per_round = self.updates or 0
        if not per_round:
            raise RequestError(
                f"expected at least one batch an epoch, got {self.drawn} rows in batches of "
                f"{self.batch} with drop_last=True"
            )
        if self.kind == "drawn":
            if self.drawn % self.batch and not self.drop_last:
                raise RequestError(
                    "expected batches of one size where rows are drawn with replacement, got a smaller "
                    "last one; the nearest has drop_last=True"
                )
            T = updates if epochs is None else epochs * per_round
            return WithReplacement(N=self.datapoints, B=self.batch, T=T)
        if self.kind == "poisson":
            T = updates if epochs is None else epochs * per_round
            return Poisson(N=self.datapoints, q=self.chance, T=T)
        is_in_order = self.rows == tuple(range(self.datapoints))
        is_part = bool(updates and updates % per_round)
        if self.kind == "rows" and (is_part or not is_in_order):
            return self._grid(per_round, epochs, updates)
        E = epochs if updates is None else self._whole_epochs(per_round, updates)
        return self._epochs(per_round, E)

    def _epochs(self, per_round: int, E: int | None) -> Sampling:
        """Return epochs in the order of the rows, or in orders of their own."""
        N, shuffle = self.datapoints, cast("Any", None if self.rows else "every-epoch")
        used = per_round * self.batch if self.drop_last else self.drawn
        B = min(self.batch, used)
        if used == N:
            return Epochs(N=N, B=B, E=E, shuffle=shuffle)
        if used == N // B * B:
            return Epochs(N=N, B=B, E=E, shuffle=shuffle, drop_last=True)
        if used == B:
            return Subsets(N=N, B=B, T=E)
        raise RequestError(
            f"expected epochs of all {N} rows, of whole batches of {B}, or of one batch, got "
            f"num_samples={used}; the nearest is num_samples={N // B * B}"
        )

    def _grid(self, per_round: int, epochs: int | None, updates: int | None) -> Grid:
        """Return the batches one by one."""
        T = updates if epochs is None else epochs * per_round
        if T is None:
            raise RequestError(
                "expected epochs=... or updates=... for rows in an order of their own, got neither"
            )
        starts = range(0, per_round * self.batch, self.batch)
        round_ = [self.rows[i : i + self.batch] for i in starts]
        return Grid([round_[t % per_round] for t in range(T)], N=self.datapoints)

    def _whole_epochs(self, per_round: int, updates: int) -> int:
        if updates % per_round:
            raise RequestError(
                f"expected whole epochs of {per_round} updates, got updates={updates}; the nearest is "
                f"updates={max(1, round(updates / per_round)) * per_round}"
            )
        return updates // per_round


def _sampler_of(loader: Any, data: Any) -> tuple[Any, int, bool]:
    """Return what draws rows, how many make a batch, and whether a smaller last one is dropped."""
    if loader.batch_size is not None:
        return loader.sampler, loader.batch_size, loader.drop_last
    # A sampler of batches, given as such, or in the place of a sampler of rows.
    for given in (loader.batch_sampler, loader.sampler):
        if _is(given, data.BatchSampler):
            return given.sampler, given.batch_size, given.drop_last
        if type(given).__name__ == _POISSON:
            return given, 1, False
    if loader.batch_sampler is None:
        return loader.sampler, 1, False
    raise RequestError(
        f"expected a BatchSampler, got {type(loader.batch_sampler).__name__}; {_RECORD}"
    )


def _is(sampler: Any, kind: Any) -> bool:
    """Return whether a sampler is of a kind, and draws as that does."""
    return isinstance(sampler, kind) and type(sampler).__iter__ is kind.__iter__


def _round_of(sampler: Any, N: int, data: Any) -> LoaderRounds:
    """Return what a sampler draws of N rows in a round, in batches of one row per process."""
    listed = sampler.tolist() if hasattr(sampler, "tolist") else sampler
    if isinstance(listed, (list, tuple, range)):
        return _in_order(listed, N)
    if _is(sampler, data.DistributedSampler):
        return _distributed(sampler)
    if _is(sampler, data.SequentialSampler):
        return _in_order(range(len(sampler.data_source)), N)
    if _is(sampler, data.RandomSampler):
        rows, drawn = len(sampler.data_source), sampler.num_samples
        if sampler.replacement:
            return LoaderRounds("drawn", rows, drawn)
        return _without_replacement(rows, drawn)
    if _is(sampler, data.SubsetRandomSampler):
        chosen_rows = list(map(int, sampler.indices))
        if len(set(chosen_rows)) != len(chosen_rows):
            raise RequestError(
                "expected different rows in a SubsetRandomSampler, got some twice; copy them in the data "
                "set"
            )
        return LoaderRounds("reshuffled", len(chosen_rows), len(chosen_rows))
    if _is(sampler, data.WeightedRandomSampler):
        weights = [float(w) for w in sampler.weights]
        if len(set(weights)) > 1:
            raise RequestError(
                "expected equal weights of a WeightedRandomSampler, got others; weigh the losses of the "
                "data set instead, and draw rows uniformly"
            )
        if sampler.replacement:
            return LoaderRounds("drawn", len(weights), sampler.num_samples)
        return _without_replacement(len(weights), sampler.num_samples)
    if type(sampler).__name__ == _POISSON:
        chance = rational("sample_rate", float(sampler.sample_rate))
        return LoaderRounds("poisson", sampler.num_samples, sampler.steps, chance=chance)
    raise RequestError(
        f"expected a sampler of torch.utils.data, got {type(sampler).__name__}; {_RECORD}"
    )


def _in_order(rows: Sequence[int], N: int) -> LoaderRounds:
    numbers = tuple(map(int, rows))
    return LoaderRounds("rows", N, len(numbers), rows=numbers)


def _without_replacement(N: int, drawn: int) -> LoaderRounds:
    if drawn > N:
        raise RequestError(
            f"expected a RandomSampler of at most {N} rows, or with replacement, got num_samples={drawn}"
        )
    return LoaderRounds("reshuffled", N, drawn)


def _distributed(sampler: Any) -> LoaderRounds:
    """Return what all processes together draw: their gradients are averaged."""
    N, processes = len(sampler.dataset), sampler.num_replicas
    total = sampler.total_size
    if not sampler.shuffle:
        padded = tuple(t % N for t in range(total))
        return LoaderRounds("rows", N, total, processes, rows=padded)
    if total > N:
        raise RequestError(
            f"expected rows that {processes} processes share evenly, got {N}, which are padded; the "
            f"nearest is a data set of {N - N % processes} rows, or shuffle=False"
        )
    return LoaderRounds("reshuffled", N, total, processes)
