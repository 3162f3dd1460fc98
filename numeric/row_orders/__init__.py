"""What the order of the rows does on a given training set, by rows and pairs; knows no model."""
