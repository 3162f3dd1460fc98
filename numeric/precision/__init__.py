"""Arithmetic with more digits or certified errors; knows no diagram and no landscape."""
