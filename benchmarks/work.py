"""One piece of work in a process of its own: ``python work.py NAME ARGUMENT...``.

Prints one line of JSON: ``seconds`` (the work alone, libraries being loaded already), ``peak_mib`` (the
most memory that the process held until the work was done, Python and libraries included) and
``result``, which the caller compares with other ways to the same end.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WORK"]


def rows(order: str) -> dict[str, Any]:
    """Make all diagrams of an order as compact arrays, held at once."""
    import numpy as np

    from sgdiagrams.diagrams import diagram_rows

    start = perf_counter()
    batches = list(diagram_rows(int(order)))
    measured = _measured(start)
    factors: Counter[int] = Counter()
    for batch in batches:
        values, counts = np.unique(batch.symmetry_factors, return_counts=True)
        factors.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
    return {**measured, "result": _histogram(factors)}


def objects(order: str) -> dict[str, Any]:
    """Make all diagrams of an order as `Diagram` objects, held at once."""
    from sgdiagrams.diagrams import enumerate_diagrams

    start = perf_counter()
    diagrams = list(enumerate_diagrams(int(order)))
    measured = _measured(start)
    factors = Counter(diagram.symmetry_factor for diagram in diagrams)
    return {**measured, "result": _histogram(factors)}


def assembly(order: str) -> dict[str, Any]:
    """Make all diagrams of an order with networkx and pynauty."""
    from assembly import assembled_diagrams

    start = perf_counter()
    diagrams = list(assembled_diagrams(int(order)))
    measured = _measured(start)
    return {**measured, "result": _histogram(Counter(factor for *_, factor in diagrams))}


def expansion(observable: str, sampling: str, order: str) -> dict[str, Any]:
    """Derive an expansion in the moment basis and write its LaTeX."""
    from sgdiagrams.symbolic import expand

    start = perf_counter()
    series = expand(observable, order=int(order), sampling=sampling)
    middle = perf_counter()
    text = series.latex()
    measured = _measured(start)
    coefficients = [
        sorted(str(term.weight) for term in series.order_terms(k)) for k in range(series.order + 1)
    ]
    return {
        **measured,
        "latex_seconds": start + measured["seconds"] - middle,
        "latex_characters": len(text),
        "result": coefficients,
    }


def expansion_assembly(order: str) -> dict[str, Any]:
    """Derive the one-pass test loss and its LaTeX with networkx, pynauty and SymPy."""
    from assembly import assembled_one_pass

    start = perf_counter()
    coefficients, text = assembled_one_pass(int(order))
    measured = _measured(start)
    return {**measured, "latex_characters": len(text), "result": coefficients}


WORK: dict[str, Callable[..., dict[str, Any]]] = {
    "rows": rows,
    "objects": objects,
    "assembly": assembly,
    "expansion": expansion,
    "expansion-assembly": expansion_assembly,
}


def _measured(start: float) -> dict[str, Any]:
    return {"seconds": perf_counter() - start, "peak_mib": _peak_mib()}


def _peak_mib() -> float | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak / (2**20 if sys.platform == "darwin" else 2**10))


def _histogram(factors: Counter[int]) -> dict[str, int]:
    """Return how many diagrams have each symmetry factor, with text keys as JSON wants them."""
    return {str(factor): factors[factor] for factor in sorted(factors)}


if __name__ == "__main__":
    print(json.dumps(WORK[sys.argv[1]](*sys.argv[2:])))
