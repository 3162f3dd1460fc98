"""Pictures in a real TeX, with the package tikz and nothing else."""

import shutil
import subprocess


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
