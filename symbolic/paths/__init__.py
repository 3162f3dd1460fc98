"""The expansion in the noise along a run, as a formula: derived and spelled; has no numbers."""
