"""What the options of a command ask for: numbers, schemes, optimisers, expansions, statistics."""

from __future__ import annotations

from string import ascii_letters
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.numeric.measurement.measured import Measured
    from sgdiagrams.numeric.measurement.values import Values
    from sgdiagrams.numeric.statistics import Statistics
    from sgdiagrams.symbolic.expansion import Expansion
    from sgdiagrams.symbolic.path_expansion import PathExpansion
    from sgdiagrams.symbolic.resummed import ResummedExpansion
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = [
    "byte_size",
    "check_others",
    "component_indices",
    "derive",
    "derive_along_path",
    "derive_resummed",
    "holder_of",
    "parse_settings",
    "path_arguments",
    "pop_eta",
    "pop_rates",
    "positive_number",
    "read_protocol",
    "refuse_options",
    "statistics_of",
    "whole_numbers",
]


_UNITS = {"": 1, "B": 1} | {
    f"{letter}{middle}B": base**power
    for power, letter in enumerate("KMGT", start=1)
    for middle, base in (("", 1000), ("I", 1024))
}


def byte_size(option: str, text: str) -> int:
    """Return the bytes that a text such as ``2GB``, ``512MiB`` or ``1e9`` says.

    Raises
    ------
    RequestError
        When it says none.

    Examples
    --------
    >>> byte_size("--memory", "1.5 GB"), byte_size("--memory", "2KiB")
    (1500000000, 2048)
    """
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.diagrams.messages import shown
    from sgdiagrams.diagrams.written_numbers import written_number

    number = text.strip().rstrip(ascii_letters)
    unit = text.strip().removeprefix(number).upper()
    try:
        size = int(written_number(number) * _UNITS[unit])
    except (ValueError, KeyError):
        size = 0
    if size < 1:
        raise RequestError(f"expected a size such as 2GB or 500MB for {option}, got {shown(text)}")
    return size


def positive_number(option: str, text: str | None) -> float | None:
    """Return a positive number that an option gives; None where it is left out.

    Raises
    ------
    RequestError
        When it gives another.

    Examples
    --------
    >>> positive_number("--precision", "1/20")
    0.05
    """
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.diagrams.messages import shown
    from sgdiagrams.diagrams.written_numbers import written_number

    if text is None:
        return None
    try:
        value = float(written_number(text))
    except (ValueError, OverflowError):
        value = 0.0
    if value <= 0:
        raise RequestError(f"expected a positive number for {option}, got {shown(text)}")
    return value


def whole_numbers(option: str, text: str | None) -> list[int] | None:
    """Return the whole numbers of an option, such as ``0,50,100``; None where it is left out.

    Raises
    ------
    RequestError
        When one is not whole.

    Examples
    --------
    >>> whole_numbers("--times", "0,50,1e2")
    [0, 50, 100]
    """
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.diagrams.messages import shown
    from sgdiagrams.diagrams.written_numbers import read_numbers

    if text is None:
        return None
    values = read_numbers(option, text)
    if any(value.denominator != 1 for value in values):
        raise RequestError(
            f"expected whole numbers such as 0,50,100 for {option}, got {shown(text)}"
        )
    return [int(value) for value in values]


def parse_settings(settings: Sequence[str], *, option: str = "--set") -> dict[str, Any]:
    """Return ``NAME=VALUE`` options as exact numbers; values with commas as lists of them.

    Raises
    ------
    RequestError
        When an option has another form, a name occurs twice, or a comma stands for a decimal point.
    """
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.diagrams.messages import shortened, shown
    from sgdiagrams.diagrams.written_numbers import read_numbers

    numbers: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        name = name.strip()
        if not equals or not name.isidentifier():
            raise RequestError(f"expected {option} NAME=VALUE such as T=10, got {shown(setting)}")
        if name in numbers:
            raise RequestError(f"expected {option} {shortened(name)} once, got it twice")
        parsed = read_numbers(shortened(name), value)
        plain = [int(f) if f.denominator == 1 else f for f in parsed]
        numbers[name] = plain[0] if len(plain) == 1 else plain
    return numbers


def derive(*, visits: Any = "same", **request: Any) -> Expansion:
    """Return the expansion that the options of a command ask for."""
    from sgdiagrams.symbolic.theorem import expand

    expansion: Expansion = expand(**_arguments(**request), visits=visits)
    return expansion


def derive_resummed(role: Any, **request: Any) -> ResummedExpansion:
    """Return the re-summed expansion that the options of a command ask for."""
    from sgdiagrams.symbolic.theorem import expand

    return expand(**_arguments(**request), resummed=True, role=role or "population")


def derive_along_path(
    *,
    observable: str,
    noise: int | None,
    basis: Any,
    settings: Sequence[str],
    **protocol: Any,
) -> PathExpansion:
    """Return the expansion along the path that the options of a command ask for."""
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.symbolic.theorem import expand

    if noise is None:
        raise RequestError("expected --noise with --along-path, got none; give --noise 1")
    scheme, rule = read_protocol(parse_settings(settings), **protocol)
    return expand(
        observable, noise=noise, sampling=scheme, optimizer=rule, basis=basis, along_path=True
    )


def _arguments(
    *,
    observable: str,
    order: int | None,
    basis: Any,
    settings: Sequence[str],
    through: int | None = None,
    **protocol: Any,
) -> dict[str, Any]:
    """Return the options of a command as arguments of `expand`."""
    from sgdiagrams.diagrams.errors import RequestError

    if (order is None) == (through is None):
        raise RequestError(
            "expected either --order or, with --resummed, --through, got "
            f"{'none' if order is None else 'both'}"
        )
    scheme, rule = read_protocol(parse_settings(settings), **protocol)
    extent = {"order": order} if through is None else {"through": through}
    return {
        "observable": observable,
        **extent,
        "sampling": scheme,
        "optimizer": rule,
        "basis": basis,
    }


