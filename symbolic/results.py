r"""Known results on long times, each derived by one call.

From a minimum of the test loss (G = 0) the re-summed expansion gives the laws that the literature
knows. Nothing here is typed in: every function derives an expansion, takes a form of it, and puts in a
condition where the law has one.

References
----------
K. Takeuchi, Suri-Kagaku 153 (1976) 12; H. Akaike, IEEE Trans. Autom. Control 19 (1974) 716; S. Tenka,
"A Perturbative Theory of SGD" (2020), sections 3 and 4 (with other factors and powers of eta).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sympy import Expr, Integer, LambertW, Symbol, diff, exp, factor_list, latex, solve

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import check_choice
from sgdiagrams.symbolic.resummation.eigenvalues import eigenvalue
from sgdiagrams.symbolic.resummation.given_tensors import tidy
from sgdiagrams.symbolic.theorem import expand

if TYPE_CHECKING:
    from collections.abc import Callable

    from sgdiagrams.symbolic.resummed import ResummedExpansion

__all__ = ["RESULTS", "KnownResult", "known_result"]


@dataclass(frozen=True, slots=True)
class KnownResult:
    """A law, derived.

    Attributes
    ----------
    name
        Its name, for `known_result`.
    statement
        What it says.
    call
        How to derive it with the public interface.
    formula
        The law for one weight, or for given tensors.
    expansion
        The same for any number of weights, where the law has such a form.
    left
        What stands before the formula in LaTeX, where there is no expansion.
    """

    name: str
    statement: str
    call: str
    formula: Expr
    expansion: ResummedExpansion | None = None
    left: str = ""

    def latex(self) -> str:
        r"""Return the law in LaTeX: for any number of weights where it has such a form.

        Examples
        --------
        >>> print(known_result("akaike").latex())
        \begin{equation*}
          \langle\ell - \hat{\ell}\rangle \to \frac{p}{N}
        \end{equation*}
        """
        if self.expansion is not None:
            return self.expansion.latex()
        return f"\\begin{{equation*}}\n  {self._equation}\n\\end{{equation*}}"

    @property
    def _equation(self) -> str:
        return f"{self.left} {latex(self.formula)}"

    def __str__(self) -> str:
        return f"{self.name}: {self.statement}\n  {self.formula}\n  {self.call}"

    def _repr_latex_(self) -> str:
        if self.expansion is not None:
            return self.expansion._repr_latex_()
        return f"$$\n{self._equation}\n$$"

    def _repr_markdown_(self) -> str:
        return f"**{self.name}.** {self.statement}\n\n{self._repr_latex_()}\n\n`{self.call}`"


def _gap() -> ResummedExpansion:
    gap = expand("generalisation-gap", order=1, sampling="full-batch", resummed=True)
    return gap.at_minimum().stationary()


def _takeuchi() -> KnownResult:
    gap = _gap()
    return KnownResult(
        "takeuchi",
        "Takeuchi's criterion: full-batch descent from a test minimum overfits by tr(C/H)/N.",
        "expand('generalisation-gap', order=1, sampling='full-batch', resummed=True)"
        ".at_minimum().stationary()",
        gap.in_one_dimension(),
        gap,
    )


def _akaike() -> KnownResult:
    # In the eigenbasis, where eta is 1 and H diagonal, C = H says C_aa = h_a.
    [term] = _gap().terms
    cost = (term.weight * eigenvalue(0)).cancel()
    return KnownResult(
        "akaike",
        "Akaike's criterion: where the noise is the curvature, C = H, each of p weights costs 1/N.",
        "known_result('takeuchi') at C = H",
        Symbol("p") * cost,
        left=r"\langle\ell - \hat{\ell}\rangle \to",
    )


def _excess(form: str) -> ResummedExpansion:
    excess = expand("test-loss", order=2, sampling="full-batch", resummed=True).at_minimum()
    return excess.continuous() if form == "continuous" else excess.stationary()


def _excess_loss() -> KnownResult:
    excess = _excess("continuous")
    return KnownResult(
        "excess-loss",
        "What full-batch descent from a test minimum costs after E updates.",
        "expand('test-loss', order=2, sampling='full-batch', resummed=True)"
        ".at_minimum().continuous()",
        excess.in_one_dimension(2),
        excess,
    )


def _excess_limit() -> KnownResult:
    excess = _excess("stationary")
    return KnownResult(
        "excess-limit",
        "After a long time full-batch descent costs half of Takeuchi's gap.",
        "expand('test-loss', order=2, sampling='full-batch', resummed=True)"
        ".at_minimum().stationary()",
        excess.in_one_dimension(2),
        excess,
    )


def _worst_curvature() -> KnownResult:
    # The excess as a function of x = eta E H, at fixed eta E, C and N; y is exp(-x).
    x, y = Symbol("x"), Symbol("y")
    excess = _excess("continuous").in_one_dimension(2)
    slope = diff(excess.subs(Symbol("H"), x / (symbols.eta * symbols.E)), x)
    numerator = slope.subs(exp(-x), y).together().as_numer_denom()[0]
    # One factor knows both: it is y (1 + 2 x) = 1. The others vanish at x = 0 only.
    [condition] = [f for f, _ in factor_list(numerator)[1] if {x, y} <= f.free_symbols]
    [upper] = [root for root in solve(condition.subs(y, exp(-x)), x) if root != 0]
    # SymPy names the branch of the root 0; the other is on the lower one.
    lower = upper.replace(LambertW, lambda z: LambertW(z, -1))
    return KnownResult(
        "worst-curvature",
        "The excess of full-batch descent is largest where eta E H = 1.2564.",
        "the zero of the derivative of known_result('excess-loss').formula by H",
        lower,
        left=r"\eta E H =",
    )


def _drift() -> KnownResult:
    drift = expand("displacement", order=3, sampling="one-pass", resummed=True).at_minimum()
    return KnownResult(
        "drift",
        "SGD drifts from a test minimum, to where the curvature is less; at small eta.",
        "expand('displacement', order=3, sampling='one-pass', resummed=True)"
        ".at_minimum().small_eta()",
        drift.small_eta().in_one_dimension(),
        drift.small_eta(),
    )


def _valley_velocity() -> KnownResult:
    drift = expand("displacement", order=3, sampling="one-pass", resummed=True).at_minimum()
    valley = drift.small_eta(flat=("a",))
    curvature = Symbol("H")
    across = Symbol("C"), Symbol("J")
    formula = valley.on_tensors(
        curvatures=(0, curvature),
        tensors={
            "C": [[0, 0], [0, across[0]]],
            "J": [[[0, 0], [0, across[1]]], [[0, across[1]], [across[1], 0]]],
        },
        free=(0,),
    )
    return KnownResult(
        "valley-velocity",
        "Along a flat direction SGD moves at a constant velocity, to where the valley is wider.",
        "expand('displacement', order=3, sampling='one-pass', resummed=True)"
        ".at_minimum().small_eta(flat=('a',))",
        formula,
        valley,
    )


def _skewness() -> KnownResult:
    loss = expand("test-loss", order=3, sampling="one-pass", resummed=True).at_minimum()
    continuous = loss.continuous()
    return KnownResult(
        "skewness",
        "The third cumulant of the gradients adds to the test loss at a test minimum.",
        "expand('test-loss', order=3, sampling='one-pass', resummed=True)"
        ".at_minimum().continuous()",
        continuous.in_one_dimension(3),
        continuous,
    )


def _quadratic() -> KnownResult:
    loss = expand("test-loss", order=4, sampling="one-pass", resummed=True)
    exact = loss.for_quadratic()
    return KnownResult(
        "quadratic",
        "On quadratic losses with additive noise nothing is left beyond two edges: exact for all "
        "eta and T.",
        "expand('test-loss', order=4, sampling='one-pass', resummed=True).for_quadratic()",
        exact.in_one_dimension(),
        exact,
    )


def _helix() -> KnownResult:
    # Curvatures 2 and 1 across the valley and 0 along it; C and J as on the helix landscape.
    third = [[[Integer(0)] * 3 for _ in range(3)] for _ in range(3)]
    for i, j, k in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        third[i][j][k] = Integer(1)
    half = Integer(1) / 2
    noise = [[half, -half, 0], [-half, half, 0], [0, 0, 0]]
    drift = expand("displacement", order=3, sampling="one-pass", resummed=True).at_minimum()
    valley = drift.stationary(flat=("a",))
    moved = valley.on_tensors(curvatures=(2, 1, 0), tensors={"C": noise, "J": third}, free=(2,))
    return KnownResult(
        "helix-velocity",
        "On the helix SGD climbs for ever, at eta^2/6 an update when eta is small.",
        "known_result('valley-velocity') on the helix, for all eta",
        tidy((moved / symbols.T).cancel()),
        left=r"\frac{1}{T}\,\langle z_T\rangle \to",
    )


RESULTS: dict[str, Callable[[], KnownResult]] = {
    "takeuchi": _takeuchi,
    "akaike": _akaike,
    "excess-loss": _excess_loss,
    "excess-limit": _excess_limit,
    "worst-curvature": _worst_curvature,
    "drift": _drift,
    "valley-velocity": _valley_velocity,
    "skewness": _skewness,
    "quadratic": _quadratic,
    "helix-velocity": _helix,
}


def known_result(name: str) -> KnownResult:
    """Derive a known result.

    Parameters
    ----------
    name
        One of the names in ``RESULTS``.

    Raises
    ------
    RequestError
        When the name is unknown.

    Examples
    --------
    >>> for name in ("takeuchi", "excess-loss", "valley-velocity", "helix-velocity"):
    ...     print(f"{name:16}", known_result(name).formula)
    takeuchi         C/(H*N)
    excess-loss      C*(1 - exp(-E*H*eta))**2/(2*H*N)
    valley-velocity  -C*J*T*eta**2/(4*H)
    helix-velocity   eta**2/(2*(3 - 2*eta))
    """
    check_choice("name", name, tuple(RESULTS))
    return RESULTS[name]()
