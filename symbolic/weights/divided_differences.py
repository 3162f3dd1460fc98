r"""Divided differences of powers and exponentials, as SymPy functions.

.. math:: [x_0, \dots, x_L] f = \sum_i \frac{f(x_i)}{\prod_{j \ne i} (x_i - x_j)},

with derivatives of f where nodes coincide. Time sums of dressed diagrams are divided differences of
:math:`x \mapsto x^T` at products of :math:`1 - h`, and in continuous time of :math:`x \mapsto e^{Tx}`
at sums of :math:`-h`. They stay unevaluated, so that no formula divides by a difference of eigenvalues
that may be 0; ``doit`` writes them out.

Sources: C. de Boor, "Divided differences", Surv. Approx. Theory 1 (2005) 46; G. Opitz, "Steigungs-
matrizen", ZAMM 44 (1964) T52.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from sympy import Add, Dummy, Expr, Function, Mul, S, diff, exp, factorial, sympify
from sympy.core.function import ArgumentIndexError

__all__ = ["ExponentialDifference", "PowerDifference"]


class _DividedDifference(Function):  # type: ignore[misc]  # SymPy ships no types
    """A divided difference of a function with a parameter T: ``(T, x_0, ..., x_L)``."""

    is_commutative = True

    #: How the function is written in text.
    shown: ClassVar[str]

    @classmethod
    def eval(cls, T: Expr, *nodes: Expr) -> Expr | None:
        """Put the nodes into one order; a single node is the function's value."""
        if len(nodes) == 1:
            return cls.function(T, nodes[0])
        if T == 0:
            return cls._at_zero(len(nodes))
        ordered = sorted(nodes, key=_place)
        if list(nodes) != ordered:
            return cls(T, *ordered)
        return None

    @staticmethod
    def function(T: Expr, x: Expr) -> Expr:
        """Return f(x)."""
        raise NotImplementedError

    @staticmethod
    def _at_zero(count: int) -> Expr:
        return S.One if count == 1 else S.Zero

    @property
    def nodes(self) -> tuple[Expr, ...]:
        """The nodes."""
        nodes: tuple[Expr, ...] = self.args[1:]
        return nodes

    def doit(self, **hints: Any) -> Expr:
        """Return the sum of fractions, confluent where nodes are equal as expressions."""
        T, *nodes = (arg.doit(**hints) for arg in self.args)
        counts = Counter(nodes)
        x = Dummy("x")
        terms = []
        for node, multiplicity in counts.items():
            rest = Mul(*((x - other) ** -m for other, m in counts.items() if other != node))
            inside = self.function(T, x) * rest
            value = diff(inside, x, multiplicity - 1) if multiplicity > 1 else inside
            terms.append(value.subs(x, node) / factorial(multiplicity - 1))
        return Add(*terms)

    def fdiff(self, argindex: int = 1) -> Expr:
        """Return the derivative by a node: the same with that node once more."""
        if not 2 <= argindex <= len(self.args):
            raise ArgumentIndexError(self, argindex)
        return self.func(*self.args, self.args[argindex - 1])

    def _eval_evalf(self, prec: int) -> Expr | None:
        if not all(arg.is_number for arg in self.args):
            return None
        # Coinciding and near nodes cancel: the confluent form of exact nodes loses nothing.
        return self.doit()._eval_evalf(prec)  # noqa: SLF001 - SymPy's own protocol

    def _sympystr(self, printer: Any) -> str:
        nodes = ", ".join(printer.doprint(x) for x in self.nodes)
        T, written = self.args[0], printer.doprint(self.args[0])
        return f"[{nodes}]{self.shown.format(written if T.is_Atom else f'({written})')}"


class PowerDifference(_DividedDifference):
    r"""The divided difference :math:`[x_0, \dots, x_L]\, x^T`, symmetric in its nodes.

    For whole T it is the complete homogeneous polynomial of degree T - L.

    Examples
    --------
    >>> from sympy.abc import q, T
    >>> PowerDifference(T, 1, q), PowerDifference(T, 1, 1).doit()
    ([1, q]x^T, T)
    >>> PowerDifference(5, 1, q).doit().subs(q, 2)
    31
    """

    shown = "x^{}"

    @staticmethod
    def function(T: Expr, x: Expr) -> Expr:
        """Return :math:`x^T`."""
        return x**T

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _latex(self, printer, f"x^{{{printer.doprint(self.args[0])}}}", exp)


class ExponentialDifference(_DividedDifference):
    r"""The divided difference :math:`[x_0, \dots, x_L]\, e^{T x}`, symmetric in its nodes.

    Examples
    --------
    >>> from sympy.abc import h, T
    >>> ExponentialDifference(T, 0, -h).doit()
    1/h - exp(-T*h)/h
    """

    shown = "exp({} x)"

    @staticmethod
    def function(T: Expr, x: Expr) -> Expr:
        """Return :math:`e^{T x}`."""
        return exp(T * x)

    def fdiff(self, argindex: int = 1) -> Expr:
        """Return the derivative by T or by a node."""
        if argindex == 1:
            T, first, *rest = self.args
            return first * self + ExponentialDifference(T, *rest)
        return super().fdiff(argindex)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        T = self.args[0]
        time = rf"\left({printer.doprint(T)}\right)" if T.is_Add else printer.doprint(T)
        return _latex(self, printer, f"e^{{{time} x}}", exp)


def _latex(self: _DividedDifference, printer: Any, function: str, power: str | None) -> str:
    nodes = ",\\, ".join(printer.doprint(x) for x in self.nodes)
    body = rf"\left[{nodes}\right] {function}"
    return body if power is None else rf"\left({body}\right)^{{{power}}}"


def _place(node: Expr) -> tuple[object, ...]:
    """Sort numbers first, then short products, then by name."""
    expr = sympify(node)
    return (not expr.is_number, len(expr.free_symbols), _names(expr), str(expr))


def _names(expr: Expr) -> tuple[str, ...]:
    return tuple(sorted(map(str, expr.free_symbols)))
