"""Command lines with mutated files and odd options: each is a function of a random generator."""

import io
import json
import random
from dataclasses import dataclass, field

import numpy as np

from fuzzing.corpus import (
    COMPARE,
    EXPANSIONS,
    GRIDS,
    PATHS,
    RESUMMED,
    STATISTICS,
    TABLES,
    archive,
    corpus,
)
from fuzzing.mutations import VALUES, mutated_bytes, mutated_json, mutated_text, number
from sgdiagrams.numeric.measurement.files import checksum_of

OBSERVABLES = (
    *("test-loss", "training-loss", "generalisation-gap", "displacement", "second-moment"),
    *("covariance", "variance", "function:norm", "displacement:since=2", "test-loss:since=1"),
    *("function:", "function:loss", "displacement:since=-1", "test-loss:since=1e9", "loss", ""),
    *("covariance:since=0", "function:norm:since=2", "test-loss:since=" + "9" * 5000),
)
SAMPLINGS = (
    *("one-pass", "epochs", "shuffled-epochs", "reshuffled-epochs", "with-replacement"),
    *("fresh-data", "full-batch", "gradient-descent", "gradient-flow", "sde"),
    *("grid:grid.json", "grid:table.json"),
    *(
        "grid:",
        "grid:nowhere",
        "grid:.",
        "grid:plain.json",
        "one-pass:T=3",
        "",
        *("sde:order=2", "sde:order=3", "gradient-flow:order=2", "sde:order="),
        "x" * 5000,
    ),
)


@dataclass
class CommandLine:
    """A command, the files that it finds, and what it reads from standard input."""

    arguments: list[str]
    files: dict[str, bytes] = field(default_factory=dict)
    text: bytes | None = None


def _order(rng, *good):
    """Return an order: high ones are legal, and take long."""
    return number(rng, *good).replace("7", "99")


def _settings(rng, **good):
    """Return ``--set`` options: mostly good ones, some odd, some left out, some too many."""
    options = []
    for name, value in good.items():
        if rng.random() < 0.93:
            options += ["--set", f"{name}={number(rng, value, value, value, value)}"]
    while rng.random() < 0.08:
        name = rng.choice(
            ("T", "N", "B", "E", "beta", "eta", "gamma", "alpha", "x", "", "T T", "__")
        )
        options += ["--set", f"{name}={number(rng, '2')}"]
    return options


def expansion(rng: random.Random) -> CommandLine:
    """Evaluate a mutated expansion on good statistics."""
    name = rng.choice(EXPANSIONS + RESUMMED)
    text = mutated_json(rng, corpus()[name].decode()).encode(errors="replace")
    if rng.random() < 0.1:
        text = mutated_bytes(rng, text)
    numbers = {"plain.json": {"T": "3"}, "resummed.json": {"T": "3"}}.get(name, {})
    if name == "covariance.json":
        numbers = {"N": "6", "E": "2"}
    call = ["evaluate", "mutant.json", "--statistics", rng.choice(STATISTICS)]
    call += [x for k, v in {"eta": "0.1", **numbers}.items() for x in ("--set", f"{k}={v}")]
    if rng.random() < 0.3:
        call += ["--format", "json"]
    return CommandLine(call, {"mutant.json": text})


def statistics(rng: random.Random) -> CommandLine:
    """Evaluate a good expansion on mutated statistics, or judge or drift from them."""
    name = rng.choice(STATISTICS)
    content = corpus()[name]
    if name.endswith("json"):
        content = mutated_json(rng, content.decode()).encode(errors="replace")
    elif rng.random() < 0.6:
        content = _mutated_archive(rng)
    else:
        content = mutated_bytes(rng, content)
    numbers = ["--set", "eta=0.1", "--set", "T=3"]
    call = rng.choice(
        (
            ["evaluate", "plain.json", "--statistics", "mutant"],
            ["evaluate", "resummed.json", "--statistics", "mutant"],
            ["judge", "--order", "2", "--statistics", "mutant"],
            ["evaluate", "plain.json", "--statistics", "-"],
        )
    )
    call += numbers + rng.choice(([], ["--format", "json"]))
    if "-" in call:
        return CommandLine(call, text=content)
    if rng.random() < 0.15:
        call = ["drift", "--order", "2", "--statistics", "mutant", "--set", "eta=0.1"]
    return CommandLine(call, {"mutant": content})


