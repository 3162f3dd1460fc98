"""Published results in closed form, term by term, with the corrections that exact arithmetic gives.

S. Tenka, "A Perturbative Analysis of Stochastic Descent" (2020) and its drafts of 2019. A contraction
is written as its edges and its blocks. A table there prints one pass at order 2 with half its GHG term,
and five entries of the order-3 table of the generalisation gap are misprinted: here are the corrected
values, which expected SGD in exact rational arithmetic confirms.
"""

from sympy import Rational, binomial, symbols

T, N, B = symbols("T N B")

_PATH = ((0, 1), (1, 2), (2, 3))
_STAR = ((0, 1), (0, 2), (0, 3))


def _c(k):
    """Return binomial(T, k) as a polynomial."""
    return binomial(T, k).expand(func=True)


#: The sixteen contractions of the gap table. Path: g_i(0) h_ij(1) h_jk(2) g_k(3). Star: j_abc(0).
NAMED = {
    "Zpln": (_PATH, ((0,), (1,), (2,), (3,))),
    "Zlvs": (_PATH, ((0, 3), (1,), (2,))),
    "Zalt": (_PATH, ((1, 3), (2,), (0,))),
    "Ztwg": (_PATH, ((0, 1), (2,), (3,))),
    "Zmid": (_PATH, ((1, 2), (0,), (3,))),
    "Zexc": (_PATH, ((0, 1, 3), (2,))),
    "Zvee": (_PATH, ((1, 2, 3), (0,))),
    "Zdbl": (_PATH, ((1, 2), (0, 3))),
    "Zcrs": (_PATH, ((0, 2), (1, 3))),
    "Ypln": (_STAR, ((0,), (1,), (2,), (3,))),
    "Ylvs": (_STAR, ((0,), (1, 2), (3,))),
    "Yerg": (_STAR, ((0,), (1, 2, 3))),
    "Ytwg": (_STAR, ((0, 1), (2,), (3,))),
    "Ysli": (_STAR, ((0, 1), (2, 3))),
    "Yvee": (_STAR, ((0, 1, 2), (3,))),
    "Yall": (_STAR, ((0, 1, 2, 3),)),
}

#: Test loss, one pass, B = 1, moments: order -> {(edges, blocks): weight}.
ONE_PASS_TEST_LOSS = {
    0: {((), ((0,),)): 1},
    1: {(((0, 1),), ((0,), (1,))): -T},
    2: {
        (((0, 1), (1, 2)), ((0,), (1,), (2,))): 2 * _c(2),
        (((0, 1), (1, 2)), ((0, 2), (1,))): T / 2,
    },
    3: {
        NAMED["Zpln"]: -4 * _c(3),
        NAMED["Ypln"]: -2 * _c(3),
        NAMED["Ylvs"]: -Rational(3, 2) * _c(2),
        NAMED["Zlvs"]: -_c(2),
        NAMED["Zalt"]: -_c(2),
        NAMED["Yerg"]: -T / 6,
    },
}

#: Generalisation gap, one pass of N = T datapoints, B = 1, moments, order 3: name -> weight.
GAP_ORDER_3 = {
    "Ztwg": 4 * _c(3) / N,
    "Zalt": (4 * _c(3) - 2 * _c(2)) / N,
    "Zmid": 3 * _c(3) / N,
    "Zlvs": (_c(3) - 2 * _c(2)) / N,
    "Zpln": -12 * _c(3) / N,
    "Ytwg": 4 * _c(3) / N,
    "Ylvs": (2 * _c(3) - 3 * _c(2)) / N,
    "Ypln": -6 * _c(3) / N,
    "Yvee": _c(2) / N,
    "Ysli": Rational(3, 2) * _c(2) / N,
    "Yerg": (_c(2) / 2 - T / 6) / N,
    "Zexc": _c(2) / N,
    "Zdbl": _c(2) / N,
    "Zvee": _c(2) / N,
    "Zcrs": _c(2) / N,
    "Yall": T / 6 / N,
}

#: Test loss to order 2 for any schedule that visits every datapoint equally often, in cumulants, with
#: M = T / N: (1/2 grad tr C) . G is the cumulant of a gradient and a Hessian, times G.
_M = T / N
EQUAL_VISITS_ORDER_2 = {
    ((), ((0,),)): 1,
    (((0, 1),), ((0,), (1,))): -T,
    (((0, 1), (1, 2)), ((0,), (1,), (2,))): T * (T - Rational(1, 2)),
    (((0, 1), (1, 2)), ((0, 2), (1,))): T * _M / 2,
    (((0, 1), (1, 2)), ((0, 1), (2,))): T * (_M - 1 / B) / 2,
}
