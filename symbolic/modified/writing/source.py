"""Modified equations, losses and penalties as standalone NumPy source: a function for every tensor."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from sympy import Expr, Symbol

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.formula import Part
from sgdiagrams.symbolic.modified.writing.equations import equation_heading
from sgdiagrams.symbolic.modified.writing.losses import loss_heading
from sgdiagrams.symbolic.observable import DISPLACEMENT
from sgdiagrams.symbolic.source.helpers import used_helpers
from sgdiagrams.symbolic.source.tensors import (
    RESERVED,
    Block,
    contraction_source,
    named_blocks,
    tensors_source,
)
from sgdiagrams.symbolic.source.weights import named_exponentials, weights_source
from sgdiagrams.symbolic.symbols import in_usual_order
from sgdiagrams.symbolic.writing.number_checks import checks_source

if TYPE_CHECKING:
    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.modified.kramers_moyal import KramersMoyal
    from sgdiagrams.symbolic.modified.writing.losses import Parts
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["equation_source", "loss_source", "penalty_source"]

_NAMES = {1: "drift", 2: "diffusion"}


class _Tensor(NamedTuple):
    """A function of the source: its name, what it is, and the terms of the tensor that it returns."""

    name: str
    words: str
    expressions: tuple[Expression, ...]


def equation_source(equation: KramersMoyal) -> str:
    """Return Python source of a modified equation, which needs nothing but NumPy.

    ``tensors(derivatives)`` averages arrays of per-sample derivatives, ``{1: g, 2: h, ...}`` with the
    sample axis first, into the named tensors; ``drift(tensors, *, eta, ...)``, and where there is noise
    ``diffusion`` and ``tensor_3``, ..., sum the orders of a tensor, one axis of length p a leg. The
    samples count as the whole population, or are the training set.

    Weights of the numbers are worked out as in the source of expansions.

    Raises
    ------
    RequestError
        When there are more indices than letters, or the name of a number is none of Python's.
    """
    orders = range(1, equation.order + 1)
    tensors = [
        _Tensor(
            _NAMES.get(m, f"tensor_{m}"),
            f"{_NAMES.get(m, f'tensor with {m} legs')} per {equation.per}",
            tuple(equation.tensor(m, k) for k in orders),
        )
        for m in equation.ranks or (1,)
    ]
    return _source(equation_heading(equation), tensors, (equation.training,))


def loss_source(equation: KramersMoyal, parts: Parts) -> str:
    """Return Python source of a modified loss: ``loss``, and ``obstruction`` where there is one.

    The obstruction is returned as what the drift is beside eta times the gradient of the loss, with its
    sign. All else is as in `equation_source`.

    Raises
    ------
    RequestError
        As for `equation_source`.
    """
    rests = tuple(-rest for _, rest in parts if not rest.is_zero)
    tensors = [_Tensor("loss", "modified loss", tuple(loss for loss, _ in parts))]
    if rests:
        words = f"part of the drift per {equation.per} that is no gradient"
        tensors.append(_Tensor("obstruction", words, rests))
    return _source(loss_heading(equation), tensors, (equation.training,))


def penalty_source(headline: str, parts: Parts, trainings: tuple[Training, ...]) -> str:
    """Return Python source of what an imitation adds to the loss: ``penalty``.

    All else is as in `equation_source`.

    Raises
    ------
    RequestError
        As for `equation_source`.
    """
    penalties = tuple(penalty for penalty, _ in parts)
    return _source(headline, [_Tensor("penalty", "penalty", penalties)], trainings)


def _source(headline: str, tensors: list[_Tensor], trainings: tuple[Training, ...]) -> str:
    names = named_blocks(
        contraction for t in tensors for part in t.expressions for contraction in part.contractions
    )
    decays = dict.fromkeys(training.optimizer.weight_decay for training in trainings)
    if len(decays) > 1:
        raise RequestError(
            f"expected one weight decay in source, got {' and '.join(map(str, decays))}"
        )
    lines = tensors_source(names, [decay for decay in decays if decay != 0], needs_size=False)
    for tensor in tensors:
        lines += ["", "", *_function(tensor, names, trainings)]
    shown_line = headline.replace("\\", "/").replace('"', "'")
    source = [f'"""{shown_line}, written by sgdiagrams."""', "", "import numpy", "", "", *lines, ""]
    for helper in used_helpers(lines):
        source += ["", *helper.splitlines(), ""]
    return "\n".join(source)


def _function(
    tensor: _Tensor, names: dict[Block, str], trainings: tuple[Training, ...]
) -> list[str]:
    pairs = [pair for part in tensor.expressions for pair in part.terms]
    used = named_blocks(contraction for _, contraction in pairs).keys()
    own = {block: name for block, name in names.items() if block in used}
    symbols = in_usual_order({str(s) for weight, _ in pairs for s in weight.free_symbols})
    for symbol in symbols:
        if not symbol.isidentifier() or symbol in RESERVED.union(names.values()):
            raise RequestError(
                f"expected names of numbers that source can have, got {shown(symbol)}; call it otherwise"
            )
    local: dict[Expr, str] = {Symbol(s): s for s in symbols}
    parts = tuple(Part(Fraction(1), DISPLACEMENT, t.sampling, t.optimizer) for t in trainings)
    weights = [weight for weight, _ in pairs]
    exponentials = named_exponentials(weights, local, RESERVED.union(names.values(), symbols))
    checks, reals = checks_source(parts, symbols, local, exponentials)
    first, factors = weights_source(weights, local, exponentials, reals)
    sized = next((n for block, n in own.items() if any(legs for _, legs in block.nodes)), None)
    rank = max(part.rank for part in tensor.expressions)
    shape = "(p,)" if rank == 1 else f"({', '.join('p' * rank)})"
    kind = f", shape {shape}" if rank else ""
    checked = '_finite(tensors, result, "entry")' if rank else "_finite(tensors, result[None])[0]"
    return [
        '@numpy.errstate(all="ignore")',
        f"def {tensor.name}(tensors, /, *, {', '.join(['eta', *symbols])}):",
        f'    """Return the {tensor.words}{kind}; eta: scalar, (p,) or (p, p)."""',
        *checks,
        *(f'    {name} = tensors["{name}"]' for name in own.values()),
        *([f"    p = {sized}.shape[0]"] if sized else []),
        f"    eta = _rate(eta, {'p' if sized else None})",
        f"    result = numpy.zeros({shape})",
        *first,
        *(
            f"    result += {factor} * {contraction_source(contraction, names)}"
            for factor, (_, contraction) in zip(factors, pairs, strict=True)
        ),
        f"    return {checked}",
    ]
