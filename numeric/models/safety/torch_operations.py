"""Operations of PyTorch whose derivatives are known to be wrong, or that have kinks."""

from __future__ import annotations

from typing import Any

from sgdiagrams.numeric.models.safety.witness import Suspect

__all__ = ["kinks_among", "recorded_operations", "suspects_among"]

_WRITTEN_OUT = (
    "write it out as (x - mean) / sqrt(variance + eps) * weight + bias, as docs/models.md does"
)
_DETERMINANTS = (
    "take torch.linalg.cholesky(A @ A.T).diagonal().log().sum() for the log of abs(det(A))"
)
#: By the names in the graph of gradients.
_SUSPECTS = {
    "NativeLayerNorm": Suspect("layer normalisation", _WRITTEN_OUT),
    "NativeBatchNorm": Suspect("batch or instance normalisation", _WRITTEN_OUT),
    "CudnnBatchNorm": Suspect("batch or instance normalisation", _WRITTEN_OUT),
    "LinalgSolveEx": Suspect("torch.linalg.solve", "take torch.linalg.inv(A) @ b"),
    "LinalgSlogdet": Suspect("torch.linalg.slogdet or torch.logdet", _DETERMINANTS),
    "LinalgDet": Suspect("torch.linalg.det", _DETERMINANTS),
}
_KINKS = {
    "Abs": "abs",
    "AdaptiveMaxPool2D": "max-pool",
    "AdaptiveMaxPool3D": "max-pool",
    "Amax": "max",
    "Amin": "min",
    "Celu": "celu",
    "Clamp": "clamp",
    "ClampMax": "clamp",
    "ClampMin": "clamp",
    "Elu": "elu",
    "Hardshrink": "hardshrink",
    "Hardsigmoid": "hardsigmoid",
    "Hardswish": "hardswish",
    "Hardtanh": "hardtanh",
    "HuberLoss": "huber_loss",
    "LeakyRelu": "leaky_relu",
    "Max": "max",
    "MaxPool2DWithIndices": "max-pool",
    "MaxPool3DWithIndices": "max-pool",
    "Maximum": "maximum",
    "Median": "median",
    "Min": "min",
    "Minimum": "minimum",
    "MkldnnMaxPool2D": "max-pool",
    "MkldnnMaxPool3D": "max-pool",
    "MultiMarginLoss": "multi_margin_loss",
    "MultilabelMarginLoss": "multilabel_margin_loss",
    "PreluKernel": "prelu",
    "Relu": "relu",
    "RreluWithNoise": "rrelu",
    "Sgn": "sign",
    "Sign": "sign",
    "SmoothL1Loss": "smooth_l1_loss",
    "Softshrink": "softshrink",
    "Sort": "sort",
    "Threshold": "threshold",
    "Topk": "topk",
}


def recorded_operations(value: Any) -> tuple[str, ...]:
    """Return the names of all operations in the graph of gradients behind a number, each once."""
    names: dict[str, None] = {}
    seen: set[Any] = set()
    waiting = [value.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        names.setdefault(node.name().partition("Backward")[0])
        waiting += [other for other, _ in node.next_functions]
    return tuple(names)


def kinks_among(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those operations that are linear piece by piece, or whose derivatives jump."""
    return tuple(dict.fromkeys(_KINKS[name] for name in names if name in _KINKS))


def suspects_among(names: tuple[str, ...]) -> tuple[Suspect, ...]:
    """Return those operations that are known for wrong derivatives."""
    return tuple(dict.fromkeys(s for start, s in _SUSPECTS.items() if start in names))
