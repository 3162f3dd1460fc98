"""Weighted embeddings by number, propagated in time; knows no symbols and no sampling by its name."""
