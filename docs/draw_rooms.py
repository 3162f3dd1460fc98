"""Draw the rooms from the contracts in `pyproject.toml`, and list what is in them in its own words.

Usage: ``python docs/draw_rooms.py`` writes `docs/pictures/rooms.svg`, the tables of
`docs/architecture.md` and `docs/glossary.md`, and the list of decisions anew; a test compares them
with what it would write.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "pictures" / "rooms.svg"
PAGE = ROOT / "docs" / "architecture.md"
GLOSSARY = ROOT / "docs" / "glossary.md"
#: The words of the glossary, for `sgdiagrams find`.
WORDS = ROOT / "package" / "literature" / "words.json"
DECISIONS = ROOT / "docs" / "decisions" / "README.md"

ROOMS = {"diagrams": "integers", "symbolic": "exact SymPy", "numeric": "numbers"}
_BOX = (104, 24)  # width and height
_GAP = (8, 10)
_TOP = 62
_FILL = {"diagrams": "#e3f0fb", "symbolic": "#e5f4e3", "numeric": "#fdf0d9", "package": "#f1e6f6"}


def layers(room: str) -> list[list[str]]:
    """Return the names on every layer of a room, the top one first, as its contract has them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in settings["tool"]["importlinter"]["contracts"]:
        if contract["name"] == f"Inside {room}/":
            return [re.split(r"\s*[|:]\s*", layer) for layer in contract["layers"]]
    raise LookupError(room)


def sentence(room: str, name: str) -> str:
    """Return the first line of a docstring: of a sub-room, or of a module on its own."""
    folder = ROOT / room / name / "__init__.py"
    file = folder if folder.exists() else ROOT / room / f"{name}.py"
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").splitlines()[0]


def picture() -> str:
    """Return the drawing: a column a room, a row a layer; imports point down and to the left."""
    columns = {room: layers(room) for room in ROOMS}
    widths = {room: max(map(_row_width, rows)) for room, rows in columns.items()}
    height = _TOP + max(map(len, columns.values())) * (_BOX[1] + _GAP[1]) + 10
    commands = sorted(
        path.stem
        for path in (ROOT / "package" / "commands").rglob("*.py")
        if path.stem != "__init__" and path.parent.name != "shared"
    )
    body: list[str] = []
    x = 20
    for room, rows in columns.items():
        body += _column(room, ROOMS[room], x, widths[room], height)
        y = height - 10 - len(rows) * (_BOX[1] + _GAP[1])
        for row in rows:
            left = x + (widths[room] - _row_width(row)) / 2
            for name in row:
                is_folder = (ROOT / room / name).is_dir()
                body.append(_box(left, y, name + ("/" if is_folder else ""), bold=is_folder))
                left += _BOX[0] + _GAP[0]
            y += _BOX[1] + _GAP[1]
        x += widths[room] + 44
        body.append(_arrow(x - 12, height / 2))
        x += 10
    body += _column("package", "the face", x, _BOX[0], height)
    body.append(_box(x, _TOP, "public names", bold=False))
    body.append(_commands(x, _TOP + _BOX[1] + _GAP[1], commands))
    width = x + _BOX[0] + 20
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
                f'width="{width:g}" height="{height:g}" font-family="sans-serif" font-size="12">'
            ),
            "<title>The rooms of sgdiagrams</title>",
            (
                "<desc>Columns are rooms, rows are layers, arrows are imports. What stands higher or "
                "further right may import what stands lower or further left, never the other way.</desc>"
            ),
            f'<rect width="{width:g}" height="{height:g}" fill="white"/>',
            *body,
            "</svg>",
            "",
        ]
    )


def _row_width(row: list[str]) -> float:
    return len(row) * (_BOX[0] + _GAP[0]) - _GAP[0]


def _column(room: str, words: str, x: float, width: float, height: float) -> list[str]:
    return [
        (
            f'<rect x="{x - 10:g}" y="10" width="{width + 20:g}" height="{height - 20:g}" rx="8" '
            f'fill="{_FILL[room]}"/>'
        ),
        (
            f'<text x="{x + width / 2:g}" y="32" text-anchor="middle" font-size="15" '
            f'font-weight="bold">{room}/</text>'
        ),
        f'<text x="{x + width / 2:g}" y="48" text-anchor="middle">{escape(words)}</text>',
    ]


