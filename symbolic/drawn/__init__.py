"""Diagrams with counts and values below them, and in schedules; knows no shape and counts nothing."""
