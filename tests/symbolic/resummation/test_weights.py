"""Weights of re-summed expansions are derived once and kept."""

import copy
import dataclasses
import pickle
from collections import Counter

import pytest

from sgdiagrams.symbolic import expand
from sgdiagrams.symbolic.resummation import weights


@pytest.fixture
def derived(monkeypatch):
    """How often each dressed count was derived, with its eigenvalues and without."""
    closed, written = Counter(), Counter()

    def dressed(diagram, training, *, root):
        closed[diagram, training, root] += 1
        return original_dressed(diagram, training, root=root)

    def expression(count, form, *, eigenvalues, roots):
        written[id(count), form, tuple(eigenvalues)] += 1
        return original_expression(count, form, eigenvalues=eigenvalues, roots=roots)

    original_dressed, original_expression = weights.closed_count, weights.expression
    monkeypatch.setattr(weights, "closed_count", dressed)
    monkeypatch.setattr(weights, "expression", expression)
    return closed, written


def use(expansion):
    """Ask for everything that needs weights, twice."""
    for _ in range(2):
        expansion.text()
        expansion.latex()
        expansion.latex(differences="written-out")
        expansion.sympy()
        for k in range(expansion.order + 1):
            for term in expansion.order_terms(k):
                expansion.conditions(term)


@pytest.mark.parametrize(
    ("observable", "sampling", "form"),
    [
        ("test-loss", "with-replacement", "discrete"),
        ("test-loss", "with-replacement", "stationary"),
        ("test-loss", "one-pass", "small-eta"),
        ("variance", "with-replacement", "discrete"),  # where contractions share skeletons
    ],
)
def test_printing_derives_every_dressed_count_once(derived, observable, sampling, form):
    closed, written = derived
    expansion = expand(observable, order=3, sampling=sampling, resummed=True).with_form(form)
    use(expansion)
    assert set(closed.values()) == {1}
    assert set(written.values()) == {1}
    # The tie between both: no more dressed counts than skeletons on their indices.
    skeletons = {s for t in expansion.pieces for p in t.pieces for s in p.skeletons}
    assert len(written) == len({(s.diagram, s.role, s.indices) for s in skeletons})
    assert len(closed) == len({(s.diagram, s.role) for s in skeletons})


def test_every_weight_is_derived_once(monkeypatch):
    calls = Counter()

    def weight(self, term):
        calls[term.contraction] += 1
        return original(self, term)

    original = weights.Weights.weight
    monkeypatch.setattr(weights.Weights, "weight", weight)
    expansion = expand("generalisation-gap", order=3, sampling="with-replacement", resummed=True)
    use(expansion)
    assert calls == Counter(term.contraction for term in expansion.pieces)


def test_copies_derive_their_own():
    expansion = expand("test-loss", order=2, sampling="with-replacement", resummed=True)
    exact, symbols, code = expansion.terms, expansion.symbols, hash(expansion)
    assert expansion.terms is exact
    assert expansion.symbols is symbols
    assert dataclasses.replace(expansion, form="stationary").terms != exact
    assert expansion.stationary().with_form("discrete").terms == exact
    assert expansion.at(N=4).symbols == ("T", "B")
    assert (expansion * 2).terms[0].weight == 2 * exact[0].weight
    assert expansion.at_minimum().terms != exact
    assert expansion.terms is exact
    assert hash(expansion) == code


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))],  # noqa: S301
)
@pytest.mark.parametrize("resummed", [False, True])
def test_what_is_kept_is_no_part_of_the_value(copied, resummed):
    fresh = expand("test-loss", order=2, sampling="one-pass", resummed=resummed)
    used = expand("test-loss", order=2, sampling="one-pass", resummed=resummed)
    used.text()
    assert used.symbols == ("T",)
    assert used.terms == fresh.terms
    assert used == fresh
    assert hash(used) == hash(fresh)
    assert repr(used) == repr(fresh)
    assert pickle.dumps(used) == pickle.dumps(fresh)
    assert copied(used) == fresh
    assert copied(used).terms == fresh.terms
    for name in ("terms", "order", "new"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(used, name, None)
