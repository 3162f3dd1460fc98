"""A PyTorch training set-up read as a scheme and an optimiser, and its learning rates as an eta."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from sgdiagrams.diagrams.errors import MissingDependencyError, RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.loops.torch_averages import average_of
from sgdiagrams.numeric.loops.torch_loaders import LoaderRounds
from sgdiagrams.numeric.loops.torch_rates import base_rate, schedule_of, steps_once_an_update
from sgdiagrams.numeric.loops.torch_rule import by_weight, check_optimizer, rule_of
from sgdiagrams.symbolic.checks import check_choice, whole_number
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.loops.torch_averages import AveragedAt

__all__ = ["StepEvery", "from_torch", "torch_eta"]

StepEvery = Literal["epoch", "update"]


def from_torch(
    optimizer: Any,
    scheduler: Any = None,
    dataloader: Any = None,
    *,
    epochs: int | None = None,
    updates: int | None = None,
    average: Any = None,
    scheduler_every: StepEvery | None = None,
    averaged_at: AveragedAt | Sequence[int] | None = None,
    parameters: Iterable[Any] | None = None,
) -> Training:
    """Return how a PyTorch script trains, read off the objects that it trains with.

    Nothing of them changes: a copy of the scheduler is stepped on groups of its own, no batch is drawn,
    and random generators stay where they are.

    Parameters
    ----------
    optimizer
        A ``torch.optim.SGD`` before its first step. Its groups may have learning rates of their own; they
        go into `eta`: see `torch_eta`.
    scheduler
        Of ``torch.optim.lr_scheduler``, or a list of several, which are stepped one after the other.
        Schedules are recognised where they can be, so that formulas keep T; others are read step by step,
        their doubles as exact fractions.
    dataloader
        A ``torch.utils.data.DataLoader``: shuffled rows are epochs in random orders, rows in order are
        epochs in that order, draws with replacement are `WithReplacement`. Without one every update has
        fresh datapoints. With a ``DistributedSampler`` it is all processes together, with a new order
        every epoch (``set_epoch``).
    epochs, updates
        How long it trains, in one of the two; symbols when left out.
    average
        What is looked at, if not the last weights: an average of iterates, its name, or a
        ``torch.optim.swa_utils.AveragedModel`` before its first call.
    scheduler_every
        When the scheduler is stepped: ``"epoch"`` or ``"update"``. By default as PyTorch's manual has it:
        CyclicLR and OneCycleLR after every update, others after every epoch, or every update where there
        is no data loader.
    averaged_at
        When ``update_parameters`` of the AveragedModel is called: ``"update"`` (after each, the default),
        ``"epoch"``, or the numbers of updates after which it is, such as ``range(500, 1001, 100)``.
    parameters
        The parameters in the order of the weights, as for `torch_eta`, where groups have weight decays of
        their own.

    Returns
    -------
    Training

    Raises
    ------
    RequestError
        For what is not covered, in one line that names the nearest: Adam and other optimisers that are
        not linear in the gradients, ReduceLROnPlateau, data sets without numbered rows.
    MissingDependencyError
        When PyTorch is absent.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Linear(3, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    >>> scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
    >>> rows = torch.utils.data.TensorDataset(torch.zeros(60, 3), torch.zeros(60, 1))
    >>> loader = torch.utils.data.DataLoader(rows, batch_size=6, shuffle=True)
    >>> training = from_torch(optimizer, scheduler, loader, epochs=90)
    >>> training.sampling
    Epochs(N=60, B=6, E=90, shuffle='every-epoch')
    >>> training.optimizer.label
    'momentum beta=9/10, step every=30 factor=1/10 once in 10 updates'
    """
    _needs_torch()
    check_optimizer(optimizer)
    if epochs is not None and updates is not None:
        raise RequestError(
            f"expected either epochs or updates, got epochs={shown(epochs)}, updates={shown(updates)}"
        )
    number = None if epochs is None else whole_number("epochs", epochs)
    total = None if updates is None else whole_number("updates", updates)
    rounds = LoaderRounds.of(dataloader)
    scheme = rounds.scheme(number, total)
    T = int(scheme.updates) if scheme.updates.is_number else None
    schedule, every = None, 1
    momenta: tuple[tuple[float, ...], ...] = (
        tuple(float(group["momentum"]) for group in optimizer.param_groups),
    )
    if scheduler is not None:
        chain = tuple(scheduler) if isinstance(scheduler, (list, tuple)) else (scheduler,)
        every = _updates_to_a_step(chain, scheduler_every, rounds)
        schedule, taken = schedule_of(optimizer, chain, updates=T, every=every)
        momenta = taken.momenta
    elif scheduler_every is not None:
        raise RequestError(
            f"expected scheduler_every with a scheduler, got scheduler_every={shown(scheduler_every)}"
        )
    looked_at = average_of(average, averaged_at, updates=T, epoch=rounds.updates)
    rule = rule_of(
        optimizer,
        parameters=parameters,
        momenta=momenta,
        updates=T,
        every=every,
        schedule=schedule,
        average=looked_at,
    )
    return Training(scheme, rule)


def torch_eta(
    optimizer: Any, parameters: Iterable[Any] | None = None
) -> float | NDArray[np.float64]:
    r"""Return the learning rates of a PyTorch optimiser as `eta`: a number, or a diagonal.

    They are what the factors of `from_torch`'s schedules multiply: the rate that the optimiser was given,
    and ``max_lr`` of ``OneCycleLR``. With ``maximize=True`` they are negative.

    Parameters
    ----------
    optimizer
        With its groups.
    parameters
        The parameters in the order of the weights, such as ``module.parameters()``; in the order of the
        groups when left out. Those that require no gradient are no weights.

    Returns
    -------
    float or ndarray
        A number where all groups have the same rate, otherwise shape (p,).

    Raises
    ------
    RequestError
        When a parameter is in no group.
    MissingDependencyError
        When PyTorch is absent.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Linear(2, 1)
    >>> groups = [{"params": [model.bias], "lr": 0.5}, {"params": [model.weight]}]
    >>> torch_eta(torch.optim.SGD(groups, lr=0.1), model.parameters())
    array([0.1, 0.1, 0.5])
    """
    _needs_torch()
    check_optimizer(optimizer)
    rates = by_weight(
        optimizer, parameters, lambda group: (-1 if group["maximize"] else 1) * base_rate(group)
    )
    return np.array(rates) if isinstance(rates, list) else rates


def _updates_to_a_step(chain: tuple[Any, ...], when: StepEvery | None, rounds: LoaderRounds) -> int:
    from torch.optim import lr_scheduler

    for scheduler in chain:
        if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
            raise RequestError(
                "expected a scheduler that is known beforehand, got ReduceLROnPlateau, which depends on "
                "the run itself; the nearest is MultiStepLR with the epochs of a run"
            )
        if not hasattr(scheduler, "step") or not hasattr(scheduler, "optimizer"):
            raise RequestError(
                f"expected a scheduler of torch.optim.lr_scheduler, got scheduler={shown(scheduler)}"
            )
    check_choice("scheduler_every", when, (None, *get_args(StepEvery)))
    by_update = rounds.updates is None or any(map(steps_once_an_update, chain))
    if (when or ("update" if by_update else "epoch")) == "update":
        return 1
    if rounds.updates is None:
        raise RequestError(
            "expected a data loader, by whose epochs the scheduler is stepped, got dataloader=None"
        )
    return rounds.updates


def _needs_torch() -> None:
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            'PyTorch is not installed; run: pip install "sgdiagrams[torch]"'
        ) from error
