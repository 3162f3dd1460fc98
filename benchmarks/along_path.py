"""Expansions in the noise along runs, whole stories: a tanh network of 910 weights on digits.

Beside a measurement stand the runs that a simulation needs for the same error, plain and with control
variates.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from measure import Bench, measured
from tables import Row, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["WORK", "along_path_rows"]

ETA, UPDATES, BATCH = 0.3, 100, 8
ERROR = 0.02
#: Batch sizes, and how many real runs tell how many would be needed.
RUNS = {8: 256, 32: 256, 256: 128, 2048: 32}
HIDDEN = {"1k": 12, "10k": 133, "100k": 1333}


def _story(hidden: int = 12) -> tuple[Any, Any, Any]:
    sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
    from networks import digits, small_network, small_network_loss

    return small_network_loss, small_network(hidden), digits()


def _model(hidden: int = 12) -> Any:
    from sgdiagrams.numeric.models.choice import model_of

    return model_of(*_story(hidden))


def _measured_path(model: Any, *, updates: int = UPDATES, **options: Any) -> Any:
    import sgdiagrams as sd
    from sgdiagrams.numeric.path.along import along_path_of_model

    training = sd.Training(sd.OnePass(T=updates, B=BATCH))
    return along_path_of_model(model, training, eta=ETA, **options)


def _rounds(model: Any) -> Any:
    import sgdiagrams as sd
    from sgdiagrams.numeric.descent import Descent
    from sgdiagrams.numeric.path.read_off import ReadOff, signed_factors
    from sgdiagrams.numeric.path.rounds_of_runs import NoiseRounds
    from sgdiagrams.symbolic.observable import named_observable
    from sgdiagrams.symbolic.training.sampling import course_of

    training = sd.Training(sd.OnePass(T=UPDATES, B=BATCH))
    factors = signed_factors(named_observable("test-loss"), given_set=False, has_test_data=False)
    read_off = ReadOff(model, model, factors)
    descent = Descent.of(training)
    return NoiseRounds(
        read_off=read_off, course=course_of(training.sampling), descent=descent, eta=ETA, seed=0
    )


def first_noise(percent: str) -> dict[str, Any]:
    """Measure noise 1 to a percentage, and hold it against a noiseless run of the same engine."""
    model = _model()
    start = perf_counter()
    found = _measured_path(model, precision=float(percent) / 100)
    record = measured(start)
    rounds = _rounds(model)
    rounds.noiseless()
    times = []
    for _ in range(2):
        begin = perf_counter()
        rounds.noiseless()
        times.append(perf_counter() - begin)
    return {
        **record,
        "result": [],
        "samples": found.samples[0],
        "excess": found.excess,
        "error": found.standard_error / found.excess,
        "noiseless": min(times),
        "judgement": found.judgement,
    }


def real_runs(size: str, way: str) -> dict[str, Any]:
    """Train for real, and say what one run's end scatters by, with or without a control variate."""
    import sgdiagrams as sd

    ground = sd.model_landscape(*_story())
    runs = RUNS[int(size)]
    start = perf_counter()
    sampling = sd.OnePass(T=UPDATES, B=int(size))
    made = sd.simulate(ground, sampling=sampling, eta=ETA, runs=runs, control=way == "control")
    scatter = made.standard_error * runs**0.5
    return {**measured(start), "result": [], "scatter": scatter, "value": made.value, "runs": runs}


def difference(way: str) -> dict[str, Any]:
    """Train with two batch sizes and common random numbers; say what a pair's difference scatters by."""
    import sgdiagrams as sd

    ground = sd.model_landscape(*_story())
    runs = RUNS[BATCH]
    start = perf_counter()
    sides = [
        sd.simulate(
            ground,
            sampling=sd.OnePass(T=UPDATES, B=size),
            eta=ETA,
            runs=runs,
            control=way == "control",
        )
        for size in (BATCH, 2 * BATCH)
    ]
    apart = sides[0] - sides[1]
    return {
        **measured(start),
        "result": [],
        "scatter": apart.standard_error * runs**0.5,
        "value": apart.value,
        "runs": runs,
    }


def slots(way: str) -> dict[str, Any]:
    """Say what a sample of noise 1 scatters by: all slots pushed by one number, or random single ones."""
    import numpy as np

    from sgdiagrams.numeric.path.rounds_of_runs import RoundTask

    model = _model()
    rounds = _rounds(model)
    together = 16
    if way == "all":
        firsts = [0, 16, 32, 48]
    else:
        rng = np.random.default_rng(0)
        firsts = rng.integers(UPDATES * model.size - together, size=16).tolist()
    kind: Any = "single" if way == "all" else "all"
    rounds(RoundTask(kind, firsts[0], together))  # compiles
    start = perf_counter()
    tallies = [rounds(RoundTask(kind, first, together)) for first in firsts]
    seconds = perf_counter() - start
    total = tallies[0]
    for one in tallies[1:]:
        total = total.joined(one)
    variance = float(total.scatter[0, 0] / (total.count - 1))
    each = seconds / total.count
    return {**measured(start), "result": [], "variance": variance, "each": each}


def memory(name: str) -> dict[str, Any]:
    """Measure 16 samples of noise 1 of a network over 10 updates."""
    model = _model(HIDDEN[name])
    start = perf_counter()
    _measured_path(model, updates=10, samples=16)
    return {**measured(start), "result": [], "weights": model.dimension}