def tables(rng: random.Random) -> CommandLine:
    """Evaluate a good expansion on a mutated measurement or table of values, or judge from it."""
    name = rng.choice(TABLES)
    content = corpus()[name]
    if name.endswith("json"):
        content = mutated_json(rng, content.decode()).encode(errors="replace")
    elif name.endswith("csv"):
        content = mutated_text(rng, content.decode(), ',\n"GH_abl123./e').encode(errors="replace")
    elif rng.random() < 0.7:
        content = _mutated_measurement(rng, content)
    if rng.random() < 0.2:
        content = mutated_bytes(rng, content)
    numbers = ["--set", "eta=0.1", "--set", "T=3", *rng.choice(([], ["--format", "json"]))]
    call = rng.choice((["evaluate", "plain.json"], ["judge", "--order", "2"], ["judge"]))
    return CommandLine([*call, "--statistics", "mutant", *numbers], {"mutant": content})


def _mutated_measurement(rng, content):
    """Return a measurement with another header, whose checksum fits or not, or other arrays."""
    with np.load(io.BytesIO(content)) as file:
        entries = {name: file[name] for name in file.files}
    header = entries.pop("header").tobytes().decode()
    if rng.random() < 0.4:
        name = rng.choice(list(entries))
        array = entries[name]
        entries[name] = rng.choice(
            (
                array * np.inf,
                array.T,
                array[:1],
                array.astype(">f8"),
                array.astype("f4"),
                array * 1e300,
            )
        )
    else:
        header = mutated_json(rng, header)
    try:
        known = json.loads(header)
        known.pop("checksum")
        header = json.dumps({**known, "checksum": checksum_of(known, entries)})
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        pass
    return archive(header=np.frombuffer(header.encode(errors="replace"), dtype=np.uint8), **entries)


def _mutated_archive(rng):
    entries = {
        "format": np.array("sgdiagrams-statistics"),
        "version": np.array(1),
        "role": np.array(rng.choice(("sample", "population", "training-set"))),
        **{f"derivative_{k}": np.ones((4, *[2] * k)) for k in range(4)},
    }
    for _ in range(rng.choice((1, 1, 2))):
        name = rng.choice([*entries, "weights", "start", "function_norm_1", "derivative_9", "x"])
        old = np.asarray(entries.get(name, np.ones(2)))
        way = rng.randrange(7)
        if way == 0 and name in entries:
            del entries[name]
        elif way == 1 and old.dtype.kind == "f":
            array = old.copy()
            array.flat[rng.randrange(max(1, array.size))] = rng.choice(
                (np.nan, np.inf, 1e308, -1e308, 1e155, 1e-320, 1e200)
            )
            entries[name] = array
        elif way == 2:
            kind = rng.choice(("f2", "i8", "u1", "c16", "U3", "S3", "?", "M8[s]", "f4", "V8"))
            entries[name] = np.zeros(old.shape, dtype=kind)
        elif way == 3:
            entries[name] = np.zeros(rng.choice(((0,), (0, 2), (4, 0), (), (4, 3), (5 * 10**6, 2))))
        elif way == 4:
            entries[name] = np.array(rng.choice((1, 2, "", "sample ", 1.5, "x" * 1000)))
        elif way == 5:
            entries[name] = old.T
        else:
            entries[name + rng.choice(("_", "0", "x"))] = old
    return archive(**entries)


