r"""Contractions: what diagrams are worth.

The value of a diagram is the product over blocks of a joint moment (or joint cumulant)
:math:`\langle \nabla^{a_1} l_x, \nabla^{a_2} l_x, \ldots \rangle` of the derivatives at the block's
nodes, contracted along every edge. It depends on the *unrooted* tree only (crossing symmetry; Tenka
2020, section 3), so different diagrams share one contraction and SymPy's ``Add`` collects them.

Diagrams are trees. Other contractions may have *circles*: the sharpness is H_aa, the squared size of the
Hessian H_ab H_ab, whose derivatives by the weights are contractions again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self, get_args

from sympy import Expr
from sympy.core.symbol import Str
from sympy.printing.precedence import PRECEDENCE

from sgdiagrams.diagrams.decorated_tree import check_tree
from sgdiagrams.diagrams.errors import DiagramError, RequestError, check_kind
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.partitions import (
    blocks_of,
    is_refinement,
    partition_of_blocks,
    restricted_growth_string,
)
from sgdiagrams.diagrams.trees import parents_of_levels
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic.contractions.graph import (
    Graph,
    Metric,
    ValueBasis,
    graph_text,
    parse_graph,
)
from sgdiagrams.symbolic.contractions.notation import (
    einsum_of,
    latex_of,
    mathml_of,
    tensor_of,
    text_of,
)
from sgdiagrams.symbolic.contractions.numbering import canonical_graph
from sgdiagrams.symbolic.contractions.parsing import read_contraction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sympy import Symbol

    from sgdiagrams.diagrams.diagram import Diagram

__all__ = ["Contraction", "Metric", "ValueBasis"]

#: The bases in which blocks may be split into visits.
_NESTED = ("moment", "conditional")
_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,60}")


class Contraction(Expr):  # type: ignore[misc]  # SymPy ships no types
    r"""A contraction of derivative tensors: a graph with a partition, as a SymPy scalar.

    Make one with `build` or `from_diagram`. It is immutable, hashable and canonical: isomorphic graphs
    give equal objects. It behaves as a commutative symbol in SymPy expressions; ``e.func(*e.args)``
    is ``e``.

    Parameters
    ----------
    text
        ``(blocks)(edges)`` with numbers separated by ``.``, as ``(0-1.2)(0.1-0.2)``. A block may be
        split into visits of its datapoint, with fresh noise at each: ``(0-1|2)(0.1-0.2)`` is the mean
        over datapoints of a product of means over the noise. A block of one visit is a plain one.
    basis
        ``"moment"``, ``"cumulant"``, ``"plug-in"`` (averages over a sample, block by block) or
        ``"distinct"`` (averages over distinct tuples of samples, one for every block). With singletons
        only, moments and cumulants are the same and the basis is ``"moment"``. ``"conditional"``:
        cumulants over datapoints of the cumulants over the noise of their visits.
    metric
        What joins the two ends of an edge: ``"identity"`` (a scalar learning rate is pulled out) or
        ``"eta"`` (the learning-rate tensor :math:`\eta^{\mu\nu}`).
    labels
        Names of the nodes separated by ``,``; empty when all are ``loss``.
    free
        The nodes that free legs hang on, separated by ``.``; empty when there are none.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> contraction = Contraction.from_diagram(Diagram.parse("(01-2)(02-12)"), basis="cumulant")
    >>> contraction
    C_ab H_ab
    >>> contraction.func(*contraction.args) == contraction
    True
    """

    __slots__ = ("_graph", "basis", "metric")

    is_commutative = True
    is_number = False
    # Printed as a product of tensors, so that powers and such get parentheses.
    precedence = PRECEDENCE["Mul"]

    basis: ValueBasis
    metric: Metric
    _graph: Graph

    def __new__(  # noqa: D102 - described by the class
        cls,
        text: str | Str,
        basis: str | Str = "moment",
        metric: str | Str = "identity",
        labels: str | Str = "",
        free: str | Str = "",
    ) -> Self:
        edges, partition, visits = parse_graph(str(text))
        names = tuple(str(labels).split(",")) if str(labels) else ("loss",) * len(partition)
        try:
            legs = tuple(int(v) for v in str(free).split(".")) if str(free) else ()
        except ValueError:
            raise DiagramError(
                f"expected free legs such as '0.2', got {shown(str(free))}"
            ) from None
        return cls._make(edges, partition, names, legs, str(basis), str(metric), visits)

    @classmethod
    def _make(
        cls,
        edges: tuple[tuple[int, int], ...],
        partition: tuple[int, ...],
        labels: tuple[str, ...],
        free: tuple[int, ...],
        basis: str,
        metric: str,
        visits: tuple[int, ...] | None = None,
    ) -> Self:
        if basis not in get_args(ValueBasis):
            raise RequestError(
                "expected basis conditional, moment, cumulant, plug-in or distinct, got "
                f"basis={shown(basis)}"
            )
        if visits is not None and visits != partition and basis not in _NESTED:
            raise RequestError(
                f"expected basis moment or conditional for blocks of several visits, got "
                f"basis={shown(basis)}"
            )
        if metric not in get_args(Metric):
            raise RequestError(f"expected metric identity or eta, got metric={shown(metric)}")
        if len(labels) != len(partition):
            raise DiagramError(f"expected {len(partition)} labels, one a node, got {len(labels)}")
        if not all(_LABEL.fullmatch(label) for label in labels):
            raise DiagramError(
                "expected labels of letters, digits, '-' and '_', starting with a letter"
            )
        graph = canonical_graph(edges, partition, labels, free, visits)
        is_single = len(set(partition)) == len(partition)
        if not partition or (basis in ("cumulant", "conditional") and is_single):
            basis = "moment"
        if not edges and not free:
            metric = "identity"
        plain = all(label == "loss" for label in graph.labels)
        self: Self = Expr.__new__(
            cls,
            Str(graph_text(graph)),
            Str(basis),
            Str(metric),
            Str("" if plain else ",".join(graph.labels)),
            Str(".".join(map(str, graph.free))),
        )
        self._graph = graph
        self.basis = basis  # type: ignore[assignment]
        self.metric = metric  # type: ignore[assignment]
        return self

    @classmethod
    def unit(cls) -> Contraction:
        """Return the contraction of no tensors, which is 1.

        Examples
        --------
        >>> unit = Contraction.unit()
        >>> unit, unit.node_count, unit.func(*unit.args) == unit
        (1, 0, True)
        """
        return cls._make((), (), (), (), "moment", "identity")

    @classmethod
    def build(
        cls,
        edges: Iterable[tuple[int, int]],
        blocks: Iterable[Iterable[int]],
        *,
        labels: Iterable[str] | None = None,
        free: Iterable[int] = (),
        basis: ValueBasis = "moment",
        metric: Metric = "identity",
        visits: Iterable[Iterable[int]] | None = None,
    ) -> Contraction:
        """Return the contraction of a graph given by plain Python data.

        Parameters
        ----------
        edges
            Pairs of nodes; the nodes are ``0..n - 1``. Edges may be parallel and close circles; a
            self-loop (i, i) takes two derivatives of its node.
        blocks
            The partition of the nodes.
        labels
            One name a node: ``loss``, or the name of an observable; all ``loss`` when left out.
        free
            The nodes that free legs hang on, one entry a free index, in the order of the indices.
        basis, metric
            See the class.
        visits
            A partition inside the blocks, where noise is fresh at every visit of a datapoint; by default
            each block is one.

        Raises
        ------
        DiagramError
            When the data do not describe a graph with a partition.

        Examples
        --------
        >>> Contraction.build([(0, 1), (1, 2)], [[0], [1], [2]])
        G_a H_ab G_b
        >>> Contraction.build([(0, 0)], [[0]]), Contraction.build([(0, 1), (0, 1)], [[0], [1]])
        (H_aa, H_ab H_ab)
        """
        given = [tuple(block) for block in blocks]
        partition = partition_of_blocks(given, sum(map(len, given)))
        if not partition:
            raise DiagramError("expected at least one node, got an empty graph")
        names = ("loss",) * len(partition) if labels is None else tuple(labels)
        pairs = [tuple(edge) for edge in edges]
        for pair in pairs:
            if len(pair) != 2 or not all(map(is_whole, pair)):
                raise DiagramError(f"expected edges as pairs of nodes, got {str(pair)[:60]}")
        inside = None
        if visits is not None:
            inside = partition_of_blocks(visits, len(partition))
            if not is_refinement(inside, partition):
                raise DiagramError("expected visits inside the blocks, got one in two of them")
        legs = list(free)
        if not all(map(is_whole, legs)):
            raise DiagramError(f"expected nodes for the free legs, got {str(legs)[:60]}")
        return cls._make(
            tuple((int(i), int(j)) for i, j in pairs),
            partition,
            names,
            tuple(int(v) for v in legs),
            basis,
            metric,
            inside,
        )

    @classmethod
    def parse(cls, text: str) -> Contraction:
        """Read a contraction as formulas print it; nothing is evaluated.

        Factors are separated by blanks. A letter that occurs twice joins two nodes, or a node with
        itself; one that occurs once is a free leg. ``tr(H)``, ``tr(C H)``, ``G.H.G``, ``|G|^2``,
        ``|H|^2`` and ``l^2`` are short for such products.

        Parameters
        ----------
        text
            Such as ``"G_a H_ab G_b"``: tensors l, G, H, J, K, D5, ... (with ``~`` for penalised
            losses), C and S, blocks with bars ``M_a|bc``, ``kappa_a|b``, ``V_a|b``, ``U_a|b``,
            ``eta^ab``, or functions by their names. ``G^_a`` and ``G^u_a`` are averages over samples,
            and over distinct ones. A name ends at the last underscore that is followed by indices,
            unless these cannot be, or would leave free legs other than a, b, ...

        Raises
        ------
        DiagramError
            When it is no contraction; the message points to the place.

        Examples
        --------
        >>> Contraction.parse("G_a H_ab G_b") == Contraction.build([(0, 1), (1, 2)], [[0], [1], [2]])
        True
        >>> Contraction.parse("tr(C H)"), Contraction.parse("|G|^2"), Contraction.parse("M_b|c H_bc")
        (C_ab H_ab, G_a G_a, M_a|b H_ab)
        >>> Contraction.parse("tr(H H)"), Contraction.parse("|G^|^2").basis
        (H_ab H_ab, 'plug-in')
        """
        check_kind("text", text, str, called="a contraction as text", error=DiagramError)
        f = read_contraction(text)
        return cls.build(
            f.edges,
            f.blocks,
            labels=f.labels,
            free=f.free,
            basis=f.basis,
            metric=f.metric,
            visits=f.visits,
        )

    @classmethod
    def from_parts(
        cls,
        edges: Iterable[tuple[int, int]],
        blocks: Sequence[int],
        labels: Iterable[str],
        free: Iterable[int] = (),
        *,
        basis: ValueBasis = "moment",
        visits: Sequence[int] | None = None,
    ) -> Contraction:
        """Return a contraction from a block number and a label for every node: for engines.

        As `build`, without checks of types.
        """
        return cls._make(
            tuple(edges),
            restricted_growth_string(blocks),
            tuple(labels),
            tuple(free),
            basis,
            "identity",
            None if visits is None else restricted_growth_string(visits),
        )

    @classmethod
    def from_diagram(
        cls, diagram: Diagram, *, basis: ValueBasis = "moment", metric: Metric = "identity"
    ) -> Contraction:
        """Return the value of a diagram: its tree without the root, with its partitions.

        Examples
        --------
        >>> from sgdiagrams.diagrams import Diagram
        >>> Contraction.from_diagram(Diagram.parse("(0-1-2)(01-12)"))
        G_a H_ab G_b
        """
        check_tree(diagram)
        edges = tuple(enumerate(parents_of_levels(diagram.levels), start=1))
        labels = ("loss",) * len(diagram.levels)
        visits = diagram.visit_labels
        if visits is not None and basis == "cumulant":
            basis = "conditional"
        return cls._make(edges, diagram.labels, labels, (), basis, metric, visits)

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """The edges (i, j) with i <= j, in canonical numbering."""
        return self._graph.edges

    @property
    def partition(self) -> tuple[int, ...]:
        """The restricted growth string of the blocks."""
        return self._graph.partition

    @property
    def visits(self) -> tuple[int, ...]:
        """The restricted growth string of the visits, that of the blocks where each is one visit."""
        return self._graph.partition if self._graph.visits is None else self._graph.visits

    @property
    def has_visits(self) -> bool:
        """Whether the noise of visits is told apart from datapoints."""
        return self._graph.visits is not None or self.basis == "conditional"

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """The blocks, each sorted, by least node."""
        return blocks_of(self._graph.partition)

    @property
    def labels(self) -> tuple[str, ...]:
        """The label of every node."""
        return self._graph.labels

    @property
    def free(self) -> tuple[int, ...]:
        """The node that each free leg hangs on."""
        return self._graph.free

    @property
    def node_count(self) -> int:
        """The number of nodes."""
        return len(self._graph.partition)

    @property
    def noise(self) -> int:
        """The number of nodes less that of blocks."""
        return self.node_count - len(self.blocks)

    @property
    def order(self) -> int:
        """The power of the learning rate: edges and free legs."""
        return len(self.edges) + len(self.free)

    @property
    def legs(self) -> tuple[int, ...]:
        """The number of derivative indices of every node."""
        counts = [0] * self.node_count
        for edge in self.edges:
            for v in edge:
                counts[v] += 1
        for v in self.free:
            counts[v] += 1
        return tuple(counts)

    @property
    def simplicity(self) -> tuple[object, ...]:
        """A sort key: the contractions that a person would write first are smallest."""
        sizes = sorted((len(block) for block in self.blocks), reverse=True)
        return (
            self.order,
            self.node_count,
            -len(sizes),
            sizes,
            sorted(self.legs, reverse=True),
            str(self.args[0]),
            *map(str, self.args[1:]),
        )

    def with_metric(self, metric: Metric) -> Contraction:
        """Return the same contraction with another metric on the edges."""
        if metric == self.metric:
            return self
        f = self._graph
        return self._make(f.edges, f.partition, f.labels, f.free, self.basis, metric, f.visits)

    def with_partition(
        self, partition: tuple[int, ...], basis: ValueBasis | None = None
    ) -> Contraction:
        """Return the same graph with another partition of its nodes (in canonical numbering).

        Each of its blocks is one visit.
        """
        f = self._graph
        return self._make(f.edges, partition, f.labels, f.free, basis or self.basis, self.metric)

    def with_label(self, old: str, new: str) -> Contraction:
        """Return the same contraction with one label replaced by another."""
        f = self._graph
        labels = tuple(new if label == old else label for label in f.labels)
        return self._make(f.edges, f.partition, labels, f.free, self.basis, self.metric, f.visits)

    # SymPy's contract -----------------------------------------------------------------------------

    def _hashable_content(self) -> tuple[Any, ...]:
        return tuple(arg.name for arg in self.args)

    @property
    def free_symbols(self) -> set[Symbol]:
        """The empty set: a contraction depends on no symbol."""
        return set()

    def _latex(self, _printer: object) -> str:
        return latex_of(self)

    def _sympystr(self, _printer: object) -> str:
        return text_of(self)

    def _numpycode(self, printer: Any) -> str:
        if not self.node_count:
            return "1"
        subscripts, operands = einsum_of(self)
        einsum = printer._module_format("numpy.einsum")  # noqa: SLF001 - SymPy's own protocol
        if not subscripts.strip("->"):
            return operands[0]
        return f"{einsum}({subscripts!r}, {', '.join(operands)}, optimize=True)"

    _pythoncode = _numpycode
    _scipycode = _numpycode

    def mathml(self) -> str:
        """Return the contraction in MathML for web pages, a ``math`` element.

        LaTeX is what SymPy's ``latex`` gives.
        """
        return mathml_of(self)

    def as_tensor(self) -> Expr:
        """Return SymPy's own tensor form (`sympy.tensor.tensor`).

        Examples
        --------
        >>> Contraction.build([(0, 1)], [[0], [1]]).as_tensor()
        G(L_0)*G(-L_0)
        """
        return tensor_of(self)
