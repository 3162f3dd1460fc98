"""Training loops of other libraries, read as a scheme and an optimiser; runs none, knows no loss."""