def grid(rng: random.Random) -> CommandLine:
    """Expand with a mutated grid."""
    text = mutated_json(rng, corpus()[rng.choice(GRIDS)].decode())
    if rng.random() < 0.15:
        text = json.dumps(
            rng.choice((*VALUES, [[10**9]], [[0]] * 100_000, [[]], [list(range(10**5))]))
        )
    call = ["expand", "--order", rng.choice("0123"), "--sampling", "grid:mutant"]
    call += ["--observable", rng.choice(OBSERVABLES[:4])]
    return CommandLine(call, {"mutant": text.encode(errors="replace")})


def schedule(rng: random.Random) -> CommandLine:
    """Expand with a mutated file of factors."""
    content = mutated_text(rng, corpus()["schedule.txt"].decode()).encode(errors="replace")
    if rng.random() < 0.3:
        content = mutated_bytes(rng, content)
    call = ["expand", "--order", rng.choice("012"), "--set", "T=4", "--schedule", "file:mutant"]
    return CommandLine(call, {"mutant": content})


def checkpoint(rng: random.Random) -> CommandLine:
    """Go on from a mutated checkpoint."""
    text = mutated_json(rng, corpus()["check.json"].decode()).encode(errors="replace")
    if rng.random() < 0.2:
        text = mutated_bytes(rng, corpus()["check.json"])
    call = [*map(str, COMPARE), "--runs", rng.choice(("40", "60")), "--checkpoint", "mutant"]
    return CommandLine(call, {"mutant": text})


def _protocol(rng):
    options = []
    if rng.random() < 0.7:
        options += ["--sampling", rng.choice(SAMPLINGS)]
    if rng.random() < 0.4:
        beta = number(rng, "0.9", "1/2", "0")
        options += ["--optimizer", rng.choice(("sgd", "momentum", f"momentum:beta={beta}", "nesterov",
                                               f"nesterov:beta={beta}", "adam", ""))]  # fmt: skip
    if rng.random() < 0.15:
        options += ["--weight-decay", number(rng, "0.1", "0")]
    if rng.random() < 0.2:
        x = number(rng, "2", "0.1", "1")
        options += ["--schedule", rng.choice(("cosine", "linear", "exponential", f"cosine:floor={x}",
                    f"step:every={x},factor={x}", f"step:every={x}", f"warm-up:over={x}", "step",
                    f"exponential:gamma={x}", "file:schedule.txt", "file:", ":", f"inverse:power={x}",
                    f"StepLR:step_size={x},every={x}", f"OneCycleLR:pct_start={x}", "CosineAnealingLR",
                    f"MultiStepLR:milestones={x},{x}", f"CyclicLR:peak={x},mode=exp_range,gamma={x}",
                    f"LinearLR until={x} then ConstantLR", f"LinearLR times PolynomialLR:power={x}",
                    f"exponential_decay:decay_rate={x}", "LinearLR until= then linear"))]  # fmt: skip
    if rng.random() < 0.2:
        x = number(rng, "2", "0.1", "1")
        options += ["--average", rng.choice(("tail", "exponential", f"tail:W={x}",
                                             f"exponential:alpha={x}", "tail:T=1", ""))]  # fmt: skip
    return options


def expand(rng: random.Random) -> CommandLine:
    """Expand with odd options."""
    is_along = rng.random() < 0.2
    extent = "--noise" if is_along else "--order"
    call = ["expand", *(["--along-path"] if is_along else []), extent]
    call += [rng.choice(("0", "1", "2", "4")) if is_along else _order(rng, "0", "1", "2", "2")]
    call += ["--observable", rng.choice(OBSERVABLES if rng.random() < 0.4 else OBSERVABLES[:7])]
    call += _protocol(rng)
    call += _settings(rng, T="3") if rng.random() < 0.5 else []
    call += _settings(rng, N="4", B="2", E="2") if rng.random() < 0.3 else []
    for options in (
        ["--basis", rng.choice(("moment", "cumulant", "mixed"))],
        ["--format", rng.choice(("text", "latex", "mathml", "json", "python", "pdf"))],
        ["--coefficients", rng.choice(("factored", "expanded", "binomial"))],
        ["--eta", rng.choice(("scalar", "tensor"))],
        ["--resummed"],
        ["--form", rng.choice(("discrete", "continuous", "stationary", "small-eta"))],
        ["--flat", rng.choice(("a", "b", "", "a" * 5000))],
        ["--at-minimum"],
        ["--standalone"],
    ):
        if rng.random() < 0.2:
            call += options
    return CommandLine(call)


