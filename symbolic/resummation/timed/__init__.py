"""Dressed counts whose roots look at the weights at several times; does not know what they multiply."""
