"""Draw the diagrams in the tutorial and the guides; a test compares the pictures with what is drawn now.

Usage: ``python docs/draw_guides.py``.
"""

from pathlib import Path

from sgdiagrams import Diagram, Epochs, OnePass, draw_sheet
from sgdiagrams.symbolic import draw_embeddings

FOLDER = Path(__file__).parent / "pictures"

#: The terms of order 1 and 2: each diagram with what stands below it.
TERMS = {
    "(0-1)(01)": "G g\none dot",
    "(0-1-2)(01-12)": "G h g\na chain",
    "(0-1-2)(02-12)": "H g g\na cherry",
    "(01-2)(02-12)": "H g g, the same g\na tied cherry",
}


def pictures():
    """Return the SVG of every picture by its name."""
    drawn = {
        "tutorial-terms": draw_sheet(
            map(Diagram.parse, TERMS),
            captions=list(TERMS.values()),
            columns=4,
            title="The terms of order 1 and 2 as pictures",
        ),
        "tutorial-placements": draw_embeddings(
            Diagram.parse("(0-1-2)(01-12)"), OnePass(T=3), columns=3
        ),
        "tutorial-epochs": draw_embeddings(
            Diagram.parse("(01-2)(01-12)"), Epochs(N=2, B=1, E=2), columns=2
        ),
    }
    return {name: picture.svg() for name, picture in drawn.items()}


if __name__ == "__main__":
    for name, svg in pictures().items():
        (FOLDER / f"{name}.svg").write_text(svg, encoding="utf-8")
        print(f"docs/pictures/{name}.svg")
