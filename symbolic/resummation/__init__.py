"""Linkless diagrams with dressed edges: sums that stay finite for long times."""
