"""Stationary weights with momentum, symmetric in pairs of roots; knows no diagram and no form."""
