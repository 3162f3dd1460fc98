"""A first model of one's own: three kinds of wine from thirteen measurements, in PyTorch.

    sgdiagrams compare --model examples/wine.py:wine --order 2 --set T=20 --runs 500 --plot wine.png

A function without arguments returns the loss of one datapoint, the weights and the data, which come with
scikit-learn.
"""

import torch
from sklearn.datasets import load_wine

import sgdiagrams as sd


def wine():
    """Return a network with 139 weights: its loss, the weights, and the data."""
    x, kind = load_wine(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(13, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    data = torch.tensor(x, dtype=torch.float32), torch.tensor(kind)
    return *sd.torch_loss(network, torch.nn.CrossEntropyLoss()), data
