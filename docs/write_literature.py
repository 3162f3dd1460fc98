"""Write the pages that are made of data, literature and errata, and what `sgdiagrams find` looks through.

python docs/write_literature.py            # write them
python docs/write_literature.py --check    # say which are not as they would be written
"""

import argparse
import json
import re
import sys
from pathlib import Path

from run_blocks import printed

from sgdiagrams.literature.entries import papers
from sgdiagrams.numeric import ERRATA, known_erratum
from sgdiagrams.numeric.errata.erratum import in_dollars
from sgdiagrams.symbolic import RESULTS, known_result

DOCS = Path(__file__).resolve().parent
INDEX = DOCS.parent / "package" / "literature" / "index.json"
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


LITERATURE_HEAD = """# From the literature

A paper, the question that it asks, the command that answers it here, what that prints, and how this
answers the question in the letters of the paper: {number} of them. Where a result is printed, its last
line says how Python derives it. Nothing is looked up: every formula is derived when it is asked for, and
all commands of this page are run by the tests.

`sgdiagrams find WORD...` searches these questions and papers, and all that commands can do:

```console
$ sgdiagrams find label noise --limit 2
{found}```

{topics}
"""


def literature_page(printed_by):
    """Return the page of papers; what commands print is asked of a function."""
    topics = list(dict.fromkeys(paper["topic"] for paper in papers()))
    links = "\n".join(f"* [{topic}](#{anchor(topic)})" for topic in topics)
    found = printed_by("sgdiagrams find label noise --limit 2")
    pieces = [LITERATURE_HEAD.format(number=len(papers()), topics=links, found=found)]
    for topic in topics:
        pieces.append(f"## {topic}\n")
        pieces += [row(paper, printed_by) for paper in papers() if paper["topic"] == topic]
    return "\n".join(pieces)


def row(paper, printed_by):
    """Return what the page says of a paper."""
    source = f"*{escaped(paper['title'])}*"
    if "arxiv" in paper:
        source += f", [arXiv:{paper['arxiv']}](https://arxiv.org/abs/{paper['arxiv']})"
    return f"""### {paper["authors"]} ({paper["year"]})

{source}

> {escaped(paper["question"])}

```console
$ {paper["command"]}
{printed_by(paper["command"])}```

{escaped(paper["answer"])}
"""


def anchor(heading):
    """Return what links to a heading end in."""
    return re.sub(r"[^a-z0-9-]", "", heading.lower().replace(" ", "-"))


def index(known=(known_result, known_erratum)):
    """Return results and errata as entries of `sgdiagrams find`."""
    results, errata = known
    entries = []
    for kind, names, derive, line in (
        ("result", RESULTS, results, "sgdiagrams results {}"),
        ("erratum", ERRATA, errata, "sgdiagrams results --errata {}"),
    ):
        for name in names:
            known = derive(name)
            sources = "; ".join(map(str, known.sources))
            entries.append(
                {
                    "kind": kind,
                    "name": name,
                    "text": known.statement,
                    "command": line.format(name),
                    "words": sources,
                }
            )
    return "[\n" + ",\n".join(json.dumps(e, ensure_ascii=False) for e in entries) + "\n]\n"


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


def escaped(words):
    """Return words that a page shows as they stand."""
    for sign in "_*|<":
        words = words.replace(sign, f"\\{sign}")
    return words


def pages(printed_by):
    """Return all pages by name."""
    return {"errata.md": errata_page(printed_by), "literature.md": literature_page(printed_by)}


def without_output(page):
    """Return a page without what its commands print, which is compared where pages are run."""
    return OUTPUT.sub(r"\1", page)


def main():
    """Write or check the pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    is_check = parser.parse_args().check
    stale = []
    if not is_check:
        INDEX.write_text(index(), encoding="utf-8")
    elif INDEX.read_text(encoding="utf-8") != index():
        stale.append(INDEX.name)
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
