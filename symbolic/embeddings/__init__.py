"""How often a forest of updates fits into a schedule, in closed form; knows no optimiser."""
