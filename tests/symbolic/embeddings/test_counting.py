"""Closed-form counts against embeddings found one by one."""

import random
from fractions import Fraction
from functools import cache
from itertools import product
from math import comb, factorial

import pytest
import slow
from sympy import Add, Rational, Symbol, expand

from sgdiagrams.diagrams import Diagram, enumerate_diagrams
from sgdiagrams.symbolic import Epochs, FreshData, FullBatch, OnePass, symbols
from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.embeddings.one_pass import one_pass_count
from sgdiagrams.symbolic.training.plain_counts import EpochsCounter, PlainCounter
from sgdiagrams.symbolic.weights.laurent import add_scaled, to_expr
from sgdiagrams.symbolic.weights.quotients import canonical

BASES = ["moment", "cumulant"]
# How diagrams are enumerated and what stands at the root.
ROOTS = [("isolated", "population"), ("in-partition", "training")]

SCHEMES = {
    "one-pass": (OnePass(B=symbols.B), ("T", "B"), slow.one_pass_cells),
    "epochs": (Epochs(), ("N", "B", "E"), slow.epochs_cells),
}


@cache
def closed(scheme, diagram, basis, root):
    return SCHEMES[scheme][0].count(diagram, basis=basis, root=root)


@cache
def all_diagrams(order, mode):
    return tuple(enumerate_diagrams(order, root=mode))


def disagreements(scheme, diagrams, values, basis, root):
    """Return the diagrams whose closed form is not the number of embeddings at these values."""
    _, names, cells = SCHEMES[scheme]
    grid = cells(*values)
    numbers = dict(zip(names, values, strict=True))
    wrong = []
    for d in diagrams:
        count = slow.embedding_count(d.parents, d.blocks, grid, basis=basis, root=root)
        if slow.exact(closed(scheme, d, basis, root), **numbers) != count:
            wrong.append(d)
    return wrong


# A count is a polynomial in T and B, of degree at most the order in each, that vanishes at T = 0 and at
# B = 0 (except at order 0): the values T, B <= 4 determine it at order 4. The same in the number N/B of
# batches, B and E up to order 3. The population's weight 1/N is a known factor.
@pytest.mark.parametrize(("mode", "root"), ROOTS)
@pytest.mark.parametrize("basis", BASES)
def test_one_pass_by_brute_force(mode, root, basis):
    for order in range(4):
        for values in product(range(1, order + 2), repeat=2):
            assert not disagreements("one-pass", all_diagrams(order, mode), values, basis, root)


@pytest.mark.parametrize(("mode", "root"), ROOTS)
@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("values", [(4, 1), (5, 1), (2, 2), (4, 2), (3, 3), (2, 4), (6, 2)])
def test_one_pass_by_brute_force_at_order_four(mode, root, basis, values):
    assert not disagreements("one-pass", all_diagrams(4, mode), values, basis, root)


@pytest.mark.parametrize(("mode", "root"), ROOTS)
@pytest.mark.parametrize("basis", BASES)
def test_epochs_by_brute_force(mode, root, basis):
    for order in range(4):
        for m, b, e in product(range(1, order + 1), repeat=3):
            if order == 3 and m * b * e > 18 and root == "training":
                continue
            diagrams = all_diagrams(order, mode)
            assert not disagreements("epochs", diagrams, (m * b, b, e), basis, root)


@pytest.mark.parametrize(("mode", "root"), ROOTS)
@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize(
    "values",
    [(1, 1, 4), (2, 1, 3), (3, 1, 3), (4, 1, 2), (2, 2, 4), (4, 2, 3), (6, 3, 2), (6, 2, 1)],
)
def test_epochs_by_brute_force_at_order_four(mode, root, basis, values):
    assert not disagreements("epochs", all_diagrams(4, mode), values, basis, root)


@pytest.mark.parametrize("order", range(5))
def test_one_pass_with_single_batches_in_closed_form(order):
    # Moments: linear extensions times binomial(T, P). Cumulants: the strict order polynomial.
    for d in all_diagrams(order, "isolated"):
        p = len(d.blocks) - 1
        moment, cumulant = (OnePass().count(d, basis=basis) for basis in BASES)
        extensions = slow.linear_extension_count(d.parents, d.blocks)
        assert moment == expand(extensions * Add(*[falling(p)]) / factorial(p))
        for T in range(4):
            assert slow.exact(moment, T=T) == extensions * comb(T, p)
            assert slow.exact(cumulant, T=T) == slow.order_polynomial_value(d.parents, d.blocks, T)
        assert OnePass(B=symbols.B).count(d).subs(symbols.B, 1).expand() == moment


