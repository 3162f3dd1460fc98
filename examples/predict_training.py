"""A PyTorch script, what is predicted of it, and what it does when one thing is changed at a time.

The upper part is a script as people write it: data, a model, an optimiser, a loop. `from_torch` reads the
loop off its objects, `along_path` predicts the test loss that it ends at, without running it. Then one
thing is changed at a time. Beside every prediction stands what the loop itself does, run many times on
training sets of its own.

    python examples/predict_training.py
    python examples/predict_training.py --runs 400 --samples 256
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from small_network import WIDTH, points

import sgdiagrams as sd

if TYPE_CHECKING:
    from collections.abc import Sequence

CRITERION = torch.nn.CrossEntropyLoss()


# ---- the script ------------------------------------------------------------------------------


class Setting(NamedTuple):
    """What one might change in the script."""

    batch_size: int = 8
    epochs: int = 3
    momentum: float = 0.5
    lr: float = 0.1


def network() -> torch.nn.Module:
    """Return the model, with the same 72 weights every time."""
    torch.manual_seed(0)
    layers = [torch.nn.Linear(2, WIDTH), torch.nn.Tanh(), torch.nn.Linear(WIDTH, 3, bias=False)]
    return torch.nn.Sequential(*layers).double()


def everything() -> torch.utils.data.TensorDataset:
    """Return the 240 points that there are; a training set is 64 of them, drawn by chance."""
    inputs, labels = points()
    return torch.utils.data.TensorDataset(torch.tensor(inputs), torch.tensor(labels))


def prepared(setting: Setting, rows: Any) -> tuple[Any, Any, Any]:
    """Return model, optimiser and data loader of the script."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=setting.lr, momentum=setting.momentum)
    loader = torch.utils.data.DataLoader(rows, batch_size=setting.batch_size, shuffle=True)
    return model, optimizer, loader


def train(setting: Setting, rows: Any) -> torch.nn.Module:
    """Train as the script does."""
    model, optimizer, loader = prepared(setting, rows)
    for _ in range(setting.epochs):
        for inputs, labels in loader:
            optimizer.zero_grad()
            CRITERION(model(inputs), labels).backward()
            optimizer.step()
    return model


# ---- what is predicted, and what happens -----------------------------------------------------

ROWS = 64
SETTINGS = {
    "as it is": Setting(),
    "batch size 4": Setting(batch_size=4),
    "batch size 32": Setting(batch_size=32),
    "1 epoch": Setting(epochs=1),
    "6 epochs": Setting(epochs=6),
    "no momentum": Setting(momentum=0.0),
    "momentum 0.9": Setting(momentum=0.9),
    "learning rate 0.03": Setting(lr=0.03),
    "learning rate 0.3": Setting(lr=0.3),
}


def predicted(setting: Setting, samples: int) -> sd.PathEstimate:
    """Return the test loss that the script ends at, as it is predicted."""
    data = everything()
    model, optimizer, loader = prepared(setting, torch.utils.data.Subset(data, range(ROWS)))
    training = sd.from_torch(optimizer, dataloader=loader, epochs=setting.epochs)
    loss, weights = sd.torch_loss(model, CRITERION)
    return sd.along_path(
        loss,
        weights,
        data.tensors,
        sampling=training.sampling,
        optimizer=training.optimizer,
        eta=sd.torch_eta(optimizer),
        samples=samples,
    )


def trained(setting: Setting, runs: int) -> tuple[float, float]:
    """Return the mean test loss of so many runs of the script, and its standard error."""
    data = everything()
    inputs, labels = data.tensors
    losses = []
    for run in range(runs):
        rng = np.random.default_rng(run)
        rows = torch.utils.data.Subset(data, rng.integers(len(data), size=ROWS).tolist())
        model = train(setting, rows)
        losses.append(CRITERION(model(inputs), labels).item())
    return float(np.mean(losses)), float(np.std(losses, ddof=1) / runs**0.5)


def main(arguments: Sequence[str] | None = None) -> int:
    """Predict, train, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=100, help="of the script, for each setting")
    parser.add_argument("--samples", type=int, default=64, help="of each prediction")
    parser.add_argument("--settings", nargs="*", choices=SETTINGS, default=list(SETTINGS))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # so small a model is slower on more
    print("test loss at the end")
    print("                    noiseless predicted      +-  trained      +-  judgement")
    for name in options.settings:
        estimate = predicted(SETTINGS[name], options.samples)
        loss, error = trained(SETTINGS[name], options.runs)
        numbers = (estimate.orders[0], estimate.value, estimate.standard_error, loss, error)
        row = "  ".join(f"{number:7.4f}" for number in numbers)
        print(f"  {name:18} {row}  {estimate.judgement.partition(':')[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
