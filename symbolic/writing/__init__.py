"""Formulas for people, from one layout in every format; derives no weight."""
