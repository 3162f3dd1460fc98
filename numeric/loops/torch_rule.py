"""What a PyTorch optimiser does, as one of ours; its state and its parameters are not touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.training.optimizers.changing_momentum import ChangingMomentum
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.sgd import SGD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sgdiagrams.symbolic.training.optimizer import Optimizer

__all__ = ["by_weight", "check_optimizer", "rule_of"]

#: What comes nearest to optimisers that are no linear function of the gradients.
_NEAREST = {
    "Adam": "torch.optim.SGD with momentum=beta1, at the rates that Adam's steps end up with",
    "AdamW": "torch.optim.SGD with momentum=beta1 and decoupled decay",
    "NAdam": "torch.optim.SGD with momentum=beta1, nesterov=True",
    "RMSprop": "torch.optim.SGD with a matrix eta, the preconditioner held fixed",
    "Adagrad": "torch.optim.SGD with the schedule inverse:power=1/2",
    "LBFGS": "torch.optim.SGD with a matrix eta, the inverse Hessian held fixed",
    "ASGD": "torch.optim.SGD with the schedule inverse:power=3/4 and average='polyak-ruppert'",
    "Muon": "torch.optim.SGD with nesterov=True",
}


def check_optimizer(optimizer: Any) -> None:
    """Raise a RequestError unless it is PyTorch's SGD before its first step."""
    from torch import optim

    theirs = optim.SGD
    kind = type(optimizer)
    if not isinstance(optimizer, optim.Optimizer):
        raise RequestError(
            f"expected an optimiser of torch.optim, got optimizer={shown(optimizer)}"
        )
    if not isinstance(optimizer, theirs):
        nearest = _NEAREST.get(kind.__name__, "torch.optim.SGD")
        raise RequestError(
            "expected torch.optim.SGD, whose steps are linear in the gradients, got "
            f"{kind.__name__}; the nearest is {nearest}"
        )
    if kind.step is not theirs.step:
        raise RequestError(
            f"expected torch.optim.SGD itself, got {kind.__name__}, which steps in a way of its own; "
            "write its rule as an Optimizer"
        )
    for state in optimizer.state.values():
        if state.get("momentum_buffer") is not None:
            raise RequestError(
                "expected an optimiser before its first step, got one whose momentum is on its way; make "
                "a new one on the same weights"
            )


def by_weight(
    optimizer: Any, parameters: Iterable[Any] | None, value_of: Callable[[dict[str, Any]], float]
) -> float | list[float]:
    """Return a number of the groups: one where all agree, otherwise one for every weight.

    Parameters
    ----------
    optimizer
        PyTorch's.
    parameters
        The parameters in the order of the weights; in the order of the groups for None. Those that
        require no gradient are no weights.
    value_of
        Takes a group to its number.

    Raises
    ------
    RequestError
        When a parameter is in no group.
    """
    values = {
        id(p): (p, value_of(group)) for group in optimizer.param_groups for p in group["params"]
    }
    order = [p for p, _ in values.values()] if parameters is None else list(parameters)
    weights = [p for p in order if p.requires_grad]
    if any(id(p) not in values for p in weights):
        raise RequestError("expected every weight in a group of the optimiser, got one in none")
    numbers = [values[id(p)][1] for p in weights]
    if len(set(numbers)) == 1:
        return numbers[0]
    return [number for p, number in zip(weights, numbers, strict=True) for _ in range(p.numel())]


def rule_of(
    optimizer: Any,
    *,
    parameters: Iterable[Any] | None,
    momenta: tuple[tuple[float, ...], ...],
    updates: int | None,
    every: int,
    **parts: Any,
) -> Optimizer:
    """Return the optimiser, with a schedule and an average.

    Parameters
    ----------
    optimizer
        A `torch.optim.SGD`.
    parameters
        As for `by_weight`.
    momenta
        The momentum of all groups at every step of the scheduler.
    updates, every
        The number of updates, None where it is not known, and how many there are to a step.
    **parts
        ``schedule`` and ``average``.

    Raises
    ------
    RequestError
        When groups have rules of their own, or a flag has no counterpart.
    """
    dampening = _common(optimizer, "dampening")
    is_nesterov = _common(optimizer, "nesterov")
    decay = by_weight(optimizer, parameters, lambda group: float(group["weight_decay"]))
    if _common(optimizer, "maximize") and decay:
        raise RequestError(
            "expected maximize=True without weight decay, got both; train on the loss with its sign "
            "changed"
        )
    for row in momenta:
        if len(set(row)) > 1:
            raise RequestError(
                f"expected one momentum for all groups, got momentum={shown(list(row))}"
            )
    betas = [row[0] for row in momenta]
    if len(set(betas)) > 1:
        if updates is None:
            raise RequestError(
                "expected epochs=... or updates=... for momentum that changes, got neither"
            )
        if dampening or 0 in betas:
            raise RequestError(
                "expected momentum that changes between numbers above 0, without dampening, got "
                f"momentum={shown(betas)}, dampening={shown(dampening)}"
            )
        return ChangingMomentum(
            betas=[betas[t // every] for t in range(updates)],  # type: ignore[arg-type]
            nesterov=is_nesterov,
            weight_decay=decay,
            **parts,
        )
    momentum = betas[0]
    if not momentum:
        return SGD(weight_decay=decay, **parts)
    if is_nesterov:
        return Nesterov(beta=momentum, weight_decay=decay, **parts)
    return Momentum(beta=momentum, weight_decay=decay, dampening=dampening or None, **parts)


def _common(optimizer: Any, name: str) -> Any:
    """Return what all groups agree on."""
    values = [group.get(name, 0) for group in optimizer.param_groups]
    if any(value != values[0] for value in values):
        raise RequestError(
            f"expected one {name} for all groups, whose learning rates may differ, got "
            f"{name}={shown(values)}"
        )
    return float(values[0]) if not isinstance(values[0], bool) else values[0]
