"""SGD in floating point, many runs at once."""
