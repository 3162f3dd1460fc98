"""Weighted embeddings by number: exact, propagated in time."""
