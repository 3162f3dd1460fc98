"""Unbiased estimators of expressions: datapoints, kernels, their cost and code; knows no model."""
