"""Text, LaTeX, einsum and SymPy tensors all say what the definition says."""

import re
from functools import cache

import numpy as np
import pytest
import slow
import sympy
from sympy.tensor.tensor import TensorIndex, TensorIndexType

from sgdiagrams.diagrams import enumerate_diagrams
from sgdiagrams.symbolic import Contraction
from sgdiagrams.symbolic.contractions.notation import einsum_of, latex_of, text_of

SAMPLES = slow.symmetric_samples(7, n=3, p=2)
ETA = [[2, -1], [-1, 5]]


def basis_of(name):
    return {"C": "cumulant", "S": "cumulant", "kappa": "cumulant", "V": "plug-in"}.get(
        name, "moment"
    )


def legs_of_name(name):
    """Return what MATHS calls the tensor's blocks: leg counts by its name."""
    named = {"l": [0], "G": [1], "H": [2], "J": [3], "K": [4], "C": [1, 1], "S": [1, 1, 1]}
    if name in named:
        return named[name]
    if name.startswith("D"):
        return [int(name[1:])]
    return [int(k) for k in name.split("_")[1:]]


@cache
def operand(name):
    """Return the array that an operand's name stands for."""
    if name == "eta":
        return np.array(ETA, dtype=object)
    head = name.split("_")[0]
    basis = "cumulant" if basis_of(head) == "cumulant" else "moment"
    return slow.block_tensor(legs_of_name(name), SAMPLES, basis)


def summed(arrays, free):
    """Return the sum over all letters but the free ones of a product of arrays."""
    names = {
        letter: i
        for i, letter in enumerate(
            dict.fromkeys([*free, *(x for _, letters in arrays for x in letters)])
        )
    }
    pairs = [x for array, letters in arrays for x in (array, [names[letter] for letter in letters])]
    return np.einsum(*pairs, [names[letter] for letter in free])


@cache
def naive(c):
    basis = "cumulant" if c.basis == "cumulant" else "moment"
    eta = ETA if c.metric == "eta" else None
    return slow.value(c.edges, c.blocks, SAMPLES, basis=basis, eta=eta, free=c.free)


@cache
def all_contractions(order, basis, metric):
    diagrams = enumerate_diagrams(order, root="in-partition")
    found = (Contraction.from_diagram(d, basis=basis, metric=metric) for d in diagrams)
    return tuple(dict.fromkeys(found))


@cache
def with_free_legs(metric):
    """Return forests with free legs and several trees, in both exact bases."""
    found = []
    for basis in ("moment", "cumulant"):
        for edges, nodes, free in [
            ([], 1, [0]),
            ([], 1, [0, 0]),
            ([], 2, [0, 1]),
            ([], 2, [1, 1]),
            ([(0, 1)], 2, [0]),
            ([(0, 1)], 2, [1, 0]),
            ([(0, 1)], 3, [2, 0]),
            ([(0, 1), (2, 3)], 4, [1]),
            ([(0, 1), (1, 2)], 3, [1, 0]),
            ([(0, 1)], 3, []),
        ]:
            for blocks in slow.set_partitions(range(nodes)):
                options = {"free": free, "basis": basis, "metric": metric}
                found += [Contraction.build(edges, blocks, **options)]
    return tuple(dict.fromkeys(found))


@cache
def with_circles(metric):
    """Return contractions with self-loops, parallel edges and rings, in three bases."""
    found = []
    for basis in ("moment", "cumulant", "plug-in"):
        for edges, nodes, free in [
            ([(0, 0)], 1, []),
            ([(0, 0)], 1, [0]),
            ([(0, 0), (0, 0)], 1, []),
            ([(0, 0)], 2, [1]),
            ([(0, 0), (0, 1)], 2, []),
            ([(0, 0), (1, 1)], 2, []),
            ([(0, 1), (0, 1)], 2, []),
            ([(0, 1), (0, 1)], 2, [0, 1]),
            ([(0, 1), (0, 1), (0, 1)], 2, []),
            ([(0, 0), (0, 1), (0, 1)], 2, []),
            ([(0, 1), (1, 2), (2, 0)], 3, []),
        ]:
            for blocks in slow.set_partitions(range(nodes)):
                options = {"free": free, "basis": basis, "metric": metric}
                found += [Contraction.build(edges, blocks, **options)]
    return tuple(dict.fromkeys(found))


