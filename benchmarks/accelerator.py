"""Expansions in the noise along runs on the processor and on an accelerator: times, and equal numbers.

    python benchmarks/accelerator.py [--quick] [--seconds 240]

Runs itself once with ``JAX_PLATFORMS=cpu`` and once with JAX as it comes, on tanh networks that learn
handwritten digits, and says how far the numbers of the small ones are apart.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

#: Hidden units, updates, samples, and whether the processor measures it too.
STORIES: dict[str, tuple[int, int, int, bool]] = {
    "small": (12, 100, 64, True),
    "precise": (12, 100, 4096, False),
    "100k": (1300, 100, 64, False),
    "1M": (13000, 30, 16, False),
}
ETA, BATCH = 0.3, 8


def story(name: str) -> dict[str, Any]:
    """Measure noise 1 of a network, twice: the first time compiles."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
    import jax
    from networks import digits, small_network, small_network_loss

    import sgdiagrams as sd
    from sgdiagrams.numeric.models.choice import model_of
    from sgdiagrams.numeric.path.along import along_path_of_model

    hidden, updates, samples, _ = STORIES[name]
    model = model_of(small_network_loss, small_network(hidden), digits())
    training = sd.Training(sd.OnePass(T=updates, B=BATCH))
    # Of one output layer and a wide hidden one curvature grows with the width.
    eta = ETA * min(1.0, (100 / hidden) ** 0.5)
    times = []
    for _ in range(2):
        start = perf_counter()
        found = along_path_of_model(model, training, eta=eta, samples=samples)
        times.append(perf_counter() - start)
    return {
        "name": name,
        "device": str(jax.devices()[0]),
        "weights": model.dimension,
        "updates": updates,
        "samples": samples,
        "eta": eta,
        "seconds, first": times[0],
        "seconds": times[1],
        "orders": list(found.orders),
        "errors": list(found.order_standard_errors),
        "remainder": found.remainder,
        "judgement": found.judgement,
    }


def _run(name: str, seconds: float, **environment: str) -> dict[str, Any] | None:
    words = [sys.executable, __file__, "--story", name]
    try:
        done = subprocess.run(
            words,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"{name} {environment}: over {seconds:.0f} s", flush=True)
        return None
    if done.returncode:
        print(f"{name} {environment}: {done.stderr.strip().splitlines()[-1:]}", flush=True)
        return None
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(json.dumps(result), flush=True)
    return result


def main() -> int:
    """Measure what fits into the time."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the small network alone")
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--story", choices=STORIES)
    options = parser.parse_args()
    if options.story:
        print(json.dumps(story(options.story)))
        return 0
    end = perf_counter() + options.seconds
    for name, (*_, on_processor) in STORIES.items():
        if options.quick and name != "small":
            break
        here = _run(name, end - perf_counter())
        if not on_processor or here is None:
            continue
        there = _run(name, end - perf_counter(), JAX_PLATFORMS="cpu")
        if there is None:
            continue
        apart = [abs(x - y) / abs(y) for x, y in zip(here["orders"], there["orders"], strict=True)]
        ratio = there["seconds"] / here["seconds"]
        print(f"{name}: orders apart by {max(apart):.1e} of themselves; {ratio:.1f} times as fast")
    return 0


if __name__ == "__main__":
    sys.exit(main())
