"""One piece of work in a process of its own: ``python work.py MODULE NAME ARGUMENT...``.

Prints one line of JSON: ``seconds`` (the work alone, libraries being loaded already), ``peak_mib`` (the
most memory that the process held until the work was done, Python and libraries included) and
``result``, which the caller compares with other ways to the same end.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module

if __name__ == "__main__":
    module, name, *arguments = sys.argv[1:]
    print(json.dumps(import_module(module).WORK[name](*arguments)))
