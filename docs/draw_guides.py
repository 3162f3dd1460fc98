"""Draw the diagrams in the tutorial and the guides; a test compares the pictures with what is drawn now.

python docs/draw_guides.py
"""

from pathlib import Path

from sgdiagrams.diagrams import Diagram, contact_sheet_svg

FOLDER = Path(__file__).parent / "pictures"

#: Name of a picture: its title, and each diagram with what stands below it.
SHEETS = {
    "tutorial-terms": (
        "The terms of order 1 and 2 as pictures",
        {
            "(0-1)(01)": "G g\none dot",
            "(0-1-2)(01-12)": "G h g\na chain",
            "(0-1-2)(02-12)": "H g g\na cherry",
            "(01-2)(02-12)": "H g g, the same g\na tied cherry",
        },
    ),
}


def pictures() -> dict[str, str]:
    """Return the SVG of every picture by its name."""
    return {
        name: contact_sheet_svg(
            map(Diagram.parse, sheet), captions=list(sheet.values()), columns=4, title=title
        )
        for name, (title, sheet) in SHEETS.items()
    }


if __name__ == "__main__":
    for name, svg in pictures().items():
        (FOLDER / f"{name}.svg").write_text(svg, encoding="utf-8")
        print(f"docs/pictures/{name}.svg")
