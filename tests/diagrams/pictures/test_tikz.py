"""Pictures for papers compile in a real TeX, with the package tikz and nothing else."""

import re
import shutil
import subprocess

import pytest

from sgdiagrams.diagrams import Diagram, diagram_tikz, enumerate_diagrams


def compile_tex(body, folder):
    """Compile pictures, which may use the package tikz alone, and return TeX's log."""
    preamble = "\\documentclass{article}\n\\usepackage{tikz}\n"
    document = f"{preamble}\\begin{{document}}\n{body}\n\\end{{document}}\n"
    (folder / "pictures.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "pictures.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    log = (folder / "pictures.log").read_text(errors="replace")
    assert done.returncode == 0, log[-2000:]
    return log


def has_tikz():
    finder = shutil.which("kpsewhich")
    if shutil.which("pdflatex") is None or finder is None:
        return False
    found = subprocess.run([finder, "tikz.sty"], capture_output=True, check=False)
    return found.returncode == 0


@pytest.mark.tex
@pytest.mark.skipif(not has_tikz(), reason="no pdflatex with tikz is installed")
def test_pictures_compile(tmp_path):
    drawn = [d for order in range(5) for d in enumerate_diagrams(order, root="in-partition")]
    body = "\n\n".join(f"${diagram_tikz(diagram)}$" for diagram in drawn)
    log = compile_tex(body, tmp_path)
    assert "Overfull" not in log
    assert "Missing character" not in log


def test_one_picture_of_its_own():
    text = diagram_tikz(Diagram.parse("(01-2)(02-12)"))
    assert len(re.findall(r"\\begin\{tikzpicture\}", text)) == 1
    assert text.endswith("\\end{tikzpicture}")
    assert "usetikzlibrary" not in text
