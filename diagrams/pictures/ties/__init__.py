"""Outlines around nodes that belong together, past all others; knows places and numbers, no diagram."""
