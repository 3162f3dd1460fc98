"""Weights and contractions as JSON data, read strictly; knows no formula."""
