"""SGD in exact arithmetic, the judge of the theory; uses no diagram, count or kernel."""
