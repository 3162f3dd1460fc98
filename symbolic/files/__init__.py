"""Formulas as JSON, data in and data out; evaluates nothing and knows no class that users make."""
