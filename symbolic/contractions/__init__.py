"""What diagrams are worth: contractions of derivative tensors."""
