r"""Rooted trees with a partition of their nodes: integers only.

A diagram is an isomorphism class of pairs :math:`(\tau, \pi)`: a rooted tree :math:`\tau` and a
partition :math:`\pi` of its nodes. An isomorphism is a bijection of the nodes that carries root to
root, edges to edges and blocks to blocks. The *order* is the number of edges; the *symmetry factor* is
the number of isomorphisms from the diagram to itself.
"""

from sgdiagrams.diagrams.decorated_tree import DecoratedTree
from sgdiagrams.diagrams.diagram import Diagram
from sgdiagrams.diagrams.enumeration import (
    DiagramRows,
    diagram_rows,
    enumerate_diagrams,
    noise_diagrams,
    noise_rows,
    symmetry_sum,
)
from sgdiagrams.diagrams.errors import (
    DiagramError,
    FormatError,
    LostWorkerError,
    MissingDependencyError,
    RequestError,
    SamplingError,
    SgdiagramsError,
    StatisticsError,
)
from sgdiagrams.diagrams.graphs import (
    are_isomorphic,
    automorphisms,
    count_automorphisms,
    disagreements,
    from_networkx,
    isomorphisms,
    quotient,
    to_networkx,
)
from sgdiagrams.diagrams.partitions import (
    bell_number,
    coarsenings,
    is_refinement,
    moebius,
    refinements,
    set_partitions,
)
from sgdiagrams.diagrams.pictures.captions import FormulaLine
from sgdiagrams.diagrams.pictures.characters.character_tree import diagram_text
from sgdiagrams.diagrams.pictures.characters.text_sheet import sheet_text
from sgdiagrams.diagrams.pictures.drawing import diagram_svg, diagram_tikz, draw_diagram
from sgdiagrams.diagrams.pictures.embedding import CellGrid, draw_embedding
from sgdiagrams.diagrams.pictures.picture import Picture
from sgdiagrams.diagrams.pictures.sheet import contact_sheet_svg, draw_sheet
from sgdiagrams.diagrams.trees import rooted_tree_count, rooted_trees

__all__ = [
    "CellGrid",
    "DecoratedTree",
    "Diagram",
    "DiagramError",
    "DiagramRows",
    "FormatError",
    "FormulaLine",
    "LostWorkerError",
    "MissingDependencyError",
    "Picture",
    "RequestError",
    "SamplingError",
    "SgdiagramsError",
    "StatisticsError",
    "are_isomorphic",
    "automorphisms",
    "bell_number",
    "coarsenings",
    "contact_sheet_svg",
    "count_automorphisms",
    "diagram_rows",
    "diagram_svg",
    "diagram_text",
    "diagram_tikz",
    "disagreements",
    "draw_diagram",
    "draw_embedding",
    "draw_sheet",
    "enumerate_diagrams",
    "from_networkx",
    "is_refinement",
    "isomorphisms",
    "moebius",
    "noise_diagrams",
    "noise_rows",
    "quotient",
    "refinements",
    "rooted_tree_count",
    "rooted_trees",
    "set_partitions",
    "sheet_text",
    "symmetry_sum",
    "to_networkx",
]