def _box(x: float, y: float, name: str, *, bold: bool) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{_BOX[0]}" height="{_BOX[1]}" rx="4" fill="white" '
        f'stroke="#555555"/><text x="{x + _BOX[0] / 2:g}" y="{y + 16:g}" text-anchor="middle"'
        f"{weight}>{escape(name)}</text>"
    )


def _commands(x: float, y: float, names: list[str]) -> str:
    """Return one box with the commands, none of which stands above another."""
    line = 17
    bold = ' font-weight="bold"'
    lines = "".join(
        f'<text x="{x + _BOX[0] / 2:g}" y="{y + 18 + line * i:g}" text-anchor="middle"'
        f"{bold if i == 0 else ''}>{escape(name)}</text>"
        for i, name in enumerate(["commands/", *names])
    )
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{_BOX[0]}" height="{line * (len(names) + 1) + 10:g}" '
        f'rx="4" fill="white" stroke="#555555"/>{lines}'
    )


def _arrow(x: float, y: float) -> str:
    """Return an arrow to the left: the way imports point."""
    return (
        f'<path d="M {x + 10:g} {y:g} H {x - 12:g} M {x - 6:g} {y - 5:g} L {x - 12:g} {y:g} '
        f'L {x - 6:g} {y + 5:g}" stroke="#333333" stroke-width="1.5" fill="none"/>'
    )


def table(room: str) -> str:
    """Return a room's layers with the sentence of every sub-room and module."""
    lines = ["| where | what it knows |", "| --- | --- |"]
    for layer in layers(room):
        for name in layer:
            is_folder = (ROOT / room / name).is_dir()
            shown = f"**{room}/{name}/**" if is_folder else f"{room}/{name}.py"
            lines.append(f"| {shown} | {sentence(room, name)} |")
    return "\n".join(lines)


def nouns() -> dict[str, tuple[str, str]]:
    """Return the public classes by name: their module, and the first line of their docstring."""
    result: dict[str, tuple[str, str]] = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    words = (ast.get_docstring(node) or "").splitlines()[0]
                    result[node.name] = str(path.relative_to(ROOT)), words
    return result


def noun_table() -> str:
    """Return the nouns in the order of the alphabet."""
    lines = ["| noun | meaning | module |", "| --- | --- | --- |"]
    for name, (module, words) in sorted(nouns().items(), key=lambda item: item[0].lower()):
        shown = re.sub(r":\w+:`([^`]*)`", r"`\1`", words).replace("|", "\\|")
        lines.append(f"| `{name}` | {shown} | {module} |")
    return "\n".join(lines)


def replaced(text: str, name: str, table: str) -> str:
    """Return a page with what stands between two marks replaced."""
    start, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
    before, rest = text.split(start)
    return f"{before}{start}{table}{end}{rest.split(end)[1]}"


def page(text: str) -> str:
    """Return the map with its tables as they should be."""
    for room in ROOMS:
        text = replaced(text, room, table(room))
    return text


def glossary(text: str) -> str:
    """Return the glossary with its table of nouns as it should be."""
    return replaced(text, "nouns", noun_table())


def decisions(text: str) -> str:
    """Return the list of decisions as it should be: their titles, in order."""
    titles = {
        path.name: path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        for path in sorted(DECISIONS.parent.glob("[0-9]*.md"))
    }
    lines = "\n".join(f"* [{title}]({name})" for name, title in titles.items())
    return replaced(text, "decisions", lines)


def glossary_words(text: str) -> str:
    """Return the words of the glossary and their meanings as JSON, one a line."""
    rows = re.findall(r"^\| \*\*(.+?)\*\* \| (.+) \|$", text, flags=re.MULTILINE)
    lines = [
        json.dumps({plain(word): plain(meaning)}, ensure_ascii=False) for word, meaning in rows
    ]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def plain(words: str) -> str:
    """Return the words of a page without its signs."""
    return re.sub(r"[`*$\\]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", words))


def main() -> None:
    """Write the files."""
    PICTURE.write_text(picture(), encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    GLOSSARY.write_text(glossary(GLOSSARY.read_text(encoding="utf-8")), encoding="utf-8")
    words = glossary_words(GLOSSARY.read_text(encoding="utf-8"))
    WORDS.write_text(words, encoding="utf-8")
    DECISIONS.write_text(decisions(DECISIONS.read_text(encoding="utf-8")), encoding="utf-8")
    print(
        "wrote", *(path.relative_to(ROOT) for path in (PICTURE, PAGE, GLOSSARY, WORDS, DECISIONS))
    )


if __name__ == "__main__":
    main()
