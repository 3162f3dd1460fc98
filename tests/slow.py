"""Slow witnesses that read like the definitions; nothing here uses the package.

Diagrams are pairs ``(parents, blocks)``: the parents of nodes 0..n-2 (node n-1 is the root) and a list
of blocks. Samples are ``{k: array}`` with the k-th derivatives, sample axis first, exact numbers inside.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache
from itertools import combinations, permutations, product
from math import prod

import networkx as nx
import numpy as np
from networkx.algorithms.isomorphism import DiGraphMatcher

# Partitions ---------------------------------------------------------------------------------------


def set_partitions(elements):
    """Yield all partitions of a sequence: the block of the first element, then all of the rest."""
    elements = list(elements)
    if not elements:
        yield []
        return
    first, *rest = elements
    for size in range(len(rest) + 1):
        for companions in combinations(rest, size):
            left = [x for x in rest if x not in companions]
            for others in set_partitions(left):
                yield [[first, *companions], *others]


def as_sets(blocks):
    """Return a partition as a set of sets, so that order does not matter."""
    return frozenset(frozenset(block) for block in blocks)


def refines(fine, coarse):
    """Tell whether every block of `fine` is inside a block of `coarse`."""
    return all(any(set(f) <= set(c) for c in coarse) for f in fine)


def moebius_by_recursion(fine, coarse, elements):
    """Return mu(fine, coarse) from mu(a, a) = 1 and sum_{a <= x <= b} mu(a, x) = 0."""
    if as_sets(fine) == as_sets(coarse):
        return 1
    return -sum(
        moebius_by_recursion(fine, x, elements)
        for x in set_partitions(elements)
        if refines(fine, x) and refines(x, coarse) and as_sets(x) != as_sets(coarse)
    )


# Trees and diagrams -------------------------------------------------------------------------------


def labelled_trees(n):
    """Yield the parents of all labelled trees on 0..n-1 with root n-1."""
    for parents in product(range(n), repeat=n - 1):
        graph = nx.DiGraph(enumerate(parents))
        graph.add_node(n - 1)
        if nx.is_directed_acyclic_graph(graph):
            yield parents


def labelled_diagrams(n, *, isolated):
    """Yield all trees on 0..n-1 with root n-1 and all partitions (of the other nodes)."""
    for parents in labelled_trees(n):
        for blocks in set_partitions(range(n - 1 if isolated else n)):
            yield parents, [*blocks, [n - 1]] if isolated else blocks


def renumber(parents, blocks, new):
    """Return the diagram with node v called new[v]."""
    moved = [0] * len(parents)
    for child, parent in enumerate(parents):
        moved[new[child]] = new[parent]
    return tuple(moved), as_sets([new[v] for v in block] for block in blocks)


@cache
def isomorphism_classes(n, *, isolated):
    """Return {labelled diagram: number of its class} and the sizes of the classes."""
    number: dict = {}
    sizes: list = []
    for parents, blocks in labelled_diagrams(n, isolated=isolated):
        if (parents, as_sets(blocks)) not in number:
            copies = {renumber(parents, blocks, [*o, n - 1]) for o in permutations(range(n - 1))}
            number.update(dict.fromkeys(copies, len(sizes)))
            sizes.append(len(copies))
    return number, sizes


def incidence_graph(parents, blocks):
    """Return the tree with one more node for every block, joined to the block's members."""
    root = len(parents)
    graph = nx.DiGraph()
    for v in range(root + 1):
        graph.add_node(v, kind="root" if v == root else "update")
    graph.add_edges_from(enumerate(parents))
    for b, block in enumerate(blocks):
        graph.add_node(("block", b), kind="block")
        graph.add_edges_from((v, ("block", b)) for v in block)
    return graph


def automorphism_count(parents, blocks, colours=None):
    """Count the automorphisms of the rooted tree that carry blocks to blocks, by networkx's VF2."""
    graph = incidence_graph(parents, blocks)
    for v, colour in enumerate(colours or ()):
        graph.nodes[v]["kind"] += str(colour)
    matcher = DiGraphMatcher(graph, graph, node_match=lambda a, b: a["kind"] == b["kind"])
    return sum(1 for _ in matcher.isomorphisms_iter())


def are_isomorphic(first, second):
    """Tell whether two diagrams are isomorphic, by networkx's VF2."""
    return DiGraphMatcher(
        incidence_graph(*first),
        incidence_graph(*second),
        node_match=lambda a, b: a["kind"] == b["kind"],
    ).is_isomorphic()


