"""Write the pages that are made of data: errata.

python docs/write_literature.py            # write them
python docs/write_literature.py --check    # say which are not as they would be written
"""

import argparse
import re
import sys
from pathlib import Path

from run_blocks import printed

from sgdiagrams.numeric import ERRATA, known_erratum

DOCS = Path(__file__).resolve().parent
OUTPUT = re.compile(r"(?<=^```console\n)(\$ .*\n)(?:.*\n)*?(?=^```$)", flags=re.MULTILINE)

ERRATA_HEAD = """# Errata

Formulas of this theory that are printed wrong: {number} of them, in drafts of 2020 and 2021, in the
thesis, and in the tables that their pictures were made with. Each is shown as it is printed, in the
letters of this package, and as the engine derives it. Exact numbers tell them apart: what SGD itself
does, in rational arithmetic, on a small landscape. Most are slips that leave the theory as it is; the
corollaries that hold are derived by `sgdiagrams results`.

`sgdiagrams results --errata` derives and checks all of them, `--errata NAME` one, both also with
`--format latex`; the exit status is 1 if exact SGD refuted what is derived. In Python
`known_erratum(NAME)` has `printed`, `derived` and `evidence`.

| name | what is wrong |
| --- | --- |
{table}
"""


def errata_page(printed_by):
    """Return the page of errata; what commands print is asked of a function."""
    errata = [known_erratum(name) for name in ERRATA]
    table = "\n".join(f"| [{e.name}](#{e.name}) | {escaped(e.statement)} |" for e in errata)
    return "\n".join(
        [
            ERRATA_HEAD.format(number=len(errata), table=table),
            *(section(e, printed_by) for e in errata),
        ]
    )


def section(erratum, printed_by):
    """Return the section of an erratum."""
    printed, derived = map(in_dollars, erratum.displays())
    sources = "; ".join(map(str, erratum.sources))
    return f"""## {erratum.name}

{escaped(erratum.statement)} *{escaped(sources)}.*

Printed:

{printed}

Derived:

{derived}

```console
$ {erratum.command}
{printed_by(erratum.command)}```
"""


def in_dollars(display):
    """Return a display of LaTeX as pages have it."""
    inside = display
    for name in ("align*", "equation*"):
        inside = inside.replace(f"\\begin{{{name}}}", "").replace(f"\\end{{{name}}}", "")
    inside = inside.strip()
    if "&" in inside:
        inside = f"\\begin{{aligned}}\n  {inside}\n\\end{{aligned}}"
    return f"$$\n{inside}\n$$"


def escaped(words):
    """Return words that a page shows as they stand."""
    for sign in "_*|<":
        words = words.replace(sign, f"\\{sign}")
    return words


def pages(printed_by):
    """Return all pages by name."""
    return {"errata.md": errata_page(printed_by)}


def without_output(page):
    """Return a page without what its commands print, which is compared where pages are run."""
    return OUTPUT.sub(r"\1", page)


def main():
    """Write or check the pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    is_check = parser.parse_args().check
    stale = []
    for name, page in pages((lambda _: "") if is_check else printed).items():
        path = DOCS / name
        if not is_check:
            path.write_text(page, encoding="utf-8")
        elif without_output(path.read_text(encoding="utf-8")) != page:
            stale.append(name)
    if stale:
        sys.exit(f"stale, run python docs/write_literature.py: {', '.join(stale)}")


if __name__ == "__main__":
    main()
