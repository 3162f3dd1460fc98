"""SGD in floating point, many runs at once; knows no formula."""
