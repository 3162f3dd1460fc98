"""Settings of the whole test run."""

import gc

# Expressions make many objects that live long; looking for cycles among them takes a tenth of the time.
gc.set_threshold(200_000, 20, 100)
