"""Whether the derivatives of a model can be trusted; measures nothing."""