def cases(order, metric):
    if order == "free":
        return with_free_legs(metric)
    if order == "circles":
        return with_circles(metric)
    bases = ("moment", "cumulant", "plug-in") if order < 4 else ("moment", "cumulant")
    return tuple(c for basis in bases for c in all_contractions(order, basis, metric))


EVERY = pytest.mark.parametrize(
    ("order", "metric"),
    [
        (order, metric)
        for order in (0, 1, 2, 3, 4, "free", "circles")
        for metric in ("identity", "eta")
    ],
)


def same(found, expected):
    return np.array_equal(np.asarray(found, dtype=object), np.asarray(expected, dtype=object))


@EVERY
def test_einsum_is_the_contraction(order, metric):
    for c in cases(order, metric):
        subscripts, operands = einsum_of(c)
        arrays = [operand(name) for name in operands]
        inputs, output = subscripts.split("->")
        assert len(output) == len(c.free)
        found = np.einsum(subscripts, *arrays) if inputs else arrays[0][()]
        assert same(found, naive(c)), c
        assert operands.count("eta") == (c.order if metric == "eta" else 0)


def parse_factors(text, pattern, name_of):
    """Return [(operand name, letters)] of a product of tensors."""
    factors = []
    for match in pattern.finditer(text):
        lower = (match["lower"] or "").replace(r"\cdot", "")
        groups = [re.findall(r"\\[a-z]+|[a-z]\d*", group) for group in lower.split("|")]
        letters = [letter for group in groups for letter in group]
        name = name_of(match["name"])
        if name in ("M", "kappa", "V"):
            name = "_".join([name, *(str(len(group)) for group in groups)])
        factors.append((name, letters))
    return factors


TEXT = re.compile(r"(?P<name>eta|kappa|l|[A-Z]\d*)(?:[_^](?P<lower>\S+))?(?:\s|$)")
LATEX = re.compile(
    r"(?P<name>\\eta|\\ell|\\kappa|\\widehat\{M\}|D\^\{\(\d+\)\}|[A-Z])(?:[_^]\{(?P<lower>[^}]*)\})?"
)


GREEK = [
    *(r"\mu", r"\nu", r"\lambda", r"\rho", r"\sigma", r"\tau", r"\alpha", r"\gamma", r"\delta"),
    *(r"\epsilon", r"\zeta", r"\xi", r"\phi", r"\chi", r"\psi"),
]


def latex_name(name):
    plain = {r"\eta": "eta", r"\ell": "l", r"\kappa": "kappa", r"\widehat{M}": "V"}
    return plain.get(name, re.sub(r"[^D\d]", "", name) if name.startswith("D") else name)


def unmarked(c):
    """Return text and LaTeX without the hats on lone derivatives, which averages over samples have."""
    text, latex = text_of(c), latex_of(c)
    lone = sum(len(block) == 1 for block in c.blocks) if c.basis == "plug-in" else 0
    text, in_text = re.subn(r"\^(?=_| |$)", "", text)
    latex, in_latex = re.subn(r"\\hat\{([A-Z]|\\ell)\}", r"\1", latex)
    assert in_text == in_latex == lone
    return text, latex


@EVERY
def test_text_and_latex_are_the_contraction(order, metric):
    for c in cases(order, metric):
        text, latex = unmarked(c)
        factors = parse_factors(text, TEXT, str)
        free = [*"abcdef"[: len(c.free)]]
        arrays = [(operand(name), letters) for name, letters in factors]
        assert all(array.ndim == len(letters) for array, letters in arrays)
        assert same(summed(arrays, free), naive(c)), text
        # Every summed letter occurs twice, every free one once.
        written = [letter for _, letters in factors for letter in letters]
        for letter in set(written):
            assert written.count(letter) == (1 if letter in free else 2)
        # LaTeX is the same with Greek letters.
        greek = dict(zip("abcdefghijkmnop", GREEK, strict=True))
        translated = [(name, [greek[letter] for letter in letters]) for name, letters in factors]
        assert parse_factors(latex, LATEX, latex_name) == translated