def _decay(text: str | None) -> Any:
    """Return a weight decay, or one for every weight where commas separate them."""
    if text is None or "," not in text:
        return text
    from sgdiagrams.diagrams.written_numbers import read_numbers

    return read_numbers("weight_decay", text)


def read_protocol(
    numbers: dict[str, Any],
    *,
    sampling: str,
    method: str,
    weight_decay: str | None,
    schedule: str | None,
    average: str | None,
    penalty: str | None = None,
    decoupled_decay: str | None = None,
) -> tuple[Sampling, Optimizer]:
    """Return the scheme and the optimiser that options name, each with its own numbers.

    Raises
    ------
    SamplingError
        When a number belongs to neither, or is impossible.
    """
    from sgdiagrams.symbolic.training.names import named_optimizer, named_sampling

    options = {
        "schedule": schedule,
        "average": average,
        "weight_decay": _decay(weight_decay),
        "penalty": penalty,
        "decoupled_decay": decoupled_decay,
    }
    scheme = named_sampling(sampling)
    optimizer = named_optimizer(method, **options)
    own = {name: value for name, value in numbers.items() if name in optimizer.symbols}
    rest = {name: value for name, value in numbers.items() if name not in own}
    return scheme.at(**rest), optimizer.at(**own)


def path_arguments(
    options: dict[str, Any],
) -> tuple[dict[str, Any], dict[str, list[Any]], dict[str, Any]]:
    """Return how a measurement along the path is made, other batch sizes by name, and other options.

    The first is what `path_options` were given, as arguments of `along_path`.

    Raises
    ------
    RequestError
        When an option is no number.
    """
    rest = dict(options)
    noise, samples, memory = (rest.pop(name) for name in ("noise", "samples", "memory"))
    at = rest.pop("at")
    measuring = {
        "noise": noise,
        "samples": samples,
        "precision": positive_number("--precision", rest.pop("precision")),
        "budget": positive_number("--budget", rest.pop("budget")),
        "memory": None if memory is None else byte_size("--memory", memory),
    }
    numbers = {} if at is None else parse_settings([at], option="--at")
    others = {name: v if isinstance(v, list) else [v] for name, v in numbers.items()}
    return {name: v for name, v in measuring.items() if v is not None}, others, rest


def check_others(others: dict[str, list[Any]], scheme: Sampling, role: str) -> None:
    """Refuse other batch sizes that a scheme cannot be told of, before the long work.

    Raises
    ------
    SamplingError
        For the first of them.
    """
    measured = (scheme.on_given_rows if role == "training-set" else None) or scheme
    for name, values in others.items():
        for value in values:
            measured.rescaled(**{name: value})


def pop_eta(numbers: dict[str, Any]) -> Any:
    """Take the learning rate out of the numbers.

    Raises
    ------
    RequestError
        When there is none.
    """
    from sgdiagrams.diagrams.errors import RequestError

    if "eta" not in numbers:
        raise RequestError("expected a learning rate; give --set eta=0.05")
    return numbers.pop("eta")


def pop_rates(numbers: dict[str, Any]) -> float | list[float] | None:
    """Take the learning rates out of the numbers, one or several; None where there is none."""
    eta = numbers.pop("eta", None)
    if isinstance(eta, list):
        return [float(value) for value in eta]
    return None if eta is None else float(eta)


def component_indices(text: str | None) -> tuple[int, ...] | None:
    """Return the indices of a component that a text such as ``0`` or ``0,1`` names."""
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.diagrams.messages import shown

    if text is None:
        return None
    pieces = [piece.strip() for piece in text.split(",")]
    if not all(piece.isdecimal() for piece in pieces):
        raise RequestError(f"expected indices such as 0 or 0,1 for --component, got {shown(text)}")
    return tuple(map(int, pieces))


def statistics_of(landscape: str | None, path: str | None, order: int) -> Statistics:
    """Return the statistics of a landscape up to an order, with its start, or those of a file.

    Raises
    ------
    RequestError
        When both are given, or neither, or the file holds other numbers.
    """
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.diagrams.messages import shown
    from sgdiagrams.numeric.statistics import Statistics

    holder = holder_of(landscape, path, order)
    if not isinstance(holder, Statistics):
        raise RequestError(
            "expected per-sample derivatives as Statistics.save writes them, which have an eigenbasis, "
            f"got {shown(holder)}"
        )
    return holder


def holder_of(
    landscape: str | None, path: str | None, order: int
) -> Statistics | Measured | Values:
    """Return the statistics of a landscape up to an order, with its start, or the numbers of a file.

    Raises
    ------
    RequestError
        When both are given, or neither.
    """
    from dataclasses import replace

    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.numeric.holders import read_holder
    from sgdiagrams.numeric.landscapes.names import landscape as named_landscape

    if (landscape is None) == (path is None):
        raise RequestError("expected either --landscape or --statistics, got both or neither")
    if path is not None:
        return read_holder(path)
    ground = named_landscape(landscape or "")
    statistics = ground.statistics(order)
    return statistics if statistics.start is not None else replace(statistics, start=ground.start)


def refuse_options(rule: str, options: dict[str, bool]) -> None:
    """Refuse options that were given but mean nothing here.

    Raises
    ------
    RequestError
        For the first of them.
    """
    from sgdiagrams.diagrams.errors import RequestError

    for name, is_given in options.items():
        if is_given:
            raise RequestError(f"expected {name} {rule}, got it otherwise")
