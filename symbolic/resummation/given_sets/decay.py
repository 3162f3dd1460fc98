"""What has decayed over the batches of a round."""

from __future__ import annotations

from typing import Any

from sympy import Expr, Function, S

__all__ = ["PowerDecay"]


class PowerDecay(Function):  # type: ignore[misc]  # SymPy ships no types
    r"""The function :math:`1 - x^M`: what one round of M steps takes from a product x of 1 - h.

    It stays as it is where M is a symbol, so that nobody takes the power for a rational function.

    Examples
    --------
    >>> from sympy.abc import M, q
    >>> PowerDecay(M, q), PowerDecay(2, q), PowerDecay(M, q).doit()
    ((1 - q^M), 1 - q**2, 1 - q**M)
    """

    is_commutative = True

    @classmethod
    def eval(cls, M: Expr, x: Expr) -> Expr | None:
        """Write it out where M is a number."""
        if x == 1:
            return S.Zero
        return 1 - x**M if M.is_Integer else None

    def doit(self, **hints: Any) -> Expr:
        """Return it written out."""
        M, x = (arg.doit(**hints) for arg in self.args)
        return 1 - x**M

    def fdiff(self, argindex: int = 1) -> Expr:
        """Return the derivative by one of the arguments."""
        return self.doit().diff(self.args[argindex - 1])

    def _eval_evalf(self, prec: int) -> Expr:
        return self.doit()._eval_evalf(prec)  # noqa: SLF001 - SymPy's own protocol

    def _sympystr(self, printer: Any) -> str:
        M, x = self.args
        base, power = printer.doprint(x), printer.doprint(M)
        shown = base if x.is_Symbol else f"({base})"
        return f"(1 - {shown}^{power if M.is_Symbol else f'({power})'})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        M, x = self.args
        body = f"1 - {printer.doprint(x**M)}"
        return rf"\left({body}\right)" + ("" if exp is None else f"^{{{exp}}}")
