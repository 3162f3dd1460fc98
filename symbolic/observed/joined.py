"""Two observables in one: the mean of their product, or their covariance, each at its own time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar

from sgdiagrams.symbolic.observed.product import Product, multiplied

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.observed.spelling import Spelling

__all__ = ["BETWEEN", "CONNECTED", "Joinable", "together"]

#: What the names of covariances begin with, and what is between the names of factors.
CONNECTED, BETWEEN = "covariance-of:", " * "


class Joinable(Protocol):
    """What is asked of an observable: a dataclass with these fields."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def name(self) -> str:
        """The name on the command line and in files."""

    @property
    def products(self) -> tuple[Product, ...]:
        """The signed sum of products of expectations."""

    @property
    def expressions(self) -> tuple[tuple[str, Expression], ...]:
        """What factors are that are expressions, by name."""

    @property
    def given(self) -> tuple[Any, ...]:
        """What is known of the user's functions."""

    @property
    def spelling(self) -> Spelling:
        """What is inside the expectation of a mean."""

    def check_mean(self, wanted: str) -> None:
        """Raise a RequestError unless it is a mean at the end of training."""

    def at(self, updates: object = None, *, lag: object = None) -> Self:
        """Return the observable at another time."""

    def step(self) -> Self:
        """Return the observable of the last step."""


Observable_ = TypeVar("Observable_", bound=Joinable)


def together(one: Observable_, other: Observable_, *, is_connected: bool) -> Observable_:
    """Return the mean of the product of what two observables are means of, or their covariance.

    Raises
    ------
    RequestError
        When one of them is no mean.
    """
    for of in (one, other):
        of.check_mean("a product")
    other = _with_names_beside(other, dict(one.expressions))
    products = multiplied(one.products, other.products, is_connected=is_connected)
    # Indices of coordinates come before those of expressions.
    mine, yours = one.spelling, other.spelling
    if one.expressions and not other.expressions:
        mine = mine.behind(yours.indices)
    else:
        yours = yours.behind(mine.indices)
    latex, text = rf"\langle {mine.latex}\, {yours.latex} \rangle", f"E[{mine.text} {yours.text}]"
    if is_connected:
        latex = rf"\mathrm{{Cov}}\left({mine.latex},\, {yours.latex}\right)"
        text = f"Cov[{mine.text}, {yours.text}]"
    known = {given.name: given for given in (*other.given, *one.given)}
    return replace(
        one,
        name=f"{CONNECTED if is_connected else ''}{one.name}{BETWEEN}{other.name}",
        latex=latex,
        text=text,
        products=products,
        given=tuple(known.values()),
        expressions=(*one.expressions, *(e for e in other.expressions if e not in one.expressions)),
    )


def _with_names_beside(of: Observable_, taken: Mapping[str, Expression]) -> Observable_:
    """Return an observable whose expressions have names that mean nothing else."""
    renamed: dict[str, str] = {}
    for name, expression in of.expressions:
        count = 2
        while taken.get(renamed.get(name, name), expression) != expression:
            renamed[name] = f"{name}-{count}"
            count += 1
    if not renamed:
        return of

    def name_of(factor: str) -> str:
        return renamed.get(factor, factor)

    products = tuple(
        replace(p, expectations=tuple(tuple(map(name_of, e)) for e in p.expectations))
        for p in of.products
    )
    expressions = tuple((name_of(name), e) for name, e in of.expressions)
    return replace(of, products=products, expressions=expressions)
