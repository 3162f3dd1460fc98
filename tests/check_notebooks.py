"""Check that notebooks show our formulas: with KaTeX (VS Code) and MathJax (Jupyter), in a browser.

Usage: ``npm install katex mathjax@3`` in a folder, then ``python tests/check_notebooks.py FOLDER``;
exit status 1 when one of them cannot read a formula. Needs chromium. The tests of the package, which
have neither, look only for commands that this check has not seen.
"""

import html
import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from notebook_formulas import formulas

_PAGE = """<!doctype html><meta charset="utf-8"><script>
MathJax = {tex: {inlineMath: [['$', '$']], processEnvironments: true}, startup: {typeset: false}};
</script>
<script src="node_modules/mathjax/es5/tex-chtml-full.js"></script>
<script src="node_modules/katex/dist/katex.js"></script>
<div id="out"></div><pre id="log"></pre>
<script type="application/json" id="formulas">FORMULAS</script>
<script>
MathJax.startup.promise.then(async () => {
  const log = [];
  for (const [name, text] of JSON.parse(document.getElementById('formulas').textContent)) {
    const [, display, body] = text.match(/^([$]{1,2})([^$]*?)\\1$/) || [];
    try { katex.renderToString(body, {displayMode: display === '$$', strict: 'error'}); }
    catch (error) { log.push(`KaTeX: ${name}: ${error.message}`); }
    const place = document.createElement('div');
    place.textContent = text;
    document.getElementById('out').append(place);
    await MathJax.typesetPromise([place]);
    const failed = place.querySelector('mjx-merror');
    if (failed) log.push(`MathJax: ${name}: ${failed.textContent}`);
    if (!place.querySelector('mjx-container')) log.push(`MathJax: ${name}: not seen`);
  }
  document.getElementById('log').textContent =
    [`KaTeX ${katex.version}, MathJax ${MathJax.version}`, ...log].join('\\n');
});
</script>"""


def main(folder):
    """Show everything; return the exit status."""
    shown = [(name, noun._repr_latex_()) for name, noun in formulas()]
    data = json.dumps(shown).replace("</", "<\\/")
    with TemporaryDirectory() as place:
        page = Path(place) / "page.html"
        (Path(place) / "node_modules").symlink_to(Path(folder).resolve() / "node_modules")
        page.write_text(_PAGE.replace("FORMULAS", data))
        command = ["chromium", "--headless", "--no-sandbox", "--allow-file-access-from-files"]
        command += ["--virtual-time-budget=300000", "--dump-dom", page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    log = re.search(r'<pre id="log">(.*?)</pre>', done.stdout, re.DOTALL)
    lines = html.unescape(log[1]).splitlines() if log else []
    print("\n".join([*lines, f"{len(shown)} formulas"]))  # noqa: T201
    return 0 if len(lines) == 1 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
