r"""Tensor notation for contractions: LaTeX, terminal text, einsum and SymPy tensors.

One walk along the graph puts the tensors in an order and names the indices; LaTeX, text and other
formats for reading spell one layout of them, einsum and SymPy have names of their own. Named tensors:
:math:`G, H, J, K` for the first four mean derivatives, :math:`D^{(k)}` from the fifth on, :math:`C`
and :math:`S` for the covariance and third cumulant of the gradient; any other block is :math:`M`
(moment) or :math:`\kappa` (cumulant) with bars between the index groups of its derivatives. Averages over
samples wear a hat, :math:`\hat G`, :math:`\widehat M` (in text ``G^``, ``V``); where different blocks
stand for different samples, lone derivatives wear a breve, :math:`\breve G` (``G^u``), and other blocks
are :math:`\text{U}`. Where noise is fresh at every visit of a datapoint, a semicolon in place of a bar
parts the visits of a block, :math:`M_{\mu;\nu}`, and cumulants of conditional cumulants are
:math:`\varkappa`.
"""

from __future__ import annotations

import re
from string import ascii_letters
from typing import TYPE_CHECKING, Literal

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.contractions.factors import Tensor, walk
from sgdiagrams.symbolic.layout import quantities
from sgdiagrams.symbolic.layout.indices import index_latex, index_letter
from sgdiagrams.symbolic.layout.latex import latex_text
from sgdiagrams.symbolic.layout.mathml import mathml_text
from sgdiagrams.symbolic.layout.nodes import ONE, THIN, joined
from sgdiagrams.symbolic.layout.text import plain_text
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED

if TYPE_CHECKING:
    from sympy import Expr

    from sgdiagrams.symbolic.contractions.graph import ContractedGraph
    from sgdiagrams.symbolic.layout.nodes import Node


__all__ = [
    "check_is_product",
    "einsum_of",
    "index_latex",
    "index_letter",
    "latex_of",
    "mathml_of",
    "tensor_name",
    "tensor_of",
    "tensors_of",
    "text_of",
]


_LOSSES = (LOSS, PENALISED)


_NAMES = {0: "l", 1: "G", 2: "H", 3: "J", 4: "K"}


_BARRED = {"moment": "M", "plug-in": "V", "distinct": "U"}


_MARKS: dict[str, Literal["hat", "breve"]] = {"plug-in": "hat", "distinct": "breve"}


def tensor_name(tensor: Tensor) -> tuple[str, bool]:
    """Return the plain name of a block's tensor and whether its index groups need bars.

    Examples
    --------
    >>> tensor_name(Tensor("block", ((0,), (1,)), ("loss", "loss"), "cumulant"))
    ('C', False)
    """
    if tensor.kind == "eta":
        return "eta", False
    legs = tuple(map(len, tensor.groups))
    if len(legs) == 1:
        label = tensor.labels[0]
        if label not in _LOSSES:
            return label, False
        name = _NAMES.get(legs[0], f"D{legs[0]}")
        return (f"{name}~" if label == PENALISED else name), False
    if tensor.basis == "cumulant":
        if set(tensor.labels) == {"loss"} and set(legs) == {1} and len(legs) in (2, 3):
            return "C" if len(legs) == 2 else "S", False
        return "kappa", True
    if tensor.basis == "conditional":
        return "varkappa", True
    return _BARRED[tensor.basis], True


def tensors_of(contraction: ContractedGraph) -> tuple[Node, ...]:
    """Return the layout of every factor in reading order; a 1 where there is none."""
    # Functions are the same for all samples: they are marked where nothing else tells the basis.
    has_loss = any(label in _LOSSES for label in contraction.labels)
    return tuple(_layout(tensor, has_loss=has_loss) for tensor in walk(contraction)) or (ONE,)


def _layout(tensor: Tensor, *, has_loss: bool) -> quantities.IndexedTensor:
    name, has_bars = tensor_name(tensor)
    penalised = tuple(label == PENALISED for label in tensor.labels)
    mark = None
    if not has_bars and (not has_loss or any(label in _LOSSES for label in tensor.labels)):
        mark = _MARKS.get(tensor.basis)
    return quantities.IndexedTensor(
        name.removesuffix("~"), tensor.groups, penalised, has_bars, mark, tensor.breaks
    )


def latex_of(contraction: ContractedGraph) -> str:
    r"""Return the contraction in LaTeX, repeated indices being summed.

    Examples
    --------
    >>> from sgdiagrams.symbolic.contractions.contraction import Contraction
    >>> print(latex_of(Contraction.build([(0, 1), (1, 2)], [[0, 2], [1]])))
    M_{\mu|\nu}\, H_{\mu\nu}
    """
    return r"\, ".join(map(latex_text, tensors_of(contraction)))


