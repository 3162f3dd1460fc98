"""The noiseless run of a model, and what pushes do to its end, to first order; draws no run."""
