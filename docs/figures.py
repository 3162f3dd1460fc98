"""Where the figures of pages come from: everything that is shown as measured or counted has a source.

A figure is a number in prose or in a table with a decimal point, or with three digits or more. It is

* what the blocks of code of its page show, which are run;
* or, below ``<!-- recorded: FILE -->`` (one file or several) and to the end of that section, a number of
  a record, rounded: of what a script printed (`docs/record.py` keeps that, with the machine), of the
  script's own settings, or derived from these as the record says;
* or a count of diagrams, which tests work out;
* or given: chosen, quoted or defined in words, and listed in `docs/figures.toml` with the reason.

What a page shows between ``<!-- printed: FILE -->`` and ``<!-- end of printed -->`` is what the script
has printed, line by line.
"""

import ast
import json
import operator
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GIVEN = ROOT / "docs" / "figures.toml"

_NUMBER = re.compile(
    r"(?<![\w.\\{^_/-])(?<!\d,)(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?P<places>\.\d+)?(?P<error>\(\d+(?:\.\d+)?\))?"
    r"(?:e(?P<power>-?\d+)|\s*\\cdot\s*10\^\{(?P<tens>-?\d+)\})?(?![\w.]\d|,\d{3})"
)
_PRINTED = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?")
#: Years, numbers of decisions, dates, versions and numbers of preprints are no figures.
_NO_FIGURE = re.compile(
    r"(?<![\d.,])(?:1[5-9]|20)\d\d\b(?![.,]\d)|(?<![\d.,])0\d{3}\b|\d{4}-\d\d-\d\d|"
    r"\d+\.\d+\.\d[\w.+]*|\b\d{4}\.\d{4,5}\b"
)
_CODE = re.compile(r"^```.*?^```$|`[^`]*`", flags=re.DOTALL | re.MULTILINE)
_RECORDED = re.compile(r"<!-- recorded: ((?:\S+ )+)-->")
_VERBATIM = re.compile(r"<!-- printed: (\S+) -->\n(.*?)<!-- end of printed -->", flags=re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", flags=re.DOTALL)
_OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as a page shows it, 0.1688(3) with its error."""

    shown: str
    value: float
    unit: float
    error: float = 0.0

    def is_one_of(self, numbers):
        """Whether it is a number, rounded to the digits that it shows, and its error another."""
        return any(self._near(self.value, number) for number in numbers) and (
            not self.error or any(self._near(self.error, number) for number in numbers)
        )

    def _near(self, shown, number):
        return abs(abs(number) - shown) <= 0.5001 * self.unit + 1e-9 * shown


def figures(text):
    """Return the figures of a text without code."""
    found = []
    for match in _NUMBER.finditer(_NO_FIGURE.sub("", text)):
        digits = match["whole"].replace(",", "")
        if match["places"] is None and len(digits) < 3:
            continue
        scale = 10.0 ** int(match["power"] or match["tens"] or 0)
        unit = scale * 10.0 ** -len((match["places"] or ".")[1:])
        value = float(digits + (match["places"] or "")) * scale
        error = float((match["error"] or "(0)")[1:-1])
        error *= scale if "." in (match["error"] or "") else unit
        found.append(Figure(match[0], value, unit, error))
    return found


def numbers(text):
    """Return the numbers in what a program has printed, or in code; of 1.77e-03 also 1.77."""
    found = set()
    for word in _PRINTED.findall(re.sub(r"(?<=\d)_(?=\d{3})", "", text)):
        plain = word.replace(",", "")
        found |= {abs(float(plain)), abs(float(plain.partition("e")[0]))}
        found |= {abs(float(part)) for part in word.split(",") if "e" not in part}
    for above, below in re.findall(r"(\d+)(?:/|, )(\d+)", text):
        found.add(int(above) / max(int(below), 1))
    return found


@cache
def record(name):
    """Return the numbers that a record accounts for: those of every line, then all others together.

    A figure and its error must stand in one line.
    """
    kept = json.loads((ROOT / name).read_text(encoding="utf-8"))
    said = [*kept["printed"], *kept.get("remarks", []), *kept["machine"].values()]
    lines = [numbers(line) | {figure.error for figure in figures(line)} for line in said]
    others = set()
    for word in kept["command"].split():
        if word.endswith(".py"):
            others |= _settings(ROOT / word)
    known = others.union(*lines)
    for shown, how in kept.get("derived", {}).items():
        value = _value(ast.parse(how, mode="eval").body, known)
        (figure,) = figures(shown)
        if not figure.is_one_of({value}):
            raise ValueError(f"{name}: {how} is {value}, and not {shown}")
        others.add(figure.value)
    return tuple(map(frozenset, [*lines, others]))


def _settings(script):
    """Return the numbers that stand in a script."""
    nodes = ast.walk(ast.parse(script.read_text(encoding="utf-8")))
    constants = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return {float(value) for value in constants if isinstance(value, (int, float))}


def _value(node, known):
    """Work out a sum, product or quotient of numbers that are known, or small and whole."""
    if isinstance(node, ast.BinOp):
        return _OPERATIONS[type(node.op)](_value(node.left, known), _value(node.right, known))
    if isinstance(node, ast.Constant) and (node.value in known or node.value in range(101)):
        return float(node.value)
    raise ValueError(f"not in the record: {ast.unparse(node)}")


def unaccounted(page, counts=frozenset()):
    """Return the figures of a page, as it shows them, that come from nowhere.

    Parameters
    ----------
    page
        The path of the page.
    counts
        Whole numbers that tests work out.
    """
    text = _VERBATIM.sub("", page.read_text(encoding="utf-8"))
    code = "\n".join([*_CODE.findall(text), *_COMMENT.findall(text)])
    own = numbers(code) | counts | given().get(str(page.relative_to(ROOT)), set())
    missing = []
    for part in re.split(r"^(?=#+ )|(?=<!-- recorded)", _CODE.sub("", text), flags=re.MULTILINE):
        named = _RECORDED.match(part)
        lines = [line for name in (named[1].split() if named else ()) for line in record(name)]
        together = [own.union(*lines)]
        shown = re.sub(r"\]\([^)]*\)", "]", _COMMENT.sub("", part))
        missing += [
            figure.shown
            for figure in figures(shown)
            if not any(map(figure.is_one_of, [own, *lines] if figure.error else together))
        ]
    return missing


def not_as_printed(page):
    """Return the lines of a page that are shown as printed and are not in the record."""
    wrong = []
    for name, shown in _VERBATIM.findall(page.read_text(encoding="utf-8")):
        kept = json.loads((ROOT / name).read_text(encoding="utf-8"))["printed"]
        lines = [line for line in shown.strip("\n").splitlines() if not line.startswith("```")]
        if not any(kept[i : i + len(lines)] == lines for i in range(len(kept))):
            wrong += [line for line in lines if line not in kept] or [f"another order than {name}"]
    return wrong


@cache
def given():
    """Return the figures that pages choose, quote or define: page -> values."""
    lists = tomllib.loads(GIVEN.read_text(encoding="utf-8"))["given"]
    found = {}
    for entry in lists:
        for figure in figures(" ".join(entry["figures"])):
            found.setdefault(entry["page"], set()).add(figure.value)
    return found