@EVERY
def test_sympy_tensors(order, metric):
    # SymPy's tensors are slow: a sample will do at order 4.
    for c in cases(4, metric)[::5] if order == 4 else cases(order, metric):
        tensor = c.as_tensor()
        if c.order == 0:
            assert tensor == sympy.Symbol("l")
            continue
        assert len(tensor.get_free_indices()) == len(c.free)


@pytest.mark.parametrize("metric", ["identity", "eta"])
def test_sympy_tensors_are_the_contraction(metric):
    space = TensorIndexType("L", dummy_name="L")
    for c in cases(2, metric):
        if c.basis == "plug-in":
            continue
        tensor = c.as_tensor()
        table = {space: sympy.eye(2)}
        names = set(einsum_of(c)[1])
        assert names == {str(t.name) for t in tensor.components}
        for head in tensor.components:
            rank = head.rank
            indices = [TensorIndex(f"j{i}", space, is_up=False) for i in range(rank)]
            if str(head.name) == "eta":
                indices = [-i for i in indices]
            table[head(*indices)] = operand(str(head.name)).tolist()
        assert tensor.replace_with_arrays(table) == naive(c)


def test_names_are_the_fields():
    star = [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5)]
    singles = [[v] for v in range(6)]
    assert set(einsum_of(Contraction.build(star, singles))[1]) == {"G", "D5"}
    assert set(einsum_of(Contraction.build(star[:4], singles[:5]))[1]) == {"G", "K"}
    assert set(einsum_of(Contraction.build(star[:3], singles[:4]))[1]) == {"G", "J"}
    assert r"D^{(5)}" in latex_of(Contraction.build(star, singles))
    pair = [[1, 2], [0]]
    for basis, name in (("moment", "M_1_1"), ("cumulant", "C"), ("plug-in", "V_1_1")):
        c = Contraction.build(star[:2], pair, basis=basis)
        assert sorted(einsum_of(c)[1]) == sorted([name, "H"])
    triple = [[1, 2, 3], [0]]
    for basis, name in (("moment", "M_1_1_1"), ("cumulant", "S"), ("plug-in", "V_1_1_1")):
        c = Contraction.build(star[:3], triple, basis=basis)
        assert sorted(einsum_of(c)[1]) == sorted([name, "J"])
    mixed = Contraction.build([(0, 1), (1, 2)], [[0, 1], [2]], basis="cumulant")
    assert sorted(einsum_of(mixed)[1]) == ["G", "kappa_1_2"]
    labelled = Contraction.build([(0, 1)], [[0], [1]], labels=["s", "loss"])
    assert sorted(einsum_of(labelled)[1]) == ["G", "s"]


def test_indices_of_long_contractions_do_not_run_out():
    n = 13
    chain = [(i, i + 1) for i in range(n - 1)]
    c = Contraction.build(chain, [[v] for v in range(n)], metric="eta")
    text = text_of(c)
    factors = parse_factors(text, TEXT, str)
    letters = [letter for _, names in factors for letter in names]
    assert len(set(letters)) == 2 * (n - 1)
    assert all(letters.count(letter) == 2 for letter in letters)
    subscripts, operands = einsum_of(c)
    arrays = [operand(name) for name in operands]
    eta = np.array(ETA, dtype=object)
    g, h = operand("G"), operand("H")
    expected = g
    for _ in range(n - 2):
        expected = expected @ eta @ h
    assert np.einsum(subscripts, *arrays, optimize="greedy") == expected @ eta @ g
    tex = re.findall(r"\\[a-z]+(?:_\{\d+\})?", latex_of(c).replace(r"\eta", ""))
    assert len(set(tex)) == 2 * (n - 1)


@pytest.mark.parametrize("shape", ["chain", "star", "one block"])
def test_hundreds_of_nodes_are_printed(shape):
    n = 490
    edges = [(0, i) if shape == "star" else (i - 1, i) for i in range(1, n)]
    blocks = [list(range(n))] if shape == "one block" else [[i] for i in range(n)]
    contraction = Contraction.build(edges, blocks)
    text = str(contraction)
    assert text.count("G") == {"chain": 2, "star": 489, "one block": 0}[shape]
    assert contraction.func(*contraction.args) == contraction
