r"""What a sampling scheme is, and how it counts, in words and in LaTeX.

Schemes of a user's own are in no table: they are named, and counted on their course.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sympy import latex as sympy_latex

from sgdiagrams.symbolic.article.article import escaped

if TYPE_CHECKING:
    from collections.abc import Callable

    from sympy import Expr

    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = ["SchemeWords", "common_share", "scheme_words"]

# What occurs in several rules.
_LEVELS = (
    r"A weak order puts {what} on levels $1, \dots, L$; it must rise strictly along every edge, "
    r"from child "
    r"to parent."
)
_FALLING = r"Here ${(x)_k = x (x - 1) \cdots (x - k + 1)}$."


class SchemeWords(NamedTuple):
    """A scheme in words.

    Attributes
    ----------
    described
        What it does, in a sentence or two.
    rule
        How embeddings are counted: paragraphs and displayed formulas.
    sources
        Names of sources: see `sgdiagrams.symbolic.article.words.sources`.
    """

    described: str
    rule: tuple[str, ...]
    sources: tuple[str, ...] = ()


def scheme_words(scheme: Sampling, basis: Basis) -> SchemeWords:
    """Return what is said of a scheme that counts in a basis.

    Examples
    --------
    >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
    >>> print(scheme_words(OnePass(T=5), "moment").described)
    One pass over fresh data: each of the $5$ updates uses $1$ datapoint that is used nowhere else.
    """
    given = scheme.given_scheme
    if given is not None:
        return _on_given_set(scheme, given)
    words = _WORDS.get(scheme.name, _of_another)(scheme, basis == "moment")
    if scheme.is_sum:
        described = f"{words.described} Gradients of a batch are added up and not averaged."
        return words._replace(described=described)
    return words


def common_share(scheme: Sampling) -> Expr | None:
    """Return B where every row of every batch has the share 1/B; None where shares differ or are 1."""
    if scheme.given_scheme is not None:
        return None
    is_even = scheme.share_powers == {"B": -1} and not getattr(scheme, "is_uneven", False)
    if not is_even or scheme.is_continuous or scheme.batch_size == 1:
        return None
    return scheme.batch_size


def _latex(x: Expr | int) -> str:
    """Return a number, a fraction with a stroke."""
    return str(sympy_latex(x, fold_short_frac=True))


def _math(x: Expr | int) -> str:
    return f"${_latex(x)}$"


def _plural(x: Expr, word: str) -> str:
    return f"{_math(x)} {word}" if x == 1 else f"{_math(x)} {word}s"


def _display(*lines: str) -> str:
    body = " \\\\\n  & ".join(lines)
    return f"\\begin{{align*}}\n  & {body}\n\\end{{align*}}"


def _rows_of(size: str, *, is_moment: bool) -> str:
    return rf"({size})_{{k}}" if is_moment else rf"{size}^{{k}}"


def _different(*, is_moment: bool) -> str:
    return (
        "Different blocks are on different datapoints."
        if is_moment
        else "Different blocks may be on the same datapoint."
    )


# One by one -------------------------------------------------------------------------------------------


def _one_pass(scheme: Sampling, is_moment: bool) -> SchemeWords:  # noqa: FBT001 - a table of functions
    B, T = scheme.batch_size, scheme.updates
    described = (
        f"One pass over fresh data: each of the {_math(T)} updates uses {_plural(B, 'datapoint')} that "
        f"{'is' if B == 1 else 'are'} used nowhere else."
    )
    start = (
        "A block of updates is on one datapoint, and so in one update. Edges put blocks in an "
        "order; where "
        "it has a cycle nothing can be embedded, and such diagrams are left out. "
    )
    b, t = _latex(B), _latex(T)
    if B == 1 and is_moment:
        return SchemeWords(
            described,
            (
                start + "Different blocks are on different datapoints, one an update, so that",
                _display(rf"\mathrm{{count}}(D) = e(D) \binom{{{t}}}{{P}},"),
                (
                    "$P$ being the number of blocks of updates and $e(D)$ that of the linear "
                    "extensions of "
                    "their order."
                ),
            ),
        )
    term = rf"\binom{{{t}}}{{L}}"
    if B != 1:
        term += rf" \prod_{{\text{{levels}}}} {_rows_of(b, is_moment=is_moment)}"
    end = ""
    if B != 1:
        end = "$k$ being the number of blocks on the level. " + (_FALLING if is_moment else "")
    elif not is_moment:
        end = "the strict order polynomial of the order of blocks (Stanley 2012, section 3.15)."
    return SchemeWords(
        described,
        (
            f"{start}{_different(is_moment=is_moment)} "
            + _LEVELS.format(what="the blocks of updates"),
            _display(rf"\mathrm{{count}}(D) = \sum_{{\text{{weak orders}}}} {term},"),
            end,
        ),
        ("stanley",) if B == 1 else (),
    )


def _epochs(scheme: Any, is_moment: bool) -> SchemeWords:  # noqa: FBT001
    N, B, E = (scheme.values[name] for name in ("N", "B", "E"))
    if scheme.is_full_batch:
        return _full_batch(scheme, is_moment)
    ways = {
        None: "always in the same order",
        "once": "in an order that is drawn at random once",
        "every-epoch": "in a new random order every epoch",
    }
    described = (
        f"{_plural(E, 'epoch')} over a training set of {_plural(N, 'datapoint')} in batches of "
        f"{_math(B)}, "
        f"{ways[scheme.shuffle]}."
    )
    if scheme.is_uneven:
        described += (
            " The rows that are left at the end of an epoch are not used."
            if scheme.drop_last
            else " The last batch of an epoch is smaller."
            if scheme.is_sum
            else " The last batch of an epoch is smaller, and counts with the mean over its own rows."
        )
        share = (
            "Counts are found by number."
            if scheme.is_sum
            else "Each cell counts with its share, one over the number of rows of its batch; the product "
            "of shares is summed over all embeddings, by number."
        )
        rule = (
            "An embedding puts every update on a cell, a datapoint and a time, that the schedule uses; "
            "times rise along edges, and a block is on one datapoint. "
            f"{_different(is_moment=is_moment)} {share}"
        )
        return SchemeWords(described, (rule,))
    described += f" These are $T = {_latex(scheme.updates)}$ updates."
    n, b, e = _latex(N), _latex(B), _latex(E)
    if scheme.shuffle == "every-epoch":
        return SchemeWords(
            described,
            (
                (
                    "Counts are expected numbers. A weak order puts the updates on $L$ epochs, never "
                    "a child "
                    "later than its parent. Of the updates of one epoch $j$ blocks are there, and the "
                    f"epoch's order puts them on $j$ of ${n}$ places, all equally likely:"
                ),
                _display(
                    r"\mathrm{count}(D) = \sum_{\text{weak orders}}"
                    rf" \binom{{{e}}}{{L}}\, ({n})_P \prod_{{\text{{epochs}}}} \frac{{a}}{{({n})_j}},"
                ),
                "where $P$ is the number of blocks, and $a$ the number of ways to put $j$ blocks on "
                "different places so that along edges inside the epoch batches come one after the "
                f"other. {_FALLING}"
                + (
                    ""
                    if is_moment
                    else " In the cumulant basis this is summed over all ways to join blocks, since "
                    "different blocks may be on the same datapoint."
                ),
            ),
        )
    rows = _rows_of(b, is_moment=is_moment)
    return SchemeWords(
        described,
        (
            (
                f"A block is on one datapoint, and so in one batch of every epoch. "
                f"{_different(is_moment=is_moment)} A weak order puts the $P$ blocks of updates "
                f"on $L$ of "
                f"the batches of an epoch. The updates themselves are in epochs "
                f"$e(v) \\in \\{{1, \\dots, {e}\\}}$: a child's is earlier than its parent's where "
                f"its batch "
                "is not, and not later where it is:"
            ),
            _display(
                rf"\mathrm{{count}}(D) = \sum_{{\text{{weak orders}}}} \binom{{{_latex(N / B)}}}{{L}}"
                rf" \prod_{{\text{{levels}}}} {rows} \cdot \#\{{e\}},"
            ),
            f"with $k$ blocks on a level. {_FALLING if is_moment else ''} The number of all such "
            f"$e$ is a "
            f"polynomial in ${e}$."
            if E.is_Symbol
            else f"with $k$ blocks on a level. {_FALLING if is_moment else ''}",
        ),
    )


def _full_batch(scheme: Sampling, is_moment: bool) -> SchemeWords:  # noqa: FBT001
    N, T = scheme.values["N"], scheme.updates
    rows = rf"({_latex(N)})_P" if is_moment else rf"{_latex(N)}^P"
    return SchemeWords(
        f"Gradient descent on the training loss: each of the {_math(T)} updates uses all "
        f"{_plural(N, 'datapoint')} of the training set.",
        (
            f"Each of $P$ blocks is on one datapoint. {_different(is_moment=is_moment)} "
            + _LEVELS.format(what="the updates"),
            _display(
                rf"\mathrm{{count}}(D) = {rows} \sum_{{\text{{weak orders}}}} "
                rf"\binom{{{_latex(T)}}}{{L}}."
            ),
            _FALLING if is_moment else "",
        ),
    )


def _with_replacement(scheme: Sampling, is_moment: bool) -> SchemeWords:  # noqa: FBT001
    N, B, T = (scheme.values[name] for name in ("N", "B", "T"))
    n, b, t = _latex(N), _latex(B), _latex(T)
    joined = (
        ""
        if is_moment
        else (
            " Blocks may be on the same datapoint: this is summed over all ways to join them, and then "
            rf"$({n})_P$ is the number of rows for what is joined."
        )
    )
    return SchemeWords(
        f"{_math(T)} updates on {_plural(B, 'datapoint')} each, every one drawn uniformly, with "
        f"replacement, from a training set of {_math(N)}.",
        (
            "Counts are expected numbers. "
            + _LEVELS.format(what="the updates")
            + " Inside a level they are put on different places of the batch, updates of one block "
            "perhaps on the same:",
            _display(
                rf"\mathrm{{count}}(D) = \sum_{{\text{{weak orders}}}} \binom{{{t}}}{{L}}"
                rf" \sum_{{\text{{places}}}} \frac{{({n})_P}}{{{n}^{{m}}}}"
                rf" \prod_{{\text{{levels}}}} ({b})_{{m_l}},"
            ),
            f"with $P$ blocks, $m_l$ places on level $l$ and $m$ altogether. {_FALLING}{joined}",
        ),
    )


def _subsets(scheme: Sampling, is_moment: bool) -> SchemeWords:  # noqa: FBT001
    N, B, T = (scheme.values[name] for name in ("N", "B", "T"))
    n, b, t = _latex(N), _latex(B), _latex(T)
    return SchemeWords(
        f"{_math(T)} updates on {_plural(B, 'different datapoint')} each, a subset of the {_math(N)} of "
        "the training set that is drawn anew at every update.",
        (
            "Counts are expected numbers. "
            + _LEVELS.format(what="the updates")
            + " On a level there are "
            r"updates of $j$ blocks, whose rows are all in the batch with probability "
            rf"$({b})_j/({n})_j$:",
            _display(
                rf"\mathrm{{count}}(D) = ({n})_P \sum_{{\text{{weak orders}}}} \binom{{{t}}}{{L}}"
                rf" \prod_{{\text{{levels}}}} \frac{{({b})_j}}{{({n})_j}}."
            ),
            _FALLING + _joined(is_moment=is_moment),
        ),
    )


def _poisson(scheme: Sampling, is_moment: bool) -> SchemeWords:  # noqa: FBT001
    N, q, T = (scheme.values[name] for name in ("N", "q", "T"))
    n, p, t = _latex(N), _latex(q), _latex(T)
    return SchemeWords(
        f"{_math(T)} updates in which every one of {_plural(N, 'datapoint')} takes part by itself with "
        f"probability {_math(q)}; the sum of gradients is divided by the expected number "
        f"{_math(q * N)}.",
        (
            "Counts are expected numbers, with the shares. "
            + _LEVELS.format(what="the updates")
            + " On a level there are updates of $j$ blocks:",
            _display(
                rf"\mathrm{{count}}(D) = \frac{{({n})_P}}{{({_latex(q * N)})^{{d}}}}"
                rf" \sum_{{\text{{weak orders}}}} \binom{{{t}}}{{L}} \prod_{{\text{{levels}}}}"
                rf" \bigl({p}\bigr)^j."
            ),
            _FALLING + _joined(is_moment=is_moment),
        ),
        ("abadi",),
    )


def _joined(*, is_moment: bool) -> str:
    return (
        ""
        if is_moment
        else (
            " In the cumulant basis this is summed over all ways to join blocks, since different "
            "blocks may "
            "be on the same datapoint."
        )
    )


def _gradient_descent(scheme: Sampling, is_moment: bool) -> SchemeWords:  # noqa: FBT001, ARG001
    T = scheme.updates
    return SchemeWords(
        f"Gradient descent on the mean loss of the population, {_plural(T, 'update')}: batches of "
        "infinitely many datapoints.",
        (
            "There is no noise, so that all blocks have one node. "
            + _LEVELS.format(what="the updates"),
            _display(
                rf"\mathrm{{count}}(D) = \sum_{{\text{{weak orders}}}} \binom{{{_latex(T)}}}{{L}}."
            ),
        ),
    )


def _gradient_flow(scheme: Any, is_moment: bool) -> SchemeWords:  # noqa: FBT001, ARG001
    T = scheme.updates
    if scheme.order > 1:
        return SchemeWords(
            f"The flow of the modified equation of gradient descent with all terms through "
            rf"$\eta^{{{scheme.order}}}$ per update, for a time $\eta\, {_latex(T)}$.",
            (_CLUSTERS.format(most=f"at most {scheme.order} updates, none of them tied"),),
            ("hairer",),
        )
    return SchemeWords(
        rf"Gradient flow $\dot\theta = -G(\theta)$ for a time $\eta\, {_latex(T)}$, the limit of small "
        "steps.",
        (
            "There is no noise, so that all blocks have one node. Sums over times become integrals:",
            _display(rf"\mathrm{{count}}(D) = \frac{{{_power(T, 'd')}}}{{d!}}\, e(D),"),
            (
                "$e(D)$ being the number of linear extensions of the tree without its root, and $d$ the "
                "number of its updates."
            ),
        ),
    )


_CLUSTERS = (
    "Counts are integrals over times of clusters: the updates are parted in all ways into $j$ "
    "successive "
    "clusters $c_1, \\dots, c_j$ of {most}, each with the coefficient $L(c_i)$ of $T$ in its "
    "count for one "
    r"pass, and $\mathrm{{count}}(D)$ is the sum of $T^j/j! \cdot L(c_1) \cdots L(c_j)$."
)


def _power(base: Expr, exponent: str) -> str:
    shown = _latex(base)
    return rf"{shown}^{{{exponent}}}" if len(shown) == 1 else rf"({shown})^{{{exponent}}}"


def _sde(scheme: Any, is_moment: bool) -> SchemeWords:  # noqa: FBT001, ARG001
    T, B = scheme.updates, scheme.batch_size
    covariance = r"\eta\, C" if B == 1 else rf"\eta\, C/{_latex(B)}"
    if scheme.order > 1:
        return SchemeWords(
            rf"The diffusion of weak order 2 for a time $\eta\, {_latex(T)}$, with the modified drift "
            rf"$-G - \frac{{\eta}}{{2}} H G$ and the covariance ${covariance}$ per unit of time.",
            (_CLUSTERS.format(most="at most two updates"),),
            ("li",),
        )
    power = "" if B == 1 else rf"\, {_power(B, 'P - d')}"
    return SchemeWords(
        rf"It\^o's diffusion $d\theta = -G\, dt + \sqrt{{{covariance}}}\, dW$ for a time "
        rf"$\eta\, {_latex(T)}$.",
        (
            (
                "A diffusion knows the mean and the covariance of the gradient only, so that blocks "
                "have at most "
                "two nodes. Edges put blocks in an order; where it has a cycle nothing can be "
                "embedded, and "
                "such diagrams are left out. Sums over times become integrals:"
            ),
            _display(rf"\mathrm{{count}}(D) = \frac{{{_power(T, 'P')}}}{{P!}}\, e(D){power},"),
            "with $P$ blocks of updates, $e(D)$ being the number of the linear extensions of their order"
            + ("." if B == 1 else ", and $d$ the number of updates."),
        ),
        ("li",),
    )


def _grid(scheme: Any, is_moment: bool) -> SchemeWords:  # noqa: FBT001
    summed = ""
    if scheme.reduction == "sum":
        summed = (
            " Gradients of a batch are added up and not averaged: the share of a row is how often the "
            "batch has it" + ("." if scheme.weights is None else ", by its weight.")
        )
    return SchemeWords(
        f"A given schedule: {_plural(scheme.updates, 'update')} on the rows of a training set of "
        f"{_plural(scheme.datapoints, 'datapoint')}, batch by batch as it was recorded.{summed}",
        (_by_number(is_moment=is_moment),),
    )


def _by_number(*, is_moment: bool) -> str:
    return (
        "An embedding puts every update on a cell, a datapoint and a time, that the schedule "
        "uses; times "
        f"rise along edges, and a block is on one datapoint. {_different(is_moment=is_moment)} "
        f"Each cell "
        "counts with the share of its row in the batch; the product of shares is summed over all "
        "embeddings, by number."
    )


def _of_another(scheme: Sampling, is_moment: bool) -> SchemeWords:  # noqa: FBT001
    return SchemeWords(
        rf"Updates on the batches of the scheme \emph{{{escaped(scheme.label)}}}.",
        (_by_number(is_moment=is_moment),),
    )


def _on_given_set(scheme: Sampling, given: Sampling) -> SchemeWords:
    words = scheme_words(given, "cumulant")
    averaged = f", averaged over {scheme.averaged_over}" if scheme.averaged_over else ""
    return SchemeWords(
        f"{words.described} All is asked on one given training set{averaged}: its rows are the "
        "population, and noise is what batches differ by from the mean gradient of the set.",
        (),
        words.sources,
    )


_WORDS: dict[str, Callable[[Any, bool], SchemeWords]] = {
    "one-pass": _one_pass,
    "epochs": _epochs,
    "with-replacement": _with_replacement,
    "subsets": _subsets,
    "poisson": _poisson,
    "gradient-descent": _gradient_descent,
    "gradient-flow": _gradient_flow,
    "sde": _sde,
    "grid": _grid,
}
