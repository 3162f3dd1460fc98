"""Exact polynomials, fractions and sums of exponentials; knows no diagram."""
