"""Prediction against experiment, and which series to believe; knows no contraction."""
