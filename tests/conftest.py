"""Settings of the whole test run."""

import gc
import os

# SymPy reads this when it is first imported: thousands of expressions recur from test to test.
os.environ.setdefault("SYMPY_CACHE_SIZE", "20000")
# Expressions make many objects that live long; looking for cycles among them takes a tenth of the time.
gc.set_threshold(200_000, 20, 100)
# Tables are as wide as a page where nobody looks, whatever the terminal that tests are started from.
os.environ.pop("COLUMNS", None)