def evaluate(rng: random.Random) -> CommandLine:
    """Evaluate good files with odd numbers."""
    name = rng.choice((*EXPANSIONS, *RESUMMED, *PATHS, "exact.json", "nowhere", "-", "."))
    good = {"eta": "0.1"}
    if name in ("plain.json", "resummed.json"):
        good["T"] = "3"
    if name == "covariance.json":
        good |= {"N": "6", "E": "2"}
    data = rng.choice((*STATISTICS, *STATISTICS, *TABLES, "plain.json", "nowhere", "-", "."))
    call = ["evaluate", name, "--statistics", data, *_settings(rng, **good)]
    return CommandLine(call + rng.choice(([], ["--format", "json"])), text=corpus()["plain.json"])


def listing(rng: random.Random) -> CommandLine:
    """List with odd options."""
    call = ["list", "--order", _order(rng, "0", "1", "2", "3", "4")]
    if rng.random() < 0.3:
        call = ["list", "--noise", rng.choice(("0", "1", "2", "-1"))]
    for options in (
        ["--sampling", rng.choice(SAMPLINGS)],
        ["--root", rng.choice(("isolated", "in-partition", "x"))],
        ["--basis", rng.choice(("moment", "cumulant"))],
        ["--max-block-size", number(rng, "1", "2")],
        ["--max-legs", number(rng, "1", "2")],
        ["--residue", number(rng, "0", "1")],
        ["--modulus", number(rng, "2", "3")],
        ["--linkless"],
        ["--count"],
        ["--format", rng.choice(("table", "text", "json"))],
        ["--draw", rng.choice(("x.svg", "x.png", "", "nowhere/x.svg"))],
    ):
        if rng.random() < 0.2:
            call += options
    return CommandLine(call)


def drawing(rng: random.Random) -> CommandLine:
    """Draw odd diagrams, orders and embeddings."""
    texts = ("(01-2)(02-12)", "(0|1-|2)(02-12)", "(01)(01)", "(0-1-2)(01-12)")
    number_of_texts = range(rng.choice((0, 0, 1, 1, 2)))
    drawn = [mutated_text(rng, rng.choice(texts), "()-|.0123456789") for _ in number_of_texts]
    call = ["draw", *drawn]
    if len(call) == 1 or rng.random() < 0.1:
        call += rng.choice((["--order", _order(rng, "0", "1", "2", "3")], ["--noise", "1"]))
    for options in (
        ["--sampling", rng.choice(SAMPLINGS)],
        ["--grid", "--sampling", "epochs", *_settings(rng, N="2", B="1", E="2")],
        ["--root", rng.choice(("isolated", "in-partition", "x"))],
        ["--basis", rng.choice(("moment", "cumulant"))],
        ["--visits", rng.choice(("same", "fresh"))],
        ["--columns", number(rng, "1", "3")],
        ["--linkless"],
        ["--ascii"],
        ["--output", rng.choice(("x.svg", "x.tex", "x.png", "x.txt", "", "nowhere/x.svg"))],
    ):
        if rng.random() < 0.25:
            call += options
    return CommandLine(call)


def scaling(rng: random.Random) -> CommandLine:
    """Ask for scaling laws with odd combinations."""
    call = ["scaling", "--order", _order(rng, "0", "1", "2"), *_protocol(rng)]
    for _ in range(rng.choice((0, 1, 1, 2))):
        good = rng.choice(("eta/B", "eta*T", "N", "E", "eta^2*N/B"))
        call += ["--through", mutated_text(rng, good, "*/^-() 0123456789TNBEeta")]
    call += _settings(rng, B="2") if rng.random() < 0.3 else []
    return CommandLine(call + rng.choice(([], ["--format", "json"], ["--format", "latex"])))


