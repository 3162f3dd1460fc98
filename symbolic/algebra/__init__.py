"""Linear combinations of contractions: products, derivatives, changes of basis; knows no schedule."""
