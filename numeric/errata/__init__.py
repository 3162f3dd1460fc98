"""Published formulas that are wrong, held against exact SGD; knows no number of a user.

An erratum is a formula as it is printed, the same as the engine derives it, and numbers: what exact SGD
does on a small landscape, what the engine says of it, and what is printed.
"""
