"""Formulas for people: LaTeX, text, NumPy and SymPy."""