def ancestors(parents, v):
    """Return the nodes above `v`, the root included."""
    found = []
    while v < len(parents):
        v = parents[v]
        found.append(v)
        assert len(found) <= len(parents), "a cycle"
    return found


def quotient_is_acyclic(parents, blocks):
    """Tell whether the tree without its root, divided by the blocks, has no directed cycle."""
    root = len(parents)
    home = {v: b for b, block in enumerate(blocks) for v in block}
    graph = nx.DiGraph()
    graph.add_nodes_from(home[v] for v in range(root))
    graph.add_edges_from((home[c], home[p]) for c, p in enumerate(parents) if p != root)
    return nx.is_directed_acyclic_graph(graph)


def has_comparable_pair(parents, blocks):
    """Tell whether some block has a node and one of its ancestors, the root left out."""
    root = len(parents)
    return any(
        other in ancestors(parents, v)
        for block in blocks
        for v in block
        for other in block
        if root not in (v, other)
    )


def links(parents, blocks):
    """Return the non-root nodes with exactly one child that are alone in their block."""
    return [v for v in range(len(parents)) if list(parents).count(v) == 1 and [v] in list(blocks)]


def canonical_by_definition(parents, blocks, colours=None):
    """Return the greatest level sequence and, with it, the least restricted growth string.

    Tries all orders of the children at every node. With colours 0..K-1 the sequence has
    ``depth * K + colour``.
    """
    root = len(parents)
    colours = [0] * (root + 1) if colours is None else colours
    step = max(colours) + 1
    home = {v: b for b, block in enumerate(blocks) for v in block}

    def preorders(v):
        children = [c for c, p in enumerate(parents) if p == v]
        for order in permutations(children):
            for tails in product(*(list(preorders(c)) for c in order)):
                yield [v, *(u for tail in tails for u in tail)]

    drawings = []
    for order in preorders(root):
        levels = tuple(len(ancestors(parents, v)) * step + colours[v] for v in order)
        names: dict = {}
        string = tuple(names.setdefault(home[v], len(names)) for v in order)
        drawings.append((levels, string))
    greatest = max(levels for levels, _ in drawings)
    return greatest, min(string for levels, string in drawings if levels == greatest)


# Embeddings ---------------------------------------------------------------------------------------


