"""Errata in coefficients of powers of eta: each is what exact SGD's series has in its place.

What is printed is typed in. What is right is not: expansions derive it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sgdiagrams.numeric.errata.erratum import Erratum
from sgdiagrams.numeric.errata.evidence import of_coefficients
from sgdiagrams.numeric.errata.papers import DESCENT, GRADIENT_DESCENT, SPACE_TIME, TABLE
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.schemes.epochs import Epochs
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from sgdiagrams.numeric.errata.erratum import Corrections

__all__ = ["OF_SERIES"]

_ONE = Fraction(1)
_LOSS = r"{[\eta^{2}]}\,\langle\ell(\theta_T)\rangle"


def _of_order(expansion: Any, order: int) -> Expression:
    """Return one order of an expansion, or of a difference of two."""
    return Expression(
        (term.weight, term.contraction) for term in expansion.terms if term.order == order
    )


def _second_order() -> Erratum:
    printed = Expression.parse("T (T - 1)/2 G_a H_ab G_b + T/2 M_a|b H_ab")
    derived = _of_order(expand("test-loss", order=2, sampling="one-pass"), 2)
    return Erratum(
        "one-pass-order-2",
        "One pass has T (T - 1) G.H.G at order 2, and its diffusion T^2, not half of it: the chain and "
        "the cherry are two diagrams of one value.",
        (TABLE._replace(place="sgd_vanilla_test and sde_test"),),
        _LOSS,
        printed,
        derived,
        "expand('test-loss', order=2, sampling='one-pass')",
        of_coefficients(
            printed, derived, ((1, Training(OnePass(T=3)), _ONE),), order=2, numbers={"T": 3}
        ),
    )


def _third_order_gap() -> Erratum:
    # The names of the source in the letters of this package; binom(T, 3)/N and so on with N = T.
    printed = Expression.parse(
        "(T - 1) (T - 2)/6 (4 M_a|ab H_bc G_c + 5 M_a|bc H_ab G_c + 2 G_a M_ab|bc G_c"
        " + M_a|b H_ac H_bc - 12 G_a H_ab H_bc G_c"
        " + 4 M_a|abc G_b G_c + 2 M_a|b J_abc G_c - 6 G_a J_abc G_b G_c)"
        " + (T - 1)/2 (3 M_a|b|abc G_c + 7/2 M_a|abc M_b|c - 9/2 M_a|b J_abc G_c"
        " - 2 M_a|abc G_b G_c)"
        " + 1/6 (M_a|b|c|abc - M_a|b|c J_abc)"
    )
    derived = _of_order(expand("generalisation-gap", order=3, sampling="one-pass"), 3)
    return Erratum(
        "one-pass-gap-order-3",
        "Five entries of the gap's order 3 are wrong: 5 Zalt and 2 Zmid should be 4 and 3, 0.5 Ylvs "
        "is 0.5 Yerg, and two brackets have stars Y in the place of paths Z.",
        (TABLE._replace(place="sgd_vanilla_gen"),),
        r"{[\eta^{3}]}\,\langle\ell(\theta_T) - \hat{\ell}(\theta_T)\rangle",
        printed,
        derived,
        "expand('generalisation-gap', order=3, sampling='one-pass')",
        of_coefficients(
            printed,
            derived,
            ((1, Training(OnePass(T=3)), _ONE),),
            order=3,
            numbers={"T": 3},
            observable="generalisation-gap",
            atoms=3,
        ),
    )


def _strict_embeddings() -> Erratum:
    printed = Expression.parse("T (T - 1) G_a H_ab G_b + T/2 C_ab H_ab")
    derived = _of_order(expand("test-loss", order=2, sampling="one-pass", basis="cumulant"), 2)
    return Erratum(
        "strict-embeddings",
        "Embeddings that put different parts at different times go with moments; with cumulants, as "
        "outlines are defined, different parts may share a time.",
        (DESCENT._replace(place="chapter 2"),),
        _LOSS,
        printed,
        derived,
        "expand('test-loss', order=2, sampling='one-pass', basis='cumulant')",
        of_coefficients(
            printed, derived, ((1, Training(OnePass(T=3)), _ONE),), order=2, numbers={"T": 3}
        ),
    )


def _irreducible() -> Erratum:
    # By the printed definition both the edge and the chain are irreducible. The propagator of the edge,
    # (1 - eta H)^(t - 1), has the chain in it already: T (T - 1)/2 of G.H.G twice, and T^2/2 of the
    # cherry.
    printed = Expression.parse("T (3 T - 2)/2 G_a H_ab G_b + T/2 C_ab H_ab")
    derived = _of_order(expand("test-loss", order=2, sampling="one-pass", basis="cumulant"), 2)
    return Erratum(
        "irreducible",
        "A diagram is irreducible when no update with one child is alone in its part; printed is "
        "that all nodes of degree 2 are, by which chains count twice.",
        (DESCENT._replace(place="chapter 2"),),
        _LOSS,
        printed,
        derived,
        "expand('test-loss', order=2, sampling='one-pass', resummed=True).relinked()",
        of_coefficients(
            printed, derived, ((1, Training(OnePass(T=3)), _ONE),), order=2, numbers={"T": 3}
        ),
    )


def _epochs_in_batches() -> Erratum:
    printed = Expression.parse(
        "E N (E N - 1/2) G_a H_ab G_b + E^2 N/2 C_ab H_ab + E N (E - 1/B)/2 kappa_a|ab G_b"
    )
    derived = _of_order(expand("test-loss", order=2, sampling="epochs", basis="cumulant"), 2)
    run = Training(Epochs(N=4, B=2, E=2))
    return Erratum(
        "epochs-in-batches",
        "The law to order 2 is that of N M updates with M for each datapoint; it is printed for M "
        "epochs in batches of B, which make N M/B updates.",
        (
            SPACE_TIME._replace(place="proposition of order 2"),
            DESCENT._replace(place="corollaries 3 and 4"),
        ),
        _LOSS,
        printed,
        derived,
        "expand('test-loss', order=2, sampling='epochs', basis='cumulant')",
        of_coefficients(
            printed, derived, ((1, run, _ONE),), order=2, numbers={"N": 4, "B": 2, "E": 2}
        ),
    )


def _embeddings_of_batches() -> Erratum:
    printed = Expression.parse("T (T B - 1)/B G_a H_ab G_b + T/(2 B) C_ab H_ab")
    derived = _of_order(expand("test-loss", order=2, sampling="fresh-data", basis="cumulant"), 2)
    run = Training(OnePass(B=3, T=2))
    return Erratum(
        "embeddings-of-batches",
        "Of the pairs among N M B cells those in one batch are no embedding of a chain, and the same "
        "cell twice is one of a cherry; the proof's table counts all pairs, and different cells: "
        "right at B = 2 by accident.",
        (DESCENT._replace(place="table in the proof of corollaries 3 and 4"),),
        _LOSS,
        printed,
        derived,
        "expand('test-loss', order=2, sampling='fresh-data', basis='cumulant')",
        of_coefficients(printed, derived, ((1, run, _ONE),), order=2, numbers={"T": 2, "B": 3}),
    )


def _descent_less_sgd_sign() -> Erratum:
    printed = Expression.parse("-(N - 1)/2 M_a|ab G_b + (N - 1)/2 G_a H_ab G_b")
    full = expand("test-loss", order=2, sampling="full-batch").subs({"E": "N"})
    once = expand("test-loss", order=2, sampling="one-pass").subs({"T": "N"})
    derived = _of_order(full - once, 2)
    runs = (
        (1, Training(Epochs(N=3, B=3, E=3)), _ONE),
        (-1, Training(OnePass(T=3)), _ONE),
    )
    return Erratum(
        "descent-less-sgd-sign",
        "N steps of gradient descent end at a higher test loss than one pass of SGD where noise "
        "grows with the loss; the table has the opposite sign.",
        (TABLE._replace(place="gd_minus_sgd_vanilla_test"),),
        r"{[\eta^{2}]}\,\langle\ell\rangle_{\mathrm{GD} - \mathrm{SGD}}",
        printed,
        derived,
        "expand('test-loss', order=2, sampling='full-batch').subs({'E': 'N'}) - "
        "expand('test-loss', order=2, sampling='one-pass').subs({'T': 'N'})",
        of_coefficients(printed, derived, runs, order=2, numbers={"N": 3}),
    )


def _descent_less_sgd_factor() -> Erratum:
    # The gradient of tr C is twice kappa_b|ab.
    printed = Expression.parse("(N - 1)/(2 N) kappa_b|ab")
    full = expand("displacement", order=2, sampling="full-batch", basis="cumulant")
    once = expand("displacement", order=2, sampling="one-pass", basis="cumulant")
    derived = _of_order(full.subs({"E": "N"}) - once.subs({"T": "N"}), 2)
    runs = (
        (1, Training(Epochs(N=3, B=3, E=3)), _ONE),
        (-1, Training(OnePass(T=3)), _ONE),
    )
    return Erratum(
        "descent-less-sgd-factor",
        "N updates differ by (N - 1)/4 times the gradient of tr C: a factor N is missing.",
        (DESCENT._replace(place="corollary 3"),),
        r"{[\eta^{2}]}\,\langle\theta^{\mu}\rangle_{\mathrm{GD} - \mathrm{SGD}}",
        printed,
        derived,
        "expand('displacement', order=2, sampling='full-batch', basis='cumulant')"
        ".subs({'E': 'N'}) - "
        "expand('displacement', order=2, sampling='one-pass', basis='cumulant').subs({'T': 'N'})",
        of_coefficients(
            printed, derived, runs, order=2, numbers={"N": 3}, observable="displacement"
        ),
    )


def _epochs_noise() -> Erratum:
    printed = Expression.parse("N (E - 1)/(2 E) kappa_b|ab")
    epochs = expand("displacement", order=2, sampling="epochs").subs({"B": 1})
    derived = _of_order(
        epochs.subs({symbols.eta: symbols.eta / symbols.E}) - epochs.subs({"E": 1}), 2
    )
    runs = (
        (1, Training(Epochs(N=3, B=1, E=2)), Fraction(1, 2)),
        (-1, Training(Epochs(N=3, B=1, E=1)), _ONE),
    )
    return Erratum(
        "epochs-noise",
        "E epochs at eta/E end elsewhere than one at eta by the gradient of the second moment of "
        "gradients, not of their covariance C; one version has 4 times as much.",
        (DESCENT._replace(place="corollary 4"), GRADIENT_DESCENT._replace(place="corollary 2")),
        r"{[\eta^{2}]}\,\langle\theta^{\mu}\rangle_{E - 1}",
        printed,
        derived,
        "expand('displacement', order=2, sampling='epochs').subs({'B': 1}), eta / E for eta, less "
        "the same at E = 1",
        of_coefficients(
            printed, derived, runs, order=2, numbers={"N": 3, "E": 2}, observable="displacement"
        ),
    )


def _epochs_batch_size() -> Erratum:
    printed = Expression.parse("N (E - 1) (B + 1)/(2 E B) kappa_a|ab G_b")
    epochs = expand("test-loss", order=2, sampling="epochs", basis="cumulant")
    derived = _of_order(
        epochs.subs({symbols.eta: symbols.eta / symbols.E}) - epochs.subs({"E": 1}), 2
    )
    runs = (
        (1, Training(Epochs(N=4, B=2, E=2)), Fraction(1, 2)),
        (-1, Training(Epochs(N=4, B=2, E=1)), _ONE),
    )
    return Erratum(
        "epochs-batch-size",
        "The test loss of E epochs at eta/E, less that of one: the noise counts 1/B^2, and steps of "
        "finite length leave G.H.G/B; printed is (B + 1)/B times the noise.",
        (SPACE_TIME._replace(place="corollary on the effect of epoch number"),),
        r"{[\eta^{2}]}\,\langle\ell\rangle_{E - 1}",
        printed,
        derived,
        "expand('test-loss', order=2, sampling='epochs', basis='cumulant'), eta / E for eta, less "
        "the same at E = 1",
        of_coefficients(printed, derived, runs, order=2, numbers={"N": 4, "B": 2, "E": 2}),
    )


OF_SERIES: Corrections = {
    "one-pass-order-2": _second_order,
    "one-pass-gap-order-3": _third_order_gap,
    "strict-embeddings": _strict_embeddings,
    "irreducible": _irreducible,
    "epochs-in-batches": _epochs_in_batches,
    "embeddings-of-batches": _embeddings_of_batches,
    "descent-less-sgd-sign": _descent_less_sgd_sign,
    "descent-less-sgd-factor": _descent_less_sgd_factor,
    "epochs-noise": _epochs_noise,
    "epochs-batch-size": _epochs_batch_size,
}
