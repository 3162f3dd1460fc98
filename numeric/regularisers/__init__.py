"""Penalties that make large batches train like small ones; knows no contraction and no sampling."""