def one_pass_cells(T, B):
    """Return the shaded cells (datapoint, time) of one pass, and the number of datapoints."""
    return tuple((n, n // B) for n in range(T * B)), T * B


def epochs_cells(N, B, E):
    """Return the shaded cells of E epochs over N datapoints in batches of B, in one order."""
    assert N % B == 0
    return tuple((n, e * (N // B) + n // B) for e in range(E) for n in range(N)), N


@cache
def _maps(cells, nodes):
    """Return all maps of `nodes` nodes to cells: arrays (nodes, maps) of datapoints and of times."""
    places = np.indices((len(cells),) * nodes).reshape(nodes, len(cells) ** nodes)
    table = np.array(cells, dtype=np.int64).reshape(len(cells), 2)
    return table[:, 0].astype(np.int8)[places], table[:, 1].astype(np.int8)[places]


def embedding_count(parents, blocks, grid, *, basis, root="population"):
    """Count the embeddings of a diagram into a grid of shaded cells, by trying all maps.

    Children are strictly earlier than parents and the nodes of a block are on one row; in the moment
    basis different blocks are on different rows. With ``root="training"`` the root is on each row in
    turn, with weight 1/N.
    """
    cells, datapoints = grid
    top = len(parents)
    rows, times = _maps(cells, top)
    good = np.ones(rows.shape[1], dtype=bool)
    for child, parent in enumerate(parents):
        if parent != top:
            good &= times[child] < times[parent]
    for block in blocks:
        updates = [v for v in block if v != top]
        for v in updates[1:]:
            good &= rows[v] == rows[updates[0]]
    if basis == "moment":
        firsts = [min(b) for b in blocks if min(b) != top]
        for v, w in combinations(firsts, 2):
            good &= rows[v] != rows[w]
    if root == "population":
        assert [top] in [list(b) for b in blocks]
        return int(good.sum())
    total = 0
    for row in range(datapoints):
        here = good.copy()
        for block in blocks:
            updates = [v for v in block if v != top]
            if top in block:
                for v in updates:
                    here &= rows[v] == row
            elif basis == "moment":
                here &= rows[updates[0]] != row
        total += int(here.sum())
    return Fraction(total, datapoints)


def linear_extension_count(parents, blocks):
    """Return the number of linear extensions of the blocks of non-root nodes (0 with a cycle)."""
    root = len(parents)
    home = {v: b for b, block in enumerate(blocks) for v in block}
    kept = sorted({home[v] for v in range(root)})
    return sum(
        all(order.index(home[c]) < order.index(home[p]) for c, p in enumerate(parents) if p != root)
        for order in permutations(kept)
    )


def order_polynomial_value(parents, blocks, T):
    """Return the number of strictly order-preserving maps of the blocks of updates to 1..T."""
    root = len(parents)
    home = {v: b for b, block in enumerate(blocks) for v in block}
    kept = sorted({home[v] for v in range(root)})
    return sum(
        all(
            time[kept.index(home[c])] < time[kept.index(home[p])]
            for c, p in enumerate(parents)
            if p != root
        )
        for time in product(range(T), repeat=len(kept))
    )


# Values -------------------------------------------------------------------------------------------


def symmetric_samples(seed, *, n=3, p=2, orders=range(6), span=9):
    """Return random symmetric derivative tensors of integers: {k: object array (n, p, ..., p)}."""
    random = np.random.default_rng(seed)
    samples = {}
    for k in orders:
        array = np.empty((n, *[p] * k), dtype=object)
        for x in range(n):
            entries: dict = {}
            for index in product(range(p), repeat=k):
                key = tuple(sorted(index))
                if key not in entries:
                    entries[key] = int(random.integers(-span, span + 1))
                array[(x, *index)] = entries[key]
        samples[k] = array
    return samples


def joint(columns, basis):
    """Return the joint moment or cumulant of random variables, each the list of its values.

    Cumulants by moment(S) = sum over parts A of S that contain its first of cumulant(A) moment(S - A).
    """
    if not columns:
        return Fraction(1)
    moment = Fraction(sum(prod(values) for values in zip(*columns, strict=True)), len(columns[0]))
    if basis != "cumulant":
        return moment
    first, *rest = columns
    result = moment
    for size in range(len(rest)):
        for chosen in combinations(range(len(rest)), size):
            inside = [rest[i] for i in chosen]
            outside = [c for i, c in enumerate(rest) if i not in chosen]
            result -= joint([first, *inside], "cumulant") * joint(outside, "moment")
    return result


def value(edges, blocks, samples, *, basis="moment", eta=None, free=()):
    """Return a contraction by nested loops over all indices, as an object array over the free ones.

    Without `eta` both ends of an edge carry one index; with it each has its own, joined by
    eta[i][j], and so has a free leg.
    """
    p = samples[1].shape[1]
    nodes = sum(map(len, blocks))
    memory: dict = {}
    result = np.full((p,) * len(free), Fraction(0), dtype=object)
    ends = 1 if eta is None else 2
    for index in product(range(p), repeat=ends * (len(edges) + len(free))):
        at: list = [[] for _ in range(nodes)]
        factor = 1
        place = iter(index)
        for i, j in edges:
            near = next(place)
            far = near if eta is None else next(place)
            at[i].append(near)
            at[j].append(far)
            factor *= 1 if eta is None else eta[near][far]
        output = []
        for v in free:
            lower = next(place)
            upper = lower if eta is None else next(place)
            at[v].append(lower)
            output.append(upper)
            factor *= 1 if eta is None else eta[lower][upper]
        if not factor:
            continue
        for block in blocks:
            key = tuple(sorted(tuple(sorted(at[v])) for v in block))
            if key not in memory:
                memory[key] = joint([list(samples[len(k)][(slice(None), *k)]) for k in key], basis)
            factor = factor * memory[key]
        result[tuple(output)] += factor
    return result if free else result[()]


def block_tensor(legs, samples, basis):
    """Return the joint moment or cumulant of derivatives as an array, groups of axes in order."""
    p = samples[1].shape[1]
    tensor = np.empty((p,) * sum(legs), dtype=object)
    memory: dict = {}
    for index in product(range(p), repeat=sum(legs)):
        place = iter(index)
        groups = [tuple(sorted(next(place) for _ in range(k))) for k in legs]
        key = tuple(sorted(groups))
        if key not in memory:
            memory[key] = joint([list(samples[len(g)][(slice(None), *g)]) for g in key], basis)
        tensor[index] = memory[key]
    return tensor


# Formulas -----------------------------------------------------------------------------------------


def exact(expression, **numbers):
    """Return a SymPy expression of rationals, symbols, sums, products and powers as a Fraction."""
    if expression.is_Rational:
        return Fraction(int(expression.p), int(expression.q))
    if expression.is_Symbol:
        return Fraction(numbers[str(expression)])
    if expression.is_Add:
        return sum((exact(a, **numbers) for a in expression.args), Fraction(0))
    if expression.is_Mul:
        return prod((exact(a, **numbers) for a in expression.args), start=Fraction(1))
    if expression.is_Pow:
        exponent = exact(expression.exp, **numbers)
        assert exponent.denominator == 1
        return exact(expression.base, **numbers) ** int(exponent)
    raise TypeError(expression)


_TOKEN = re.compile(
    r"\s+|\\[Bb]ig[lr]?|\\[,;]|\\quad|\\times|\{\}"  # nothing
    r"|(?P<tensor>(?:D\^\{\(\d+\)\}|\\widehat\{M\}|\\kappa|[A-Z])_\{[^}]*\}|\\ell"
    r"|\\eta\^\{\\[a-z\\]+\}|(?:[A-Z]\d*|kappa)_[a-z|]+|\bl\b|eta\^[a-z]+)"
    r"|(?P<number>\d+)|(?P<frac>\\frac)|(?P<binom>\\binom|binom)|(?P<name>\\?[A-Za-z]+)"
    r"|(?P<sign>[-+/^,(){}\[\]])"
)


class _Reader:
    """Evaluates a printed formula: text or LaTeX, from left to right, juxtaposition a product."""

    def __init__(self, text, values):
        self.tokens = []
        place = 0
        while place < len(text):
            match = _TOKEN.match(text, place)
            assert match, text[place : place + 20]
            place = match.end()
            if match.lastgroup:
                self.tokens.append((match.lastgroup, match[0]))
        self.values = values
        self.at = 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self, expected=None):
        kind, text = self.peek()
        assert expected is None or text == expected, (text, expected, self.tokens)
        self.at += 1
        return kind, text

    def sum(self):
        total = Fraction(0)
        while True:
            sign = 1
            if self.peek()[1] in ("+", "-"):
                sign = -1 if self.take()[1] == "-" else 1
            total += sign * self.product()
            if self.peek()[1] not in ("+", "-"):
                return total

    def product(self):
        result = self.power()
        while self.peek()[0] != "end" and self.peek()[1] not in ("+", "-", ")", "}", "]", ","):
            if self.peek()[1] == "/":
                self.take()
                result /= self.power()
            else:
                result *= self.power()
        return result

    def power(self):
        base = self.atom()
        if self.peek()[1] != "^":
            return base
        self.take()
        return base ** (self.group("{", "}") if self.peek()[1] == "{" else self.atom())

    def group(self, start, end):
        self.take(start)
        result = self.sum()
        self.take(end)
        return result

    def atom(self):
        kind, text = self.peek()
        if kind == "tensor":
            names = []
            while self.peek()[0] == "tensor":
                names.append(self.take()[1])
            return self.values[tuple(names)]
        if kind == "number":
            return Fraction(self.take()[1])
        if kind == "name":
            return Fraction(self.values[self.take()[1].removeprefix("\\")])
        if kind == "frac":
            self.take()
            return self.group("{", "}") / self.group("{", "}")
        if kind == "binom":
            if self.take()[1] == "binom":
                self.take("(")
                top = self.sum()
                self.take(",")
                bottom = self.sum()
                self.take(")")
            else:
                top, bottom = self.group("{", "}"), self.group("{", "}")
            result = Fraction(1)
            for i in range(int(bottom)):
                result *= (top - i) / Fraction(i + 1)
            return result
        return self.group(text, {"(": ")", "[": "]"}[text])


def read_formula(text, values):
    """Return the value of a printed formula.

    `values` has a number for every symbol and for every product of tensors (a tuple of the tensors as
    they are written).
    """
    reader = _Reader(text, values)
    result = reader.sum()
    assert reader.peek()[0] == "end", reader.tokens[reader.at :]
    return result


def tensor_names(text):
    """Return the tensors of a product as `read_formula` wants them."""
    return tuple(name for kind, name in _Reader(text, {}).tokens if kind == "tensor")