def text_of(contraction: ContractedGraph) -> str:
    """Return the contraction for the terminal, repeated indices being summed.

    Examples
    --------
    >>> from sgdiagrams.symbolic.contractions.contraction import Contraction
    >>> text_of(Contraction.build([(0, 1)], [[0], [1]], metric="eta"))
    'G_a eta^ab G_b'
    """
    return " ".join(map(plain_text, tensors_of(contraction)))


def mathml_of(contraction: ContractedGraph) -> str:
    """Return the contraction in MathML, a ``math`` element.

    Examples
    --------
    >>> from sgdiagrams.symbolic.contractions.contraction import Contraction
    >>> print(mathml_of(Contraction.build([], [[0]])))
    <math xmlns="http://www.w3.org/1998/Math/MathML"><mi>ℓ</mi></math>
    """
    return mathml_text(joined(tensors_of(contraction), THIN))


def einsum_of(contraction: ContractedGraph) -> tuple[str, list[str]]:
    """Return the subscripts and operand names of NumPy's einsum.

    Operands are the block tensors by name (``G``, ``C``, ``M_1_2`` with one axis for every index of
    every group in order) and ``eta``.

    Raises
    ------
    RequestError
        When averages are over distinct samples, which are no product of tensors.

    Examples
    --------
    >>> from sgdiagrams.symbolic.contractions.contraction import Contraction
    >>> einsum_of(Contraction.build([(0, 1), (1, 2)], [[0, 2], [1]]))
    ('ab,ab->', ['M_1_1', 'H'])
    """
    check_is_product(contraction)
    subscripts = []
    operands = []
    for tensor in walk(contraction):
        subscripts.append("".join(ascii_letters[i] for group in tensor.groups for i in group))
        operands.append(operand_name(tensor))
    output = ascii_letters[: len(contraction.free)]
    return f"{','.join(subscripts)}->{output}", operands


def check_is_product(contraction: ContractedGraph) -> None:
    """Raise a RequestError where a contraction is no product of tensors: over distinct samples."""
    if contraction.basis == "distinct" and len(contraction.blocks) > 1:
        raise RequestError(
            "expected a product of tensors, got an average over distinct samples, "
            f"{shown(text_of(contraction))}; change the basis to plug-in"
        )


def operand_name(tensor: Tensor) -> str:
    """Return the Python name of a factor: ``G``, ``C``, ``eta``, ``M_1_2``, ``kappa_1_2``.

    A penalised loss adds ``_penalised`` to a single tensor, and ``p`` to its number of legs in a block.
    Another visit begins after two underscores: ``M_1__1``.
    """
    name, bars = tensor_name(tensor)
    if not bars:
        return re.sub(r"\W", "_", name.replace("~", "_penalised"))
    legs = [
        f"{len(group)}{'p' if label == PENALISED else ''}"
        for group, label in zip(tensor.groups, tensor.labels, strict=True)
    ]
    parts = ["" if i in tensor.breaks else None for i in range(len(legs))]
    spelled = [x for gap, leg in zip(parts, legs, strict=True) for x in (gap, leg) if x is not None]
    return "_".join([name, *spelled])


def tensor_of(contraction: ContractedGraph) -> Expr:
    """Return the contraction as a SymPy tensor expression over one index type ``L``.

    Raises
    ------
    RequestError
        As `einsum_of`.
    """
    from sympy import Mul
    from sympy.tensor.tensor import (
        TensorHead,
        TensorIndex,
        TensorIndexType,
        TensorSymmetry,
    )

    check_is_product(contraction)
    space = TensorIndexType("L", dummy_name="L")
    seen: set[int] = set(range(len(contraction.free)))
    factors = []
    for tensor in walk(contraction):
        indices = []
        for group in tensor.groups:
            for i in group:
                index = TensorIndex(f"i{i}", space)
                up = tensor.kind == "eta" if contraction.metric == "eta" else i not in seen
                seen.add(i)
                indices.append(index if up else -index)
        sizes = [len(group) for group in tensor.groups if group]
        symmetry = TensorSymmetry.direct_product(*sizes) if sizes else None
        if symmetry is None:
            from sympy import Symbol

            factors.append(Symbol(tensor_name(tensor)[0]))
            continue
        head = TensorHead(operand_name(tensor), [space] * len(indices), symmetry)
        factors.append(head(*indices))
    return Mul(*factors) if len(factors) < 2 else _tensor_product(factors)


def _tensor_product(factors: list[Expr]) -> Expr:
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    return product
