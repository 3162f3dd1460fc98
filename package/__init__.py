"""Diagram-based symbolic algebra for the perturbation theory of stochastic gradient descent.

One verb a stage: `enumerate_diagrams` lists the diagrams of an order, `expand` turns them into a formula,
`Expansion.evaluate` turns the formula into a number with an error, and `compare` holds the number
against simulated SGD.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sgdiagrams.diagrams import (
        Diagram,
        DiagramError,
        DiagramRows,
        FormatError,
        MissingDependencyError,
        RequestError,
        SamplingError,
        SgdiagramsError,
        StatisticsError,
        diagram_rows,
        enumerate_diagrams,
    )
    from sgdiagrams.numeric import (
        Comparison,
        Estimate,
        Landscape,
        Statistics,
        compare,
        landscape,
        verify,
    )
    from sgdiagrams.symbolic import (
        SDE,
        SGD,
        Contraction,
        Cosine,
        Epochs,
        Expansion,
        Exponential,
        ExponentialAverage,
        FreshData,
        FullBatch,
        Function,
        GradientFlow,
        Grid,
        KnownResult,
        Momentum,
        Nesterov,
        Observable,
        OnePass,
        Optimizer,
        Polynomial,
        ResummedExpansion,
        Sampling,
        ScalingTable,
        Step,
        TailAverage,
        Term,
        WarmUp,
        WithReplacement,
        expand,
        increment,
        known_result,
        scaling,
        symbols,
    )

__version__ = "0.1.0"

__all__ = [
    "SDE",
    "SGD",
    "Comparison",
    "Contraction",
    "Cosine",
    "Diagram",
    "DiagramError",
    "DiagramRows",
    "Epochs",
    "Estimate",
    "Expansion",
    "Exponential",
    "ExponentialAverage",
    "FormatError",
    "FreshData",
    "FullBatch",
    "Function",
    "GradientFlow",
    "Grid",
    "KnownResult",
    "Landscape",
    "MissingDependencyError",
    "Momentum",
    "Nesterov",
    "Observable",
    "OnePass",
    "Optimizer",
    "Polynomial",
    "RequestError",
    "ResummedExpansion",
    "Sampling",
    "SamplingError",
    "ScalingTable",
    "SgdiagramsError",
    "Statistics",
    "StatisticsError",
    "Step",
    "TailAverage",
    "Term",
    "WarmUp",
    "WithReplacement",
    "compare",
    "diagram_rows",
    "enumerate_diagrams",
    "expand",
    "increment",
    "known_result",
    "landscape",
    "scaling",
    "symbols",
    "verify",
]

# Rooms are loaded when one of their names is first used, so that the import stays fast.
_ROOMS = {
    "sgdiagrams.diagrams": (
        "Diagram",
        "DiagramError",
        "DiagramRows",
        "FormatError",
        "MissingDependencyError",
        "RequestError",
        "SamplingError",
        "SgdiagramsError",
        "StatisticsError",
        "diagram_rows",
        "enumerate_diagrams",
    ),
    "sgdiagrams.symbolic": (
        "SDE",
        "SGD",
        "Contraction",
        "Cosine",
        "Epochs",
        "Expansion",
        "Exponential",
        "ExponentialAverage",
        "FreshData",
        "FullBatch",
        "Function",
        "GradientFlow",
        "Grid",
        "KnownResult",
        "Momentum",
        "Nesterov",
        "Observable",
        "OnePass",
        "Optimizer",
        "Polynomial",
        "ResummedExpansion",
        "Sampling",
        "ScalingTable",
        "Step",
        "TailAverage",
        "Term",
        "WarmUp",
        "WithReplacement",
        "expand",
        "increment",
        "known_result",
        "scaling",
        "symbols",
    ),
    "sgdiagrams.numeric": (
        "Comparison",
        "Estimate",
        "Landscape",
        "Statistics",
        "compare",
        "landscape",
        "verify",
    ),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'sgdiagrams' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
