"""SGD in exact arithmetic: the judge of the theory."""
