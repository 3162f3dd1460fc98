"""SGD in a given order of the rows, as power series in eta; knows no diagram and no contraction."""
