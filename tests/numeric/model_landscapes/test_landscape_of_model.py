"""Models as landscapes: the landscape of digits written a second and a third time, in JAX and PyTorch."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sgdiagrams import (
    SGD,
    Epochs,
    FormatError,
    FullBatch,
    Grid,
    Momentum,
    Nesterov,
    OnePass,
    RequestError,
    SamplingError,
    StatisticsError,
    TailAverage,
    WithReplacement,
    check_landscape,
    compare,
    simulate,
)
from sgdiagrams.numeric import model_landscapes
from sgdiagrams.numeric.landscapes.digits import Digits
from sgdiagrams.numeric.model_landscapes.landscape_of_model import model_landscape
from sgdiagrams.numeric.model_landscapes.parallel import runs_in_a_chunk, segments
from sgdiagrams.symbolic.training.average import ExponentialAverage

DIGITS = Digits(components=3)
FACTORS = [1, 0.5, 2, 0.25, 1.5, 0.75]


def loss_in_jax(weights, signed_image):
    import jax

    margin = weights["images"] @ signed_image[:3] + weights["bias"] * signed_image[3]
    return jax.nn.softplus(-margin)


def loss_in_torch(weights, signed_image):
    import torch

    margin = weights["images"] @ signed_image[:3] + weights["bias"] * signed_image[3]
    return torch.nn.functional.softplus(-margin)


def weights_in(library, kind=np.float64):
    # Names in alphabetical order, as JAX sorts them: the bias comes first.
    start = DIGITS.start.astype(kind)
    weights = {"bias": start[3], "images": start[:3]}
    if library == "jax":
        pytest.importorskip("jax")
        return weights
    torch = pytest.importorskip("torch")
    return {name: torch.tensor(array) for name, array in weights.items()}


def made(library, kind=np.float64, **options):
    loss = {"jax": loss_in_jax, "torch": loss_in_torch}[library]
    return model_landscape(loss, weights_in(library, kind), DIGITS.signed_images, **options)


LIBRARIES = ("jax", "torch")
each_library = pytest.mark.parametrize("library", LIBRARIES)


@pytest.fixture(scope="module")
def grounds():
    """Landscapes that are made once, so that little is compiled."""
    known = {}

    def ground(library):
        if library not in known:
            known[library] = made(library)
        return known[library]

    return ground


PROTOCOLS = [
    (OnePass(T=6), SGD()),
    (OnePass(T=6), Momentum(beta=0.9)),
    (OnePass(T=6), Nesterov(beta=0.5, schedule=FACTORS, average=TailAverage(2))),
    (OnePass(T=3, B=2), Momentum(beta=0.5, weight_decay="1/4")),
    (Epochs(N=6, B=2, E=2), SGD(schedule=FACTORS, weight_decay="1/10")),
    (Epochs(N=6, B=2, E=2, shuffle="once"), SGD(average=ExponentialAverage(0.5))),
    (
        Epochs(N=6, B=2, E=2, shuffle="every-epoch"),
        Momentum(beta=0.5, schedule=FACTORS, schedule_scales="gradient"),
    ),
    (FullBatch(N=3, E=6), Nesterov(beta=0.9)),
    (WithReplacement(N=3, B=2, T=6), Momentum(beta=0.5, average=TailAverage())),
    (Grid([[0, 1], [3], [0, 1, 2], [2], [0], [3, 1]], N=5), SGD()),
]


@each_library
@pytest.mark.parametrize(
    ("sampling", "optimizer"), PROTOCOLS, ids=lambda item: item.label.replace(" ", "-")
)
def test_every_protocol_is_that_of_numpy(grounds, library, sampling, optimizer):
    options = {"sampling": sampling, "optimizer": optimizer, "eta": [0.3, 0.7], "runs": 20}
    for observable, component in (
        ("generalisation-gap", None),
        ("second-moment:since=2", (0, 3)),
    ):
        options |= {"observable": observable}
        ours = simulate(grounds(library), component=swapped(component), **options)
        theirs = simulate(DIGITS, component=component, **options)
        np.testing.assert_allclose(ours.per_run, theirs.per_run, rtol=1e-11, atol=1e-14)


def swapped(component):
    """Return a component in the order of the model, whose first weight is the bias."""
    return None if component is None else tuple((i + 1) % 4 for i in component)


@each_library
def test_long_runs_in_segments_and_large_batches_in_pieces(library, monkeypatch):
    """The same numbers where nothing fits at once."""
    parallel = model_landscapes.parallel
    monkeypatch.setattr(parallel, "_FLOPS_OF_A_CALL", 6 * 4 * 30 * 3 * 4)
    monkeypatch.setattr(parallel, "_MOST_SIDE_BY_SIDE", 4)
    module = getattr(model_landscapes, f"{library}_runs")
    ground = made(library, test_data=DIGITS.signed_images[:13])
    monkeypatch.setattr(module, "_BATCH_BYTES", 6 * ground._model.bytes_per_datapoint)
    options = {"observable": "displacement", "eta": 0.3, "runs": 30}
    for sampling, optimizer in (
        (Epochs(N=6, B=3, E=7), Momentum(beta=0.5)),
        (FullBatch(N=5, E=3), SGD()),
    ):
        protocol = {"sampling": sampling, "optimizer": optimizer}
        ours = simulate(ground, component=0, **protocol, **options)
        theirs = simulate(DIGITS, component=3, **protocol, **options)
        np.testing.assert_allclose(ours.per_run, theirs.per_run, rtol=1e-11, atol=1e-14)
    theta = np.random.default_rng(0).standard_normal((30, 4))
    rows = np.broadcast_to(np.arange(13), (30, 13))
    losses = DIGITS.loss(theta[:, [1, 2, 3, 0]], rows)
    np.testing.assert_allclose(ground.loss(theta, rows), losses, rtol=1e-13)
    np.testing.assert_allclose(ground.test_loss(theta), losses.mean(axis=1), rtol=1e-13)


def test_segments_put_all_updates_into_equal_pieces():
    from sgdiagrams import Training
    from sgdiagrams.numeric.descent import Descent

    descent = Descent.of(Training(OnePass(T=21), SGD(average=TailAverage(2))))
    batches = [np.arange(2 * t, 2 * t + 2)[None] for t in range(21)]
    cost = 6 * 10**7 * 2
    parts = list(segments(descent, iter(batches), dimension=10**7))
    assert [part.updates for part in parts] == [4, 4, 4, 4, 4, 1]
    assert 4 * cost <= model_landscapes.parallel._FLOPS_OF_A_CALL < 8 * cost
    rows = np.concatenate([part.rows for part in parts], axis=1)
    assert np.array_equal(rows, np.stack(batches, axis=1))
    watched = np.concatenate([part.watched for part in parts], axis=1)
    assert watched.tolist() == [[0] * 19 + [0.5] * 2]
    padded = parts[-1].padded(4)
    assert padded.rows.shape == (1, 4, 2)
    assert padded.numbers[:, 0].tolist() == [1, 0, 0, 0]


def test_chunks_take_seconds_and_fit_the_memory():
    sizes = [runs_in_a_chunk(p, 1000) for p in (10, 10**3, 10**4, 10**5, 10**7)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 2048
    assert sizes[-1] == 1
    assert runs_in_a_chunk(10, 10**9) == 128


@each_library
def test_weights_of_single_precision_stay_single(library):
    seen = []

    def loss(weights, point):
        seen.append((str(weights["bias"].dtype), str(point.dtype)))
        return (loss_in_jax if library == "jax" else loss_in_torch)(weights, point)

    ground = model_landscape(loss, weights_in(library, np.float32), DIGITS.signed_images)
    seen.clear()  # the check of the model is in double precision
    options = {"eta": 0.3, "runs": 20, "T": 6}
    ours = simulate(ground, optimizer="momentum", beta=0.5, **options)
    theirs = simulate(DIGITS, optimizer="momentum", beta=0.5, **options)
    assert {kind.removeprefix("torch.") for pair in seen for kind in pair} == {"float32"}
    np.testing.assert_allclose(ours.per_run, theirs.per_run, rtol=3e-4, atol=3e-6)
    assert np.abs(ours.per_run - theirs.per_run).max() > 1e-9
    if library == "jax":
        import jax

        assert not jax.config.jax_enable_x64


@each_library
def test_a_network_of_single_precision_is_right_but_for_rounding(library):
    rng = np.random.default_rng(0)
    shapes = {"first": (13, 8), "second": (8, 3)}
    weights = {key: rng.normal(size=shape).astype(np.float32) for key, shape in shapes.items()}
    data = (rng.normal(size=(50, 13)),)

    if library == "jax":
        from jax.nn import logsumexp
        from jax.numpy import tanh
    else:
        import torch
        from torch import tanh

        weights = {key: torch.tensor(array) for key, array in weights.items()}

        def logsumexp(scores):
            return torch.logsumexp(scores, 0)

    def loss(weights, point):
        scores = tanh(point[0] @ weights["first"]) @ weights["second"]
        return logsumexp(scores) - scores[0]

    check_landscape(model_landscape(loss, weights, data), order=2)


@each_library
def test_losses_gradients_and_statistics_are_those_of_numpy(grounds, library):
    ground, order = grounds(library), np.array([3, 0, 1, 2])
    rng = np.random.default_rng(0)
    theta = rng.standard_normal((5, 4))
    rows = ground.draw(rng, (5, 7))
    np.testing.assert_allclose(
        ground.loss(theta[:, order], rows), DIGITS.loss(theta, rows), rtol=1e-13
    )
    np.testing.assert_allclose(
        ground.gradient(theta[:, order], rows), DIGITS.gradient(theta, rows)[:, order], rtol=1e-11
    )
    np.testing.assert_allclose(
        ground.test_loss(theta[:, order]), DIGITS.test_loss(theta), rtol=1e-13
    )
    ours, theirs = ground.statistics(3), DIGITS.statistics(3)
    for k in range(4):
        expected = theirs.samples[k]
        for axis in range(1, k + 1):
            expected = expected.take(order, axis=axis)
        np.testing.assert_allclose(ours.samples[k], expected, rtol=1e-10, atol=1e-13)
    np.testing.assert_array_equal(ours.start, DIGITS.start[order])
    assert ours.role == "population"


@each_library
def test_a_model_is_checked_and_compared(grounds, library):
    ground = grounds(library)
    check_landscape(ground, order=2)
    result = compare(ground, order=2, eta=0.03, runs=2000, T=4, optimizer=SGD(weight_decay="1/8"))
    other = compare(DIGITS, order=2, eta=0.03, runs=2, T=4, optimizer=SGD(weight_decay="1/8"))
    np.testing.assert_allclose(result.coefficients, other.coefficients, rtol=1e-9)
    assert abs(result.points[0].deviations[-1]) < 4


@each_library
def test_diverging_runs_are_counted(grounds, library):
    wild = simulate(grounds(library), eta=1e200, T=6, optimizer="momentum", beta=0.9, runs=20)
    assert wild.diverged == 20
    assert np.isnan(wild.value)


@each_library
def test_other_data_for_the_test_loss(library):
    ground = made(library, test_data=DIGITS.signed_images[:10], name="two halves")
    theta = np.zeros((1, 4)) + 0.1
    known = made(library).loss(theta, np.arange(10)[None]).mean()
    assert ground.test_loss(theta)[0] == pytest.approx(known, rel=1e-13)
    with pytest.raises(
        RequestError, match=r"^expected two halves without test_data .* leave test_"
    ):
        ground.statistics(2)
    simulated = simulate(ground, eta=0.1, T=3, runs=20)
    assert "on two halves" in str(simulated)
    assert repr(ground) == (
        f"<ModelLandscape two halves: {library}, float64, p=4, 1797 datapoints>"
    )


@each_library
def test_models_travel(grounds, library):
    ground = grounds(library)
    copy = pickle.loads(pickle.dumps(ground))  # noqa: S301 - just made
    assert copy.parameters == ground.parameters
    options = {"eta": 0.2, "T": 6, "runs": 20}
    here = simulate(ground, **options)
    assert np.array_equal(simulate(copy, **options).per_run, here.per_run)
    with ThreadPoolExecutor(2) as pool:
        assert np.array_equal(simulate(ground, executor=pool, **options).per_run, here.per_run)


@each_library
def test_checkpoints_are_of_one_model(grounds, library, tmp_path):
    path = tmp_path / "runs.npz"
    options = {"eta": 0.2, "T": 6, "checkpoint": path}
    first = simulate(grounds(library), runs=10, **options)
    more = simulate(grounds(library), runs=20, **options)
    assert np.array_equal(more.per_run[:, :10], first.per_run)
    start = weights_in(library)
    start["bias"] = start["bias"] + 1
    loss = {"jax": loss_in_jax, "torch": loss_in_torch}[library]
    for other in (
        model_landscape(loss, start, DIGITS.signed_images),
        model_landscape(loss, weights_in(library), DIGITS.signed_images[::-1].copy()),
    ):
        with pytest.raises(FormatError, match="other settings"):
            simulate(other, runs=20, **options)
        with pytest.raises(RequestError, match="one landscape with the same parameters"):
            simulate(other, eta=0.2, T=6, runs=20) - more


@each_library
def test_what_is_too_large_for_dense_tensors_points_to_measure(library):
    module = pytest.importorskip(library)
    many = {"bias": np.zeros(()), "images": np.zeros(3000)}
    if library == "torch":
        many = {name: module.tensor(array) for name, array in many.items()}
    loss = {"jax": loss_in_jax, "torch": loss_in_torch}[library]

    def some(weights, point):
        return loss({"bias": weights["bias"], "images": weights["images"][:3]}, point)

    ground = model_landscape(some, many, DIGITS.signed_images)
    with pytest.raises(RequestError, match=r"^expected derivative tensors .* p=3001; measure\(\)"):
        ground.statistics(2)


@each_library
def test_training_sets_may_be_long(grounds, library):
    """A datapoint is the number of a row, however many weights there are."""
    from sgdiagrams import Training
    from sgdiagrams.numeric.simulation.simulation import Simulation

    scheme = OnePass(T=1000, B=1500)
    assert Simulation(grounds(library), Training(scheme)).chunk == 128
    with pytest.raises(SamplingError, match="fits into memory"):
        Simulation(DIGITS, Training(scheme))


@each_library
def test_wrong_models(library):
    weights = weights_in(library)
    with pytest.raises(StatisticsError):
        model_landscape(loss_in_jax, weights, np.zeros((0, 4)))
    with pytest.raises(RequestError, match="name"):
        model_landscape(loss_in_jax, weights, DIGITS.signed_images, name=3)


def test_operations_that_know_no_vmap():
    torch = pytest.importorskip("torch")

    def loss(weights, point):
        if point[3].item() > 5:  # what `vmap` cannot do
            raise AssertionError
        return loss_in_torch(weights, point)

    ground = model_landscape(loss, weights_in("torch"), DIGITS.signed_images)
    for scheme in (OnePass(T=3), OnePass(T=2, B=2)):
        options = {"sampling": scheme, "eta": 0.2, "runs": 3, "observable": "displacement"}
        ours = simulate(ground, component=0, **options)
        theirs = simulate(DIGITS, component=3, **options)
        np.testing.assert_allclose(ours.per_run, theirs.per_run, rtol=1e-12)
    assert ground.test_loss(DIGITS.start[None][:, [3, 0, 1, 2]])[0] == pytest.approx(
        DIGITS.test_loss(DIGITS.start[None])[0]
    )
    assert torch.is_grad_enabled()


@each_library
def test_models_that_no_formula_describes_are_refused(library):
    def noisy(weights, point):
        return (loss_in_jax if library == "jax" else loss_in_torch)(
            weights, point
        ) * chance.random()

    chance = np.random.default_rng(0)
    with pytest.raises(RequestError, match=r"the same at every call|two ways to the first"):
        model_landscape(noisy, weights_in(library), DIGITS.signed_images)


def test_kinks_train_and_predictions_warn_of_them():
    jax = pytest.importorskip("jax")

    def loss(weights, point):
        return jax.nn.relu(weights @ point - 1) ** 2 + jax.nn.relu(weights @ point)

    ground = model_landscape(loss, DIGITS.start, DIGITS.signed_images)
    assert np.isfinite(simulate(ground, eta=0.01, T=3, runs=20).value)
    with pytest.warns(UserWarning, match="kinks"):
        compare(ground, order=2, eta=0.01, T=3, runs=20)
