"""Linkless diagrams with dressed edges, finite for long times; knows not how formulas are written."""
