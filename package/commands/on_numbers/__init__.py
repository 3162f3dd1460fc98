"""Commands that put numbers in and hold formulas against runs; they know no model of a user."""
