"""Arithmetic with more digits or certified errors."""
