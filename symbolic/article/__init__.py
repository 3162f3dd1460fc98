"""Whole derivations as an article in LaTeX: the words around a formula; derives no formula itself."""