def modified(rng: random.Random) -> CommandLine:
    """Ask for modified equations, losses and imitations with odd options."""
    call = ["modified"]
    if rng.random() < 0.7:
        call += ["--order", rng.choice(("1", "2", "2", "3", _order(rng, "2")))]
    call += _protocol(rng)
    call += _settings(rng, T="3") if "--schedule" in call else []
    call += _settings(rng, N="4", B="2", E="2") if rng.random() < 0.1 else []
    is_imitation = rng.random() < 0.3
    if is_imitation:
        imitated = rng.choice(SAMPLINGS[:10] if rng.random() < 0.8 else SAMPLINGS)
        call += ["--imitate", imitated + rng.choice(("", "", ",momentum", ",sgd", ",,"))]
        call = [word.replace("3", "2") for word in call[:3]] + call[3:]  # others take long
    for options in (
        ["--role", rng.choice(("population", "training-set", "training-set", "training-set", "x"))],
        ["--format", rng.choice(("text", "latex", "mathml", "json", "python", "pdf"))],
        *([["--imitate-set", f"B={number(rng, '2')}"]] if is_imitation else []),
        *([["--loss"], ["--basis", rng.choice(("moment", "plug-in"))]] if not is_imitation else []),
        *([["--per", "epoch"]] if not is_imitation else []),
    ):
        if rng.random() < 0.25:
            call += options
    return CommandLine(call)


def compare(rng: random.Random) -> CommandLine:
    """Compare with odd numbers; small runs."""
    call = ["compare", "--landscape", rng.choice(("mean", "gauss", "helix")), "--order", "1"]
    call += ["--runs", number(rng, "4", "20"), "--seed", number(rng, "0", "1"), *_protocol(rng)]
    call += _settings(rng, T="3", eta=rng.choice(("0.01", "0.01,0.02")))
    for options in (
        ["--observable", rng.choice(OBSERVABLES)],
        ["--component", rng.choice(("0", "0,0", "9", "-1", "1e3", "٣", "9" * 30, ",", ""))],
        ["--resummed"],
        ["--format", "json"],
        ["--plot", rng.choice(("x.txt", "", "nowhere/x.png"))],
        ["--checkpoint", rng.choice(("new.json", "grid.json", ".", "nowhere/x", ""))],
    ):
        if rng.random() < 0.2:
            call += options
    return CommandLine(call)


def long_run(rng: random.Random) -> CommandLine:
    """Judge or drift with odd numbers."""
    start = rng.choice(
        (["--landscape", rng.choice(("mean", "gauss", "helix"))], ["--statistics", "exact.json"])
    )
    command = rng.choice(("judge", "drift"))
    call = [command, *start, "--order", _order(rng, "1", "2"), *_protocol(rng)]
    numbers = {"eta": rng.choice(("0.1", "0.01", "0.1,0.2"))}
    if command == "judge":
        numbers["T"] = rng.choice(("3", "100"))
        if rng.random() < 0.3:
            call += ["--observable", rng.choice(OBSERVABLES)]
    call += _settings(rng, **numbers)
    return CommandLine(call + rng.choice(([], ["--format", "json"])))


def other(rng: random.Random) -> CommandLine:
    """Call something else, or something that is no command."""
    return CommandLine(
        rng.choice(
            (
                ["results", rng.choice(("takeuchi", "nothing", "", "x" * 5000))],
                ["verify", "--order", _order(rng, "1"), "--seed", number(rng, "0", "1")],
                [mutated_text(rng, rng.choice(("expand", "list", "--help", "--version")))],
                ["expand", "--order", "1", "--output", rng.choice((".", "", "nowhere/x", "\0"))],
                [rng.choice(("expand", "list", "judge")), "--help"],
            )
        )
    )
