"""Contractions measured on models by nested derivatives, with errors; forms no tensor."""
