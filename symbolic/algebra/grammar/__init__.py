"""Expressions read from text, as data: where words begin, what sums and products say; no evaluation."""
