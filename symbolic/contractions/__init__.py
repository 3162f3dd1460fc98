"""What diagrams are worth: contractions of derivative tensors; knows no schedule and no number."""
