"""Weighted embeddings one by one, with kernels found by running the optimiser; nothing of the package.

Diagrams are pairs ``(parents, blocks)`` as in `slow`. A schedule is a list of batches; a batch is a list
of *slots*, each with a row, and a row may be in several slots. A rule says how an optimiser moves.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import cache
from itertools import chain, combinations, permutations, product
from typing import NamedTuple

import numpy as np

# The optimiser ------------------------------------------------------------------------------------


class Rule(NamedTuple):
    """An optimiser as a manual prints it.

    `kind` is ``"sgd"``, ``"momentum"`` or ``"nesterov"``; `scales` says whether the factor of the
    learning rate multiplies the ``"gradient"`` or the ``"step"``. `average` is None, ``("tail", W)`` with
    W = None for all iterates, or ``("exponential", alpha)``.
    """

    kind: str = "sgd"
    beta: Fraction = Fraction(0)
    factors: tuple[Fraction, ...] = ()
    scales: str = "step"
    average: tuple | None = None


def path_of_one_push(rule, s, T):
    """Return the positions before the updates 0..T-1 and after the last one.

    The only gradient is that of update s; it is -1, so that plain descent moves by +1.
    """
    position, velocity = Fraction(0), Fraction(0)
    path = [position]
    for t in range(T):
        a = rule.factors[t] if rule.factors else Fraction(1)
        gradient = Fraction(-1 if t == s else 0)
        if rule.scales == "gradient":
            gradient, a = a * gradient, Fraction(1)
        velocity = rule.beta * velocity + gradient
        if rule.kind == "sgd":
            step = gradient
        elif rule.kind == "momentum":
            step = velocity
        else:
            step = gradient + rule.beta * velocity
        position = position - a * step
        path.append(position)
    return path


def read_out(path, average):
    """Return the position that an observable sees at the end of a path."""
    start, *iterates = path
    if average is None or not iterates:
        return path[-1]
    kind, number = average
    if kind == "tail":
        chosen = iterates if number is None else iterates[len(iterates) - number :]
        return sum(chosen) / Fraction(len(chosen))
    point = start
    for position in iterates:
        point = number * point + (1 - number) * position
    return point


def kernels(rule, T):
    """Return the tables K(s, t) and K_out(s); the learning-rate factor of update s is inside."""
    paths = [path_of_one_push(rule, s, T) for s in range(T)]
    inner = np.array([path[:T] for path in paths], dtype=object).reshape(T, T)
    outer = np.array([read_out(path, rule.average) for path in paths], dtype=object)
    return inner, outer


# Schedules ----------------------------------------------------------------------------------------


def one_pass(T, B=1):
    """Return T batches of B new rows each."""
    return [[t * B + i for i in range(B)] for t in range(T)]


def epochs(N, B, E):
    """Return E passes over N rows in one order."""
    return [list(range(i, i + B)) for _ in range(E) for i in range(0, N, B)]


def _standard(schedule):
    """Rename the rows and order the slots so that schedules that differ in that alone are equal."""
    best = None
    rows = sorted({row for batch in schedule for row in batch})
    for order in permutations(range(len(rows))):
        new = dict(zip(rows, order, strict=True))
        renamed = tuple(tuple(sorted(new[row] for row in batch)) for batch in schedule)
        best = renamed if best is None else min(best, renamed)
    return best


def _gathered(schedules):
    """Return pairs of a probability and a schedule for equally likely schedules."""
    plain = Counter(tuple(tuple(sorted(batch)) for batch in s) for s in schedules)
    found: Counter = Counter()
    for schedule, number in plain.items():
        found[_standard(schedule)] += number
    total = sum(found.values())
    return [(Fraction(number, total), schedule) for schedule, number in found.items()]


@cache
def reshuffled(N, B, E):
    """Return all orders of all epochs, with probabilities."""
    passes = [[list(order[i : i + B]) for i in range(0, N, B)] for order in permutations(range(N))]
    return _gathered([list(chain(*chosen)) for chosen in product(passes, repeat=E)])


@cache
def with_replacement(N, B, T):
    """Return all ways to fill T batches of B slots from N rows, with probabilities."""
    return _gathered(
        [
            [list(rows[t * B : (t + 1) * B]) for t in range(T)]
            for rows in product(range(N), repeat=T * B)
        ]
    )


# Embeddings ---------------------------------------------------------------------------------------


@cache
def _maps(cells, nodes):
    """Return all maps of `nodes` nodes to `cells` cells, one column for each."""
    return np.indices((cells,) * nodes).reshape(nodes, cells**nodes)


@cache
def _in_time(times, parents):
    """Return the maps to cells at these times that put children before their parents."""
    top = len(parents)
    maps = _maps(len(times), top)
    clock = np.array(times, dtype=int)
    good = np.ones(maps.shape[1], dtype=bool)
    for child, parent in enumerate(parents):
        if parent != top:
            good &= clock[maps[child]] < clock[maps[parent]]
    return maps[:, good]


def weighted_count(parents, blocks, schedule, tables, *, basis, root, rows):
    """Return the sum of the weights of all embeddings of a diagram.

    Every map of nodes to slots is tried: children before parents, the nodes of a block on one row, in
    the moment basis different blocks on different rows. Its weight is the product over edges of
    K(s, t), or K_out(s) into the root, and of 1/(slots of the batch) over nodes. ``root="training"``
    puts the root on each of the `rows` rows in turn, with weight 1/rows.
    """
    top = len(parents)
    if not top:
        return Fraction(1)
    inner, outer = tables
    cells = [(row, t) for t, batch in enumerate(schedule) for row in batch]
    sizes = [len(batch) for batch in schedule]
    maps = _in_time(tuple(t for _, t in cells), tuple(parents))
    row_of = np.array([row for row, _ in cells], dtype=int)
    time_of = np.array([t for _, t in cells], dtype=int)
    row, time = row_of[maps], time_of[maps]

    good = np.ones(maps.shape[1], dtype=bool)
    updates = [[v for v in block if v != top] for block in blocks]
    for block in updates:
        for v in block[1:]:
            good &= row[v] == row[block[0]]
    if basis == "moment":
        firsts = [block[0] for block in updates if block]
        for v, w in combinations(firsts, 2):
            good &= row[v] != row[w]
    # On how many rows the root may be
    places = np.ones(maps.shape[1], dtype=int)
    if root == "training":
        companions = [v for block in blocks if top in block for v in block if v != top]
        places = np.zeros(maps.shape[1], dtype=int)
        for place in range(rows):
            here = np.ones(maps.shape[1], dtype=bool)
            for v in range(top):
                if v in companions:
                    here &= row[v] == place
                elif basis == "moment":
                    here &= row[v] != place
            places += here
    good &= places > 0

    # Equal times have equal weights.
    T = len(schedule)
    code = np.zeros(int(good.sum()), dtype=int)
    for v in range(top):
        code = code * T + time[v][good]
    numbers = np.bincount(code, weights=places[good]).astype(int)
    total = Fraction(0)
    for number in np.flatnonzero(numbers):
        times = [int(number) // T ** (top - 1 - v) % T for v in range(top)]
        weight = Fraction(int(numbers[number]))
        for child, parent in enumerate(parents):
            s = times[child]
            weight *= outer[s] if parent == top else inner[s, times[parent]]
            weight /= sizes[s]
        total += weight
    return total if root == "population" else total / rows


def expected_count(parents, blocks, schedules, tables, **options):
    """Return the expectation of `weighted_count` over pairs of a probability and a schedule."""
    return sum(
        (p * weighted_count(parents, blocks, s, tables, **options) for p, s in schedules),
        Fraction(0),
    )


# Formulas and sums --------------------------------------------------------------------------------


def value_at(expression, **numbers):
    """Return a SymPy expression at numbers; exponents may hold symbols that come out whole."""
    if expression.is_Rational:
        return Fraction(int(expression.p), int(expression.q))
    if expression.is_Symbol:
        return Fraction(numbers[expression.name])
    parts = [value_at(part, **numbers) for part in expression.args]
    if expression.is_Pow:
        base, power = parts
        assert power.denominator == 1, expression
        return base ** int(power)
    result = Fraction(0) if expression.is_Add else Fraction(1)
    assert expression.is_Add or expression.is_Mul, expression
    for part in parts:
        result = result + part if expression.is_Add else result * part
    return result


def gap_sum(nodes, T):
    """Return the sum of Q_0^g_0 ... Q_L^g_L over gaps g_0 >= 0, g_1, ..., g_L >= 1 of sum T."""
    first, *rest = nodes
    total = Fraction(0)
    for gaps in product(range(1, T + 1), repeat=len(rest)):
        if sum(gaps) <= T:
            term = Fraction(first) ** (T - sum(gaps))
            for q, g in zip(rest, gaps, strict=True):
                term *= Fraction(q) ** g
            total += term
    return total
