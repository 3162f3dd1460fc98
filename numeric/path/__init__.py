"""The expansion in the noise along a run, measured on a model by pushed runs; derives no diagram."""
