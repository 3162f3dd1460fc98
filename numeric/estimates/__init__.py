"""Formulas in numbers: value, error, judgement."""
