"""Batches with shares: any of them counts as SGD itself, and runs as what was drawn."""

from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from sgdiagrams.diagrams import RequestError, SamplingError
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import exact_sgd, exact_sgd_average
from sgdiagrams.symbolic.embeddings.batches import Batch, mass_of, shares_of, units_of
from sgdiagrams.symbolic.embeddings.drawing import Weighted
from sgdiagrams.symbolic.propagation.course import FixedBatches, RandomBatches, ReshuffledEpochs

F = Fraction
UNEVEN = (Batch((0, 2), ("1/2", "-1/3")), (1, 1, 2), Batch((), ()), (0, 1))


def gradient_steps(landscape, batches, atoms, order):
    """Return the weight of one coordinate after SGD as a power series, by the definition."""
    theta = np.array([F(landscape.start[0])] + [F(0)] * order, dtype=object)
    for batch in batches:
        step = np.array([F(0)] * (order + 1), dtype=object)
        for row, share in shares_of(batch).items():
            for (power,), c in landscape.losses[atoms[row]]:
                term = np.array([F(c) * power * share] + [F(0)] * order, dtype=object)
                for _ in range(power - 1):
                    term = np.array(
                        [
                            sum(term[j] * theta[k - j] for j in range(k + 1))
                            for k in range(order + 1)
                        ]
                    )
                step = step + term if power else step
        theta = theta - np.concatenate([[F(0)], step[:-1]])
    return theta


@cache
def landscape():
    return PolynomialLandscape.random(5, p=1, degree=3, atoms=2)


def test_the_exact_simulator_takes_shares():
    ground = landscape()
    ours = exact_sgd(ground, UNEVEN, order=3, observable="displacement", rows=3)
    ends = [gradient_steps(ground, UNEVEN, atoms, 3) for atoms in np.ndindex(2, 2, 2)]
    mean = sum(ends) / F(len(ends))
    mean[0] -= F(ground.start[0])
    assert [x.tolist()[0] for x in ours] == mean.tolist()


def test_a_row_that_comes_twice_has_two_shares():
    assert Batch.of_places((4, 4, 1)) == Batch((4, 1), ("2/3", "1/3"))
    assert FixedBatches(((0, 0, 1),), 2).batches == (Batch((0, 1), ("2/3", "1/3")),)
    assert FixedBatches(((0, 0),), 2).masses == (1,)
    assert units_of(((0, 1, 2), (Batch((0, 1), (4, 6))))) == [F(1, 3), 2]
    assert mass_of(Batch((0, 1), (4, 6))) == 10


@pytest.mark.parametrize(
    ("rows", "shares"),
    [((0, 0), (1, 1)), ((0,), ()), ((-1,), (1,)), ((0,), ("x",)), ((0.5,), (1,))],
)
def test_impossible_shares_are_refused(rows, shares):
    with pytest.raises(SamplingError, match=r"^expected [^\n]*$"):
        Batch(rows, shares)


def test_draws_of_random_batches_have_their_shares():
    half = F(1, 2)
    course = RandomBatches(
        ((half, (Batch((1,), (3,)), (0, 1))), (half, (Batch((), ()), (2, 2, 0)))), 3
    )
    assert course.masses is None
    assert course.sizes == (1, 2)
    first, second = course.draw(2000, np.random.default_rng(0))
    assert isinstance(first, Weighted)
    assert set(first.shares.ravel()) == {0.0, 3.0}
    chosen = first.shares[:, 0] == 3
    assert 850 < chosen.sum() < 1150
    assert first.items[chosen].tolist() == [[1]] * chosen.sum()
    assert np.allclose(second.shares[chosen], 0.5)
    assert {*map(tuple, np.round(second.shares[~chosen], 6))} == {(0.666667, 0.333333)}


def test_a_run_along_a_path_needs_batches_that_weigh_one():
    FixedBatches(((0, 1), (0,)), 2).check_means("this")
    with pytest.raises(RequestError, match=r"^expected .*add up to 1[^\n]*$"):
        FixedBatches((Batch((0, 1), (1, 1)),), 2).check_means("this")
    with pytest.raises(RequestError, match=r"^expected .*no one noiseless run[^\n]*$"):
        RandomBatches(((F(1, 2), ((0,),)), (F(1, 2), (Batch((), ()),))), 1).check_means("this")


def test_random_orders_of_uneven_epochs():
    course = ReshuffledEpochs(3, 2, 2)
    assert course.sizes == (2, 1, 2, 1)
    assert course.masses == (1,) * 4
    dropped = ReshuffledEpochs(3, 2, 2, drops_last=True, is_sum=True)
    assert dropped.sizes == (2, 2)
    assert dropped.masses == (2, 2)
    ground = landscape()
    summed = exact_sgd_average(
        ground, dropped.all_batches(), order=2, observable="displacement", rows=3
    )
    means = exact_sgd_average(
        ground,
        ReshuffledEpochs(3, 2, 2, drops_last=True).all_batches(),
        order=2,
        observable="displacement",
        rows=3,
    )
    assert [x.tolist()[0] for x in summed] == [2**k * x.tolist()[0] for k, x in enumerate(means)]
