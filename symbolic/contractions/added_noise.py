"""Noise that is added to gradients, independent of datapoint and weights: what it leaves of a value.

A visit's gradient is that of its datapoint plus noise a of its own, and higher derivatives have none. So
the joint cumulant over the noise of a visit is one of a alone where all its nodes are gradients, and 0
elsewhere; and of numbers no cumulant over datapoints is left but the mean. Values are then plain ones,
with the cumulants of a as the derivatives of one more function.
"""

from __future__ import annotations

from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["ADDED_NOISE", "with_added_noise"]

#: The name of the function whose k-th derivative is the k-th cumulant of the noise.
ADDED_NOISE = "noise"


def with_added_noise(contraction: Contraction, *, is_gaussian: bool) -> Contraction | None:
    """Return what added noise makes of a value in the conditional basis; None where it vanishes.

    Parameters
    ----------
    contraction
        Joint cumulants over datapoints of those over the noise of visits.
    is_gaussian
        Whether the noise has a covariance and no higher cumulants.

    Examples
    --------
    >>> texts = "varkappa_a|b H_ab", "varkappa_a;b H_ab", "varkappa_a|ab G_b"
    >>> [with_added_noise(Contraction.parse(text), is_gaussian=True) for text in texts]
    [noise_ab H_ab, C_ab H_ab, None]
    """
    legs, labels = contraction.legs, contraction.labels
    names: dict[int, int] = {}
    blocks: list[int] = []
    new_labels: list[str] = []
    merged: dict[int, int] = {}  # block of noise -> its node
    for v, block in enumerate(contraction.partition):
        nodes = contraction.blocks[block]
        visits = {contraction.visits[w] for w in nodes}
        if len(visits) == len(nodes):
            names[v] = len(blocks)
        elif (
            len(visits) > 1 or any(legs[w] != 1 for w in nodes) or (is_gaussian and len(nodes) > 2)
        ):
            return None
        elif block in merged:
            names[v] = merged[block]
            continue
        else:
            names[v] = merged[block] = len(blocks)
        blocks.append(block)
        new_labels.append(ADDED_NOISE if block in merged else labels[v])
    edges = [(names[i], names[j]) for i, j in contraction.edges]
    free = [names[v] for v in contraction.free]
    return Contraction.from_parts(edges, blocks, new_labels, free, basis="cumulant")