def falling(k):
    result = 1
    for i in range(k):
        result *= symbols.T - i
    return result


def coarser(diagram, root):
    """Return all coarsenings of the blocks; for a population the root stays isolated."""
    top = diagram.root
    own = [b for b in diagram.blocks if root == "population" and top in b]
    free = [b for b in diagram.blocks if b not in own]
    for merge in slow.set_partitions(free):
        yield Diagram(diagram.parents, [*(sum(group, ()) for group in merge), *own])


@pytest.mark.parametrize(("mode", "root"), ROOTS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_cumulant_counts_sum_moment_counts_of_coarser_diagrams(mode, root, scheme):
    for order in range(5):
        for d in all_diagrams(order, mode):
            total = Add(*(closed(scheme, c, "moment", root) for c in coarser(d, root)))
            assert total == closed(scheme, d, "cumulant", root), d


@pytest.mark.parametrize(("mode", "root"), ROOTS)
@pytest.mark.parametrize("basis", BASES)
def test_one_pass_is_one_epoch(mode, root, basis):
    T, N, B, E = (Symbol(name) for name in "TNBE")
    for order in range(5):
        for d in all_diagrams(order, mode):
            once = closed("one-pass", d, basis, root).subs(T, N / B).expand()
            assert once == closed("epochs", d, basis, root).subs(E, 1).expand(), d


@pytest.mark.parametrize(("mode", "root"), ROOTS)
@pytest.mark.parametrize("basis", BASES)
def test_full_batch(mode, root, basis):
    N, B = symbols.N, symbols.B
    for order in range(4):
        for d in all_diagrams(order, mode):
            count = FullBatch().count(d, basis=basis, root=root)
            assert count == closed("epochs", d, basis, root).subs(B, N).expand()
            grid = slow.epochs_cells(3, 3, 3)
            assert slow.exact(count, N=3, E=3) == slow.embedding_count(
                d.parents, d.blocks, grid, basis=basis, root=root
            )


@pytest.mark.parametrize("basis", BASES)
def test_numbers_may_come_early_or_late(basis):
    for d in all_diagrams(3, "in-partition"):
        options = {"basis": basis, "root": "training"}
        early = Epochs(N=6, B=2, E=3).count(d, **options)
        assert early == Epochs().count(d, **options, N=6, B=2, E=3)
        assert early == Epochs(B=2).count(d, **options, N=6, E=3)
        assert early == Epochs().at(E=3).at(N=6, B=2).count(d, **options)
        assert early == slow.exact(closed("epochs", d, basis, "training"), N=6, B=2, E=3)
        assert OnePass(B=3).count(d, **options, T=4) == slow.exact(
            closed("one-pass", d, basis, "training"), T=4, B=3
        )
        assert FreshData(B=3).count(d, **options) == OnePass(B=3).count(d, **options)


def test_the_observables_root_belongs_to_the_count():
    T = symbols.T
    edge = Diagram.parse("(0-1)(01)")
    tied = Diagram.parse("(01)(01)")
    assert OnePass().count(edge) == T
    assert OnePass().count(edge, root="training") == T - 1  # T (N - 1)/N with N = T
    assert OnePass().count(edge, root="training", basis="cumulant") == T
    assert OnePass().count(tied, root="training") == 1  # T/N
    N, B, E = symbols.N, symbols.B, symbols.E
    # T = E N/B batches of B cells
    assert Epochs().count(edge) == E * N
    assert Epochs().count(edge, root="training").expand() == E * N - E
    assert Epochs().count(tied, root="training") == E
    assert FreshData().count(edge) == T * B


def test_order_zero():
    point = Diagram.parse("(0)()")
    for scheme in (OnePass(), Epochs(), FullBatch(), FreshData(), OnePass(T=0), Epochs(E=0)):
        for basis, root in product(BASES, ["population", "training"]):
            assert scheme.count(point, basis=basis, root=root) == 1


def test_a_cycle_has_no_embedding_in_one_pass_but_in_two_epochs():
    crossed = Diagram.parse("(03-12-4)(02-13-24-34)")
    for basis in BASES:
        assert OnePass().count(crossed, basis=basis) == 0
        assert FreshData().count(crossed, basis=basis) == 0
        assert Epochs().count(crossed, basis=basis, N=4, B=2, E=2) > 0


def test_counts_at_high_orders():
    n = 7
    star = Diagram([n] * n, [[v] for v in range(n + 1)])
    assert Epochs().count(star, N=1000, B=1, E=1000, basis="cumulant") == 10**42
    chain = Diagram(range(1, 8), [[v] for v in range(8)])
    assert OnePass().count(chain, T=100) == comb(100, 7)
    assert FullBatch().count(chain, N=3, E=50, basis="cumulant") == comb(50, 7) * 3**7
    long = Diagram(range(1, 13), [[v] for v in range(13)])
    assert OnePass().count(long, T=100, basis="cumulant") == comb(100, 12)


EPOCHS = [Epochs(), Epochs(B=2), Epochs(N=6, B=2), Epochs(N=4, B=2, E=3), FullBatch()]


def plainly(scheme, diagram, basis, root):
    """Return the weight of a single diagram in words of the definition: count / B^d, canonical."""
    count = scheme.count(diagram, basis=basis, root=root)
    return canonical(count / scheme.batch_size**diagram.order)


@pytest.mark.parametrize(("mode", "root"), ROOTS)
@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("scheme", EPOCHS, ids=lambda s: s.label)
def test_counts_may_be_added_before_formulas_are_put_in(scheme, basis, mode, root):
    counter_ = EpochsCounter(scheme, basis)
    rng = random.Random(f"{basis} {mode}")
    for order in range(5):
        diagrams = all_diagrams(order, mode)
        chosen = rng.sample(diagrams, min(8, len(diagrams)))
        total: dict = {}
        expected = 0
        for d in chosen:
            scale = Fraction(rng.randrange(-9, 9), d.symmetry_factor)
            add_scaled(total, counter_.count(d, root), scale)
            expected += Rational(scale.numerator, scale.denominator) * plainly(
                scheme, d, basis, root
            )
        found = counter_.weight(total, order)
        assert found == canonical(expected)
        assert found.is_Atom or found.func(*found.args) == found


@pytest.mark.parametrize("basis", BASES)
def test_sums_of_epoch_counts_by_brute_force(basis):
    rng = random.Random(basis)
    counter_ = EpochsCounter(Epochs(), basis)
    for order, values in [(3, (4, 2, 3)), (4, (4, 2, 2)), (4, (3, 1, 3))]:
        chosen = rng.sample(all_diagrams(order, "in-partition"), 12)
        grid = slow.epochs_cells(*values)
        total: dict = {}
        for d in chosen:
            add_scaled(total, counter_.count(d, "training"), Fraction(1, d.symmetry_factor))
        expected = sum(
            slow.embedding_count(d.parents, d.blocks, grid, basis=basis, root="training")
            / Fraction(d.symmetry_factor)
            for d in chosen
        )
        numbers = dict(zip("NBE", values, strict=True))
        weight = counter_.weight(total, order)
        assert slow.exact(weight, **numbers) * values[1] ** order == expected


def test_one_pass_at_order_six_by_brute_force():
    rng = random.Random(6)
    for d in rng.sample(all_diagrams(6, "isolated"), 150):
        forest = update_forest(d)
        moment = one_pass_count(forest, "moment", unit_batch=True)
        cumulant = one_pass_count(forest, "cumulant", unit_batch=True)
        p = forest.block_count
        extensions = slow.linear_extension_count(d.parents, d.blocks)
        for T in (1, 3, 4, 7):
            value = sum(c * T**power for (power, _), c in moment.items())
            assert value == extensions * comb(T, p)
            if T < 5:
                value = sum(c * T**power for (power, _), c in cumulant.items())
                assert value == slow.order_polynomial_value(d.parents, d.blocks, T)


@pytest.mark.parametrize(("mode", "root"), ROOTS)
@pytest.mark.parametrize("basis", BASES)
def test_reshuffled_weights_are_reduced_as_sympy_does(basis, mode, root):
    rng = random.Random(f"{basis} {mode}")
    scheme = Epochs(shuffle="every-epoch")
    counter_ = PlainCounter(scheme, basis)
    for order in range(5):
        diagrams = all_diagrams(order, mode)
        for _ in range(3):
            total: dict = {}
            for d in rng.sample(diagrams, min(4, len(diagrams))):
                add_scaled(total, counter_.count(d, root), Fraction(rng.randrange(1, 9), 4))
            expected = canonical(to_expr(total, scheme.generators(order)))
            assert counter_.weight(total, order) == expected


def test_a_chain_of_forty_blocks_has_forty_one_ideals():
    n = 40
    chain = Diagram(range(1, n + 1), [[i] for i in range(n + 1)])
    for basis in BASES:
        assert OnePass().count(chain, basis=basis).subs(symbols.T, 57) == comb(57, n)
        assert OnePass().count(chain, basis=basis, T=n - 1) == 0
