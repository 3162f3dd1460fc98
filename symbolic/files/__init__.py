"""Formulas as JSON: data in, data out, nothing evaluated."""
