"""Wild input for every door: mutated files, odd options, numbers nobody has; see ``tests/fuzz.py``."""
