"""Schemes on one given training set, the set being the population; knows no value and no formula."""
