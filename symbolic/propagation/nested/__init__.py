"""Visits with fresh noise in a fixed schedule, by number; knows no noise and no sampling by its name."""
