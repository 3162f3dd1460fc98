"""Formulas for people: layouts and NumPy source; derives no weight, and spells no format."""