def jets(hidden: str, curves: str) -> dict[str, Any]:
    """Time the gradient of all data along curves, to second order, and by itself, in turn."""
    import jax
    import numpy as np

    model = _model(int(hidden))
    rng = np.random.default_rng(0)
    tables = {
        key: model.as_table(0.05 * rng.normal(size=(int(curves), model.dimension)))
        for key in [(0,), (0, 0)]
    }
    times: dict[int, list[float]] = {0: [], 1: []}
    start = perf_counter()
    while len(times[0]) < 4 or perf_counter() - start < 10:
        for along, given in enumerate(({}, tables)):
            begin = perf_counter()
            slopes = model.jets("loss", model.everything, given, output="vector")
            jax.block_until_ready(slopes)
            times[along].append(perf_counter() - begin)
    seconds, alone = min(times[1]), min(times[0])
    gradients = seconds / alone / int(curves)
    return {
        **measured(start),
        "result": [],
        "seconds": seconds,
        "gradients": gradients,
        "weights": model.dimension,
    }


WORK: dict[str, Callable[..., dict[str, Any]]] = {
    "jets": jets,
    "first_noise": first_noise,
    "real_runs": real_runs,
    "difference": difference,
    "slots": slots,
    "memory": memory,
}


# Rows ---------------------------------------------------------------------------------------------


def along_path_rows(bench: Bench) -> Iterator[Row]:
    """Measure whole stories."""
    section = f"Along the path: 910 weights, digits, eta={ETA}, T={UPDATES}, B={BATCH}"
    if not find_spec("jax") or not find_spec("sklearn"):
        yield Row(section, "all", note="absent: jax and scikit-learn")
        return
    if bench.quick:  # what is guarded, and no more
        yield from _slot_rows(bench, section)
        return
    yield from _jets_rows(bench)
    percent = round(100 * ERROR)
    ours = bench.ours("along_path.first_noise", percent, once=True)
    if ours is None:
        yield Row(section, f"noise 1 to {percent} %", note=f"over {bench.limit} s")
        return
    record = ours.record
    excess = record["excess"]
    row = Row(
        section,
        f"noise 1 to {percent} %",
        f"{excess:.4f}, error {100 * record['error']:.1f} %, {record['samples']} samples, "
        f"{ours.seconds / record['noiseless']:.0f} noiseless runs",
        ours.seconds,
    )
    row.peak_mib = ours.peak_mib
    row.targets = [Target("2 % in 30 s on two cores", met=ours.seconds < 30)]
    yield row
    yield from _slot_rows(bench, section)
    yield from _simulation_rows(bench, section, excess)
    for name in HIDDEN:
        ours = bench.ours("along_path.memory", name, once=True)
        if ours is not None:
            words = f"memory: {ours.record['weights']:,} weights, T=10, 16 samples"
            row = Row(section, words, "", ours.seconds)
            row.peak_mib = ours.peak_mib
            yield row


def _jets_rows(bench: Bench) -> Iterator[Row]:
    section = "Along the path: gradients of 1,797 digits along curves, to second order"
    for hidden, curves in [(12, 64), (12, 200), (133, 64)]:
        ours = bench.ours("along_path.jets", hidden, curves, once=True)
        if ours is None:
            continue
        record = ours.record
        words = f"{record['weights']:,} weights, {curves} curves"
        row = Row(section, words, f"{record['gradients']:.1f} gradients a curve", ours.seconds)
        if (hidden, curves) == (12, 200):
            is_met = 100 * ours.seconds < 15
            row.targets = [Target("100 updates in 15 s on two cores", met=is_met)]
        yield row


def _slot_rows(bench: Bench, section: str) -> Iterator[Row]:
    ways = {way: bench.ours("along_path.slots", way, once=True) for way in ("all", "one")}
    if None in ways.values():
        return
    one, every = (ways[way].record for way in ("one", "all"))  # type: ignore[union-attr]
    variance, cost = one["variance"] / every["variance"], one["each"] / every["each"]
    row = Row(
        section,
        "all slots by one number, beside random single ones",
        f"variance {variance:.0f} times smaller, cost of a sample {1 / cost:.2g} times",
        every["each"],
    )
    name = "noise 1: variance times cost of single slots over all at once"
    row.guarded = {name: variance * cost}
    yield row


def _simulation_rows(bench: Bench, section: str, excess: float) -> Iterator[Row]:
    needs = {B: ERROR * excess * BATCH / B for B in RUNS}
    works: list[tuple[str, float, tuple[str, Any]]] = [
        (f"the excess at B={B}", needs[B], ("along_path.real_runs", B)) for B in RUNS
    ]
    apart = (f"B={BATCH} less B={2 * BATCH}", ERROR * excess / 2, ("along_path.difference", ""))
    for words, error, (work, B) in [*works, apart]:
        arguments = (B,) if B else ()
        texts, seconds = [], None
        for way in ("plain", "control"):
            ours = bench.ours(work, *arguments, way, once=True)
            if ours is None:
                texts.append(f"{way}: over {bench.limit} s")
                continue
            seconds = ours.seconds
            runs = max(2, round((ours.record["scatter"] / error) ** 2))
            each = ours.seconds / ours.record["runs"]
            texts.append(f"{way}: {runs:,} runs, about {runs * each:.3g} s")
        yield Row(section, f"simulation to {100 * ERROR:g} % of {words}", "; ".join(texts), seconds)
