"""Exact polynomials, fractions and sums of exponentials; nothing here knows a diagram."""
