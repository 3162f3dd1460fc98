"""Derivatives along curves: which, in which pieces, and those of the penalty; knows no library."""
